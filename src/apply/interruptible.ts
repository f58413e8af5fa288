// What a host answers in a run that may be interrupted meanwhile.
import type { ProgramOutcome } from '../host/host.ts';

/** No step: nothing of the program has begun. */
const NO_STEP = '';

/** The host's own outcome; but what it refuses because of the interruption is interrupted. */
export async function interruptible(
  answer: Promise<ProgramOutcome>,
  signal: AbortSignal,
): Promise<ProgramOutcome> {
  const outcome = await answer;
  if (outcome.kind !== 'refused' || !signal.aborted) return outcome;
  return { kind: 'lost', reason: 'interrupted', message: 'interrupted', during: NO_STEP, steps: new Map() };
}

/** How the host stands after a program. `lost`: nothing more can be asked of it on this connection. */
export function hostAfter(outcome: ProgramOutcome): 'fine' | 'lost' | 'interrupted' {
  if (outcome.kind !== 'lost' || outcome.reason === 'killed') return 'fine';
  return outcome.reason === 'interrupted' ? 'interrupted' : 'lost';
}
