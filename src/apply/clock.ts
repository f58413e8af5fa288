// Time as the engine sees it, so that tests need not wait for it.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds on a clock that nobody sets. */
  nowMs(): number;
  /** `interrupted`: the run was, or `cut` was aborted, before the time had passed. */
  pause(ms: number, cut?: AbortSignal): Promise<'passed' | 'interrupted'>;
}

export function systemClock(signal: AbortSignal): Clock {
  return {
    nowMs: () => performance.now(),
    pause: (ms, cut) => {
      const either = cut === undefined ? signal : AbortSignal.any([signal, cut]);
      return delay(ms, 'passed' as const, { signal: either }).catch(() => 'interrupted' as const);
    },
  };
}
