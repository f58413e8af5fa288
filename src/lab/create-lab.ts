// Making a lab: claim a name, write its files, start its pid 1, boot the hosts a few at a time.
// Killed at any point, the lab's processes end by themselves and the folder is swept by whoever comes next.
import { availableParallelism } from 'node:os';
import { bootTimeoutMs } from './boot-wait.ts';
import { type LabEvent, readEvents, waitForEvents } from './events.ts';
import { Lab } from './lab.ts';
import { LabError } from './lab-error.ts';
import { fillLabFolder, labPaths, logTail, writeKnownHosts } from './lab-folder.ts';
import { raiseNeighbourLimits } from './neighbour-limits.ts';
import { type LabPlan, type LabShape, type ProviderCount, planLab } from './plan.ts';
import { identify, ownProcess, type ProcessId } from './process-id.ts';
import { claimLab, DEFAULT_LAB_NAME, type LabState, writeLabState } from './state.ts';
import { type Supervisor, startSupervisor } from './supervisor.ts';
import { removeLab, sweepLabs } from './sweep.ts';
import { machineSettings } from './vm/machine-settings.ts';
import type { LabSystem } from './vm/systems.ts';

export interface LabOptions {
  readonly name?: string;
  /** 4 when nothing is said. */
  readonly hostCount?: number;
  /** Of providers, and so of uplinks per host: 2 when nothing is said. */
  readonly providers?: ProviderCount;
  /** A network behind each host, which forwards for it, with one client machine: none when nothing is said. */
  readonly lan?: boolean;
  /** What the hosts run on, host after host, and from the start again when they are used up: namespaces when nothing is said. */
  readonly systems?: readonly LabSystem[];
  /** Hears a line when an image for machines has been built, which happens once. */
  readonly tell?: (line: string) => void;
  /**
   * The lab is worth nothing without this process. `this-process`: the lab dies with it at once;
   * another one: the next `lab` command of any name sweeps it. Undefined: it stays until it is taken down.
   */
  readonly owner?: 'this-process' | ProcessId;
}

export const DEFAULT_HOST_COUNT = 4;
export const DEFAULT_PROVIDERS: ProviderCount = 2;

const FABRIC_TIMEOUT_MS = 30_000;
/** Resolves when every host lets one in. A LabError, and nothing left, where that fails. */
export async function createLab(options: LabOptions = {}): Promise<Lab> {
  await sweepLabs();
  const shape: LabShape = {
    hostCount: options.hostCount ?? DEFAULT_HOST_COUNT,
    providers: options.providers ?? DEFAULT_PROVIDERS,
    lan: options.lan ?? false,
    ...(options.systems && { systems: options.systems }),
  };
  const plan = planLab(shape);
  const settings = await machineSettings(plan, options.tell ?? (() => {}));
  const maker = ownProcess();
  const owner = options.owner === 'this-process' ? maker : options.owner;
  const making: LabState = {
    name: options.name ?? DEFAULT_LAB_NAME,
    ...shape,
    phase: 'making',
    maker,
    ...(owner && { owner }),
  };
  const folder = claimLab(making);
  try {
    raiseNeighbourLimits(plan);
    fillLabFolder(folder, plan, settings);
    const supervisor = startSupervisor(folder);
    const id = await supervisorId(folder, supervisor);
    writeLabState(folder, { ...making, supervisor: id });
    await bootHosts(folder, plan, supervisor);
    writeKnownHosts(folder, plan);
    const up: LabState & { readonly supervisor: ProcessId } = { ...making, phase: 'up', supervisor: id };
    writeLabState(folder, up);
    if (options.owner !== 'this-process') supervisor.keep();
    return new Lab(up);
  } catch (error) {
    await removeLab(folder);
    throw error;
  }
}

async function supervisorId(folder: string, supervisor: Supervisor): Promise<ProcessId> {
  const { events } = labPaths(folder);
  const trouble = () => supervisor.trouble();
  await waitForEvents(events, (seen) => seen.some((event) => event.kind === 'lab'), {
    timeoutMs: FABRIC_TIMEOUT_MS,
    what: 'the lab starts',
    trouble,
  });
  const pid = readEvents(events).find((event) => event.kind === 'lab')?.pid ?? 0;
  const id = identify(pid);
  if (id === undefined) throw new LabError(supervisor.trouble() ?? "the lab's pid 1 is gone");
  return id;
}

async function bootHosts(folder: string, plan: LabPlan, supervisor: Supervisor): Promise<void> {
  const { events } = labPaths(folder);
  const atOnce = Math.max(4, 3 * availableParallelism());
  const waiting = [...plan.hosts];
  const powerOn = (count: number) => {
    for (const host of waiting.splice(0, count)) supervisor.powerOn(host.name, host.index);
  };
  powerOn(atOnce);
  let ready = 0;
  while (ready < plan.hosts.length) {
    const before = ready;
    const moreReady = (seen: readonly LabEvent[]) => {
      const failed = seen.find((event) => event.kind === 'failed' || event.kind === 'degraded');
      if (failed !== undefined) {
        throw new LabError(`${failed.host} does not boot: ${failed.what || logTail(folder)}`);
      }
      ready = new Set(seen.filter((event) => event.kind === 'ready').map((event) => event.host)).size;
      return ready > before;
    };
    await waitForEvents(events, moreReady, {
      timeoutMs: bootTimeoutMs(plan.hosts), // of all hosts' silence, not for all of them
      what: `${ready} of ${plan.hosts.length} hosts are up`,
      trouble: () => supervisor.trouble(),
    });
    powerOn(ready - before);
  }
  await waitForEvents(events, (seen) => seen.some((event) => event.kind === 'internet'), {
    timeoutMs: FABRIC_TIMEOUT_MS,
    what: 'the internet answers',
    trouble: () => supervisor.trouble(),
  });
}
