// What follows from a wave that has run: what is to be told of each action, and where the host goes from there. Pure: it
// judges, and leaves the telling and the going to others.
import type { MetaWord } from '../modules/controller/meta.ts';
import type { Action } from '../plan/action.ts';
import { afterFailure, following, isRescued, type Next, type Place } from '../plan/place.ts';
import type { Wave } from '../plan/wave.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { Retry } from './retry.ts';
import type { WaveOutcome } from './run-wave.ts';
import { type ActionOutcome, type JudgedOutcome, judge } from './task-outcome.ts';

export interface AfterWave {
  readonly told: readonly Told[];
  /** Behind them: the action that is run again. */
  readonly again: Again | undefined;
  readonly next: Next;
  /** How long to wait before that. */
  readonly pauseMs: number;
  /** A word to the engine at its end. */
  readonly asked: Asked | undefined;
  /** Its failure is nobody's to rescue. */
  readonly failed: ResolvedTask | undefined;
}

export interface Told {
  readonly each: ActionOutcome;
  readonly judged: JudgedOutcome;
  /** Where the host would go from it. */
  readonly next: Next;
}

export interface Again {
  readonly each: ActionOutcome;
  readonly judged: JudgedOutcome;
  readonly retry: Retry & { readonly place: Place };
}

export interface Asked {
  readonly word: MetaWord;
  readonly place: Place;
}

export function afterWave(wave: Wave, { outcomes, host }: WaveOutcome): AfterWave {
  const canGoOn = host === 'fine' || host === 'rebooted';
  if (outcomes.length === 0 && canGoOn) throw new Error('a wave came to nothing');
  const told: Told[] = [];
  let next: Next = wave.starts[0] ?? wave.next;
  let asked: Asked | undefined;
  for (const [index, each] of outcomes.entries()) {
    const place = wave.starts[index];
    if (place === undefined) throw new Error('an action stands nowhere');
    const judged = judge(each, place.attempt);
    if (judged.retry !== undefined && canGoOn) {
      const again = { each, judged, retry: { place, ...judged.retry } };
      const { delayMs: pauseMs } = judged.retry;
      return {
        told,
        again,
        next: { ...place, attempt: place.attempt + 1 },
        pauseMs,
        asked,
        failed: undefined,
      };
    }
    const { status } = judged.outcome;
    const hasFailed = status === 'failed' || status === 'unknown';
    const onwards = wave.starts[index + 1] ?? wave.next;
    next = status === 'failed' && canGoOn ? afterFailure(place) : hasFailed ? 'failed' : onwards;
    const word = wordOf(each.action);
    if (word !== undefined) asked = { word, place };
    if (status === 'failed' && canGoOn && isRescued(place))
      told.push({ each, judged: rescued(judged), next });
    else told.push({ each, judged, next: next === 'failed' ? following(place) : next });
  }
  const failed = next === 'failed' ? outcomes.at(-1)?.action.task : undefined;
  return { told, again: undefined, next, pauseMs: next === wave.next ? wave.pauseMs : 0, asked, failed };
}

function wordOf(action: Action): MetaWord | undefined {
  return action.kind === 'controller' && action.verdict.kind === 'ok' ? action.verdict.meta : undefined;
}

/** A failure that a rescue part takes care of. */
function rescued(judged: JudgedOutcome): JudgedOutcome {
  return { ...judged, outcome: { ...judged.outcome, status: 'rescued' } };
}
