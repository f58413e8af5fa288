// A plan as it lies in a file: what hosts shall be like, as modules want it (bytes, modes, hashes: no commands), and what
// they were seen to be. Everything that apply needs is in it; the playbook is not read again.
import type { Become } from '../host/host.ts';
import type { ConnectionSettings } from '../host/ssh/connection-settings.ts';
import type { BatchSize } from '../resolve/resolved-play.ts';
import type { Seen } from './seen.ts';

/** Another number: another form, which this fairlead does not read. */
export const PLAN_VERSION = 1;

/** What may be read without a key. */
export interface PlanHead {
  readonly fairlead_plan: number;
  /** Fairlead's. */
  readonly version: string;
  /** ISO 8601, by the controller's clock. */
  readonly made: string;
  /** `user@machine`. */
  readonly by: string;
  /** What it was made from: playbooks, inventories, variables. To tell what has changed since. */
  readonly sources: readonly { readonly path: string; readonly sha256: string }[];
}

export interface PlanBody {
  readonly plays: readonly PlannedPlay[];
  /** By host, delegates among them. */
  readonly connections: Readonly<Record<string, ConnectionSettings>>;
}

export interface PlannedPlay {
  readonly name: string;
  readonly pattern: string;
  readonly folder: string;
  readonly playbook: string;
  readonly hosts: readonly string[];
  readonly serial: readonly BatchSize[];
  readonly maxFailPercentage?: number;
  readonly anyErrorsFatal: boolean;
  readonly maxFailures?: number;
  /** What the engine guards it with. */
  readonly guarding: unknown;
  /** In their order. */
  readonly actions: Readonly<Record<string, readonly PlannedAction[]>>;
}

export interface PlannedAction {
  readonly task: PlannedTask;
  /** With the item of its loop. */
  readonly title: string;
  /** As its module wants it. */
  readonly wanted: unknown;
  readonly delegate?: string;
  readonly become?: Become;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly job?: { readonly limitMs: number; readonly pollMs: number };
  /** Undefined: it could not be looked at before others have done their work. */
  readonly seen?: Seen;
  /** It looks at what an earlier one changes: only once, before anything is changed, the same has to be seen. */
  readonly restsOnOthers: boolean;
}

export interface PlannedTask {
  /** The same for all hosts and items of one task. */
  readonly id: number;
  /** Of a loop; else 0. */
  readonly item: number;
  readonly name: string;
  readonly module: string;
  readonly place: { readonly file: string; readonly line: number; readonly column: number };
  readonly onFailure: 'stop-host' | 'continue';
  readonly onUnreachable: 'stop-host' | 'continue';
  readonly noLog: boolean;
  readonly anyErrorsFatal: boolean;
  readonly changedWhen?: readonly boolean[];
  readonly failedWhen?: readonly boolean[];
}

/** What would change, by host. */
export function plannedChanges({ plays }: PlanBody): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { actions } of plays) {
    for (const [host, list] of Object.entries(actions)) {
      const changes = list.filter(({ seen }) => seen?.verdict !== 'unchanged').length;
      counts.set(host, (counts.get(host) ?? 0) + changes);
    }
  }
  return counts;
}
