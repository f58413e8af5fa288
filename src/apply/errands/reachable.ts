// Waits until a host is ready, each time asked over a new TCP and SSH connection: the old one may well answer a while
// longer, or look alive although nothing comes through. What "ready" means is for whoever waits.
import type { Host, RunOptions, StepOutput } from '../../host/host.ts';
import type { Clock } from '../clock.ts';

/** What came of one look at a host that could be connected to. `notYet`: why not. */
export type Look = { readonly kind: 'ready' } | { readonly notYet: string };

export interface Patience {
  readonly timeoutMs: number;
  readonly sleepMs: number;
  /** For one attempt to connect; undefined: the host's own. */
  readonly connectMs?: number;
  readonly look: (host: Host) => Promise<Look>;
}

export type Waited =
  | { readonly kind: 'ready'; readonly afterMs: number }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'late'; readonly afterMs: number; readonly why: string };

export async function untilReady(host: Host, patience: Patience, clock: Clock): Promise<Waited> {
  const { timeoutMs, sleepMs } = patience;
  const startMs = clock.nowMs();
  for (;;) {
    const answer = await attempt(host, patience);
    const afterMs = clock.nowMs() - startMs;
    if (!('notYet' in answer)) return answer.kind === 'ready' ? { kind: 'ready', afterMs } : answer;
    if (afterMs >= timeoutMs) return { kind: 'late', afterMs, why: answer.notYet };
    if ((await clock.pause(sleepMs)) === 'interrupted') return { kind: 'interrupted' };
  }
}

/** What a script that only looks printed, or why it could not be run. */
export async function lookAt(host: Host, script: string, options: RunOptions): Promise<StepOutput | string> {
  const program = { kind: 'inspect', steps: [{ id: 'ask', script, onFailure: 'stop' }] } as const;
  const outcome = await host.run(program, options);
  if (outcome.kind === 'withheld') return 'it may not be asked';
  if (outcome.kind !== 'finished') return outcome.message;
  const step = outcome.steps.get('ask');
  return step?.kind === 'exited' ? step : 'it did not answer';
}

async function attempt(
  host: Host,
  { connectMs, look }: Patience,
): Promise<Look | { readonly kind: 'interrupted' }> {
  await host.disconnect();
  const connected = await host.connect(connectMs === undefined ? undefined : { timeoutMs: connectMs });
  if (connected.kind === 'connected') return look(host);
  return connected.reason === 'interrupted' ? { kind: 'interrupted' } : { notYet: connected.message };
}
