// Waiting for a host's boot, and what it means that there is none.
import { hostState, readEvents, waitForEvents } from './events.ts';
import type { LabPaths } from './lab-folder.ts';
import type { LabHost } from './plan.ts';
import { isMachine } from './vm/systems.ts';

/** How long a boot may be silent. An emulated machine takes its time, more so beside others. */
export function bootTimeoutMs(hosts: readonly LabHost[]): number {
  return hosts.some(({ system }) => isMachine(system)) ? 600_000 : 60_000;
}

/**
 * Resolves when the host has become ready after the first `from` events. A LabError where it boots and something fails, where it
 * does not boot any more, or in time-out.
 */
export function untilReady(paths: LabPaths, host: LabHost, from: number): Promise<void> {
  return waitForEvents(paths.events, (events) => hostState(events, host.name).kind === 'ready', {
    from,
    timeoutMs: bootTimeoutMs([host]),
    what: `${host.name} boots`,
    trouble: () => {
      const { kind, what } = hostState(readEvents(paths.events).slice(from), host.name);
      if (kind === 'degraded') return `these failed: ${what}`;
      return kind === 'failed' ? `it does not; see ${paths.log}` : undefined;
    },
  });
}
