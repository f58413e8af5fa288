// Time as the engine sees it, so that tests need not wait for it.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds on a clock that nobody sets. */
  nowMs(): number;
  /** `interrupted`: the run was, before the time had passed. */
  pause(ms: number): Promise<'passed' | 'interrupted'>;
}

export function systemClock(signal: AbortSignal): Clock {
  return {
    nowMs: () => performance.now(),
    pause: (ms) => delay(ms, 'passed' as const, { signal }).catch(() => 'interrupted' as const),
  };
}
