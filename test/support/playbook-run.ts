// A playbook of a few lines through the real stages, onto hosts that the test brings: this machine's sh, or fakes.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../../src/apply/clock.ts';
import { runPlays } from '../../src/apply/engine.ts';
import type { Person } from '../../src/apply/errands/person.ts';
import type { HostRecap, RunEvent } from '../../src/event.ts';
import type { Host } from '../../src/host/host.ts';
import { LocalHost } from '../../src/host/local-host.ts';
import type { TagSelection } from '../../src/resolve/tags.ts';
import { preparePlaybook } from '../../src/run/run.ts';

export interface PlaybookRun {
  readonly events: readonly RunEvent[];
  readonly recap: readonly HostRecap[];
}

export interface PlaybookOptions {
  /** Files beside the playbook, by path. `inventory.yml` is used as such. */
  readonly files?: Readonly<Record<string, string>>;
  /** Names, where there is no inventory.yml. Default: one host `here`. */
  readonly hosts?: readonly string[];
  /** Default: this machine. */
  readonly hostFor?: (name: string) => Host;
  readonly mode?: 'apply' | 'check';
  readonly diff?: boolean;
  readonly forks?: number;
  readonly waveLimit?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly person?: Person;
  /** Where the playbook lies, and stays. Default: nowhere that was there before, or will be. */
  readonly folder?: string;
  readonly tags?: TagSelection;
  /** Where hosts remember handlers for root. Default: nothing outlives the run. */
  readonly stateFolder?: string;
  readonly onEvent?: (event: RunEvent) => void;
}

/** Runs the playbook to its end. What it says of places: `FOLDER/playbook.yml:LINE:COLUMN`. */
export async function runPlaybook(text: string, options: PlaybookOptions = {}): Promise<PlaybookRun> {
  const folder = options.folder ?? mkdtempSync('/tmp/playbook-');
  try {
    const files = { 'playbook.yml': text, ...options.files };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const { mode = 'apply', diff = false, signal = new AbortController().signal } = options;
    const names = options.hosts ?? ['here'];
    const inventory = 'inventory.yml' in files ? join(folder, 'inventory.yml') : `${names.join(',')},`;
    const prepared = preparePlaybook(join(folder, 'playbook.yml'), {
      inventories: [inventory],
      mode,
      diff,
      ...(options.tags !== undefined && { tags: options.tags }),
    });
    const events: RunEvent[] = [];
    const recap = await runPlays({
      plays: prepared.plays,
      hostFor: options.hostFor ?? ((name) => thisMachine(name, signal)),
      actions: { mode, diff },
      forks: options.forks ?? 10,
      stateFolder: options.stateFolder ?? join(folder, 'state'),
      emit: (event) => {
        events.push(event);
        options.onEvent?.(event);
      },
      signal,
      ...(options.clock !== undefined && { clock: options.clock }),
      ...(options.person !== undefined && { person: options.person }),
      ...(options.waveLimit !== undefined && { waveLimit: options.waveLimit }),
    });
    return { events, recap };
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true });
  }
}

export function thisMachine(name: string, signal: AbortSignal = new AbortController().signal): Host {
  return new LocalHost({ name, user: userInfo().username, signal });
}

/** `HOST STATUS TITLE[ (ITEM)][: MESSAGE]` for each finished task, and other events that people are told of. */
export function story({ events }: PlaybookRun): readonly string[] {
  return events.flatMap((event) => {
    if (event.kind === 'task-finished') {
      const { outcome, task, host } = event;
      const item = outcome.item === undefined ? '' : ` (${outcome.item.label})`;
      return `${host} ${outcome.status} ${task.title}${item}${outcome.message === '' ? '' : `: ${outcome.message}`}`;
    }
    if (event.kind === 'task-retrying') {
      return `${event.host} again ${event.task.title} ${event.attempt}/${event.of}`;
    }
    if (event.kind === 'handler-remembered') return `${event.host} ${event.state} ${event.handler}`;
    if (event.kind === 'host-unreachable') return `${event.host} unreachable: ${event.message}`;
    if (event.kind === 'rollout-stopped') return `stopped ${event.play}: ${event.reason}`;
    return [];
  });
}

/** `HOST STATUS: STATE` for each host. */
export function endings({ recap }: PlaybookRun): readonly string[] {
  return recap.map(({ host, status, state }) => `${host} ${status}: ${state}`);
}
