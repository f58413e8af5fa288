// What a run in check mode found out, sorted by host: what differs from the wish, and what nobody can tell. Handlers count
// for nothing, and neither do tasks that only work on the controller.
import type { HostStatus, RunEvent, TaskLabel } from '../event.ts';
import type { Diff } from '../modules/module.ts';

/** Something on the host that is not as a task wants it. */
export interface Finding {
  readonly task: TaskLabel;
  /** Of a loop. */
  readonly item?: string;
  /** The host whose machine it is on, where it is another one (delegate_to). */
  readonly delegate?: string;
  /** What a run would do about it. */
  readonly message: string;
  /** `missing -4 rule …`: each thing that differs, where the module can tell. */
  readonly lines: readonly string[];
  readonly diffs: readonly Diff[];
}

/** A task of which nobody can tell without running it. */
export interface Unverified {
  readonly task: TaskLabel;
  readonly reason: string;
}

export interface HostAudit {
  readonly host: string;
  readonly status: 'as-wanted' | 'drifted' | 'failed' | 'unreachable' | 'interrupted' | 'not-started';
  readonly findings: readonly Finding[];
  readonly unverified: readonly Unverified[];
  /** How many tasks were found to be as wanted. */
  readonly asWanted: number;
  /** Why it could not be asked, or not to the end. */
  readonly trouble: readonly string[];
}

interface Draft {
  findings: Finding[];
  unverified: Map<number, Unverified>;
  asWanted: number;
  trouble: string[];
  status: HostStatus;
}

/** Told every event of the run. */
export class Audit {
  readonly #hosts = new Map<string, Draft>();
  readonly #isHandler: (task: number) => boolean;

  /** Whether the task with this id is a handler; asked at any time. */
  constructor(isHandler: (task: number) => boolean) {
    this.#isHandler = isHandler;
  }

  tell(event: RunEvent): void {
    switch (event.kind) {
      case 'run-started':
        for (const host of event.hosts) this.#of(host);
        return;
      case 'host-unreachable':
        this.#of(event.host).trouble.push(withHint(event.message, event.hint));
        return;
      case 'task-finished':
        this.#finished(event);
        return;
      case 'run-ended':
        for (const { host, status } of event.recap) this.#of(host).status = status;
        return;
      default:
        return;
    }
  }

  hosts(): readonly HostAudit[] {
    return [...this.#hosts].map(([host, { unverified, ...draft }]) => ({
      host,
      ...draft,
      status: statusOf(draft),
      unverified: [...unverified.values()],
    }));
  }

  #of(host: string): Draft {
    const draft = this.#hosts.get(host) ?? {
      findings: [],
      unverified: new Map(),
      asWanted: 0,
      trouble: [],
      status: 'not-started' as const,
    };
    this.#hosts.set(host, draft);
    return draft;
  }

  #finished({ host, task, outcome }: Extract<RunEvent, { kind: 'task-finished' }>): void {
    const draft = this.#of(host);
    const { status, message, hint, item, delegate, unjudged } = outcome;
    if (status === 'failed' || status === 'unknown') {
      draft.trouble.push(withHint(`${task.title}: ${message}`, hint));
      return;
    }
    if (this.#isHandler(task.id)) return;
    if (unjudged !== undefined) {
      draft.unverified.set(task.id, { task, reason: unjudged });
      return;
    }
    if (status === 'ok') draft.asWanted += 1;
    if (status !== 'would-change') return;
    const lists = outcome.diffs.filter(({ form }) => form === 'findings');
    draft.findings.push({
      task,
      ...(item !== undefined && { item: item.label }),
      ...(delegate !== undefined && { delegate }),
      message,
      lines: lists.flatMap(({ title, before }) => linesOf(title, before)),
      diffs: outcome.diffs.filter(({ form }) => form !== 'findings'),
    });
  }
}

function statusOf({ status, findings }: Pick<Draft, 'status' | 'findings'>): HostAudit['status'] {
  if (status === 'ok') return findings.length > 0 ? 'drifted' : 'as-wanted';
  return status === 'stopped' ? 'not-started' : status;
}

/** Scripts put their own name in front of each line; the title of the diff has it. */
function linesOf(title: string, text: string): readonly string[] {
  const name = `${title.replace(/ status$/, '')}: `;
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (line.startsWith(name) ? line.slice(name.length) : line));
}

function withHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

/** 130 interrupted, 1 a host could not be asked, 3 drift, 0 all is as wanted. */
export function auditStatus(hosts: readonly HostAudit[]): number {
  if (hosts.some(({ status }) => status === 'interrupted')) return 130;
  if (hosts.some(({ status }) => status !== 'as-wanted' && status !== 'drifted')) return 1;
  return hosts.some(({ status }) => status === 'drifted') ? 3 : 0;
}
