// Waits a while, or for the person at the terminal, or for whichever comes first.
import type { Pause } from '../../modules/errand.ts';
import type { Action } from '../../plan/action.ts';
import { labelOf } from '../task-outcome.ts';
import type { ErrandContext, ErrandOutcome } from './errands.ts';

export async function pause(
  wanted: Pause,
  action: Action,
  { clock, person, signal }: ErrandContext,
): Promise<ErrandOutcome> {
  const { ms, echo } = wanted;
  const begun = new Date();
  const startMs = clock.nowMs();
  const over = new AbortController();
  const cut = AbortSignal.any([over.signal, signal]);
  const asked = person.ask({ text: questionOf(wanted, labelOf(action).title), echo }, cut);
  const passed =
    ms === undefined ? undefined : clock.pause(ms, over.signal).then(() => ({ kind: 'passed' as const }));
  const first = await (passed === undefined ? asked : Promise.race([asked, passed]));
  const last = first.kind === 'nobody' && passed !== undefined ? await passed : first;
  over.abort();
  await Promise.all([asked, passed]); // the terminal is free again
  if (signal.aborted) return { raw: undefined, host: 'interrupted' };
  const tookMs = clock.nowMs() - startMs;
  const isUnasked = last.kind === 'nobody';
  return {
    host: 'fine',
    raw: {
      kind: 'ok',
      ...(isUnasked && { message: 'went on at once: there is no terminal to wait for an answer at' }),
      fields: {
        user_input: last.kind === 'said' && ms === undefined ? last.text : '',
        start: dateText(begun),
        stop: dateText(new Date(begun.getTime() + tookMs)),
        delta: Math.floor(tookMs / 1000),
        echo,
        rc: 0,
        stdout: `Paused for ${lengthText(tookMs, wanted.unit)}`,
        stderr: '',
      },
    },
  };
}

function questionOf({ ms, prompt, echo }: Pause, title: string): string {
  const hidden = echo ? '' : ' (what you type is not shown)';
  const time = ms === undefined ? '' : `pausing for ${ms / 1000} seconds, Enter goes on at once`;
  const said = prompt ?? (ms === undefined ? 'press Enter to go on, Ctrl-C to stop' : '');
  return `[${title}] ${[said, time].filter((part) => part !== '').join('; ')}${hidden}: `;
}

function lengthText(ms: number, unit: Pause['unit']): string {
  const length = unit === 'minutes' ? ms / 60_000 : ms / 1000;
  return `${Math.round(length * 100) / 100} ${unit}`;
}

/** As Ansible writes it, in local time. */
function dateText(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().replace('T', ' ').replace('Z', '000');
}
