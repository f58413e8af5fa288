// What a run tells: everything that any report may want to show, as data. apply emits them, report reads them.
import type { Diagnostic } from './diagnostic.ts';
import type { Facts } from './host/facts/facts.ts';
import type { UnreachableReason } from './host/host.ts';
import type { Diff, ResultFields } from './modules/module.ts';

/** A task as people see it. */
export interface TaskLabel {
  readonly id: number;
  /** `role : name`. */
  readonly title: string;
  readonly module: string;
  /** Where it is written: `playbooks/edge.yml:12:5`. */
  readonly place: string;
}

/**
 * What became of a task on a host.
 * `would-change`: in check mode. `unknown`: the connection was lost while it ran; counts as failed.
 * `rescued`: it failed, and the rescue part of a block follows.
 */
export type TaskStatus =
  | 'ok'
  | 'changed'
  | 'would-change'
  | 'skipped'
  | 'failed'
  | 'rescued'
  | 'ignored'
  | 'unknown';

export interface TaskOutcome {
  readonly status: TaskStatus;
  /** One sentence for people; empty where there is nothing to say. */
  readonly message: string;
  readonly hint?: string;
  readonly diffs: readonly Diff[];
  /** What the task says of them; undefined: they are shown where the run shows any. */
  readonly showsDiffs?: boolean;
  /** The host whose machine ran it, where it is another one (delegate_to). */
  readonly delegate?: string;
  /** Set where the task loops: `item` for people, its place, how many there are. */
  readonly item?: { readonly label: string; readonly index: number; readonly count: number };
  /** rc, stdout and their like; without those of tasks with no_log. */
  readonly fields: ResultFields;
  /** Set where the message is for those who asked for this much: 2 stands for -vv. */
  readonly verbosity?: number;
  /** Set in check mode where nobody can tell whether the host is as the task wants it: why. */
  readonly unjudged?: string;
}

/**
 * Where a host stands at the end of a run. `stopped`: it is well, but the rollout stopped before it was done.
 * `not-started`: nobody contacted it.
 */
export type HostStatus = 'ok' | 'failed' | 'unreachable' | 'interrupted' | 'stopped' | 'not-started';

export interface HostRecap {
  readonly host: string;
  readonly status: HostStatus;
  readonly ok: number;
  readonly changed: number;
  readonly skipped: number;
  readonly failed: number;
  readonly rescued: number;
  readonly ignored: number;
  /** What a person has to know about a host that did not end well: `nothing was changed`, for one. */
  readonly state: string;
}

/** What a host is busy with. */
export type Doing =
  | 'gathering facts'
  | 'inspecting'
  | 'changing'
  | 'rebooting'
  | 'fetching'
  | 'waiting'
  | 'confirming'
  | 'going back';

export type RunEvent =
  | { readonly kind: 'run-started'; readonly hosts: readonly string[]; readonly mode: 'apply' | 'check' }
  | { readonly kind: 'play-started'; readonly play: string; readonly hosts: readonly string[] }
  | {
      readonly kind: 'batch-started';
      readonly index: number;
      readonly count: number;
      readonly hosts: readonly string[];
    }
  | { readonly kind: 'host-connecting'; readonly host: string }
  | { readonly kind: 'host-connected'; readonly host: string }
  | {
      readonly kind: 'host-unreachable';
      readonly host: string;
      readonly reason: UnreachableReason;
      readonly message: string;
      readonly hint?: string;
    }
  | { readonly kind: 'facts-gathered'; readonly host: string; readonly facts: Facts }
  | {
      readonly kind: 'host-working';
      readonly host: string;
      readonly doing: Doing;
      readonly tasks: readonly TaskLabel[];
    }
  | {
      readonly kind: 'task-finished';
      readonly host: string;
      readonly task: TaskLabel;
      /** How many tasks of the play the host has behind it, of how many; handlers count once they are due. */
      readonly progress: { readonly done: number; readonly of: number };
      readonly outcome: TaskOutcome;
    }
  /** Its conditions in `until` do not hold yet: it is run again after the delay. */
  | {
      readonly kind: 'task-retrying';
      readonly host: string;
      readonly task: TaskLabel;
      /** How often it has run, of how many times at most. */
      readonly attempt: number;
      readonly of: number;
      readonly delayMs: number;
      readonly outcome: TaskOutcome;
    }
  /** What a guarded play changed on the host stays: a new connection got in. */
  | { readonly kind: 'guard-confirmed'; readonly host: string }
  /** It was put back. `at`: when, by the host's clock. */
  | {
      readonly kind: 'guard-rolled-back';
      readonly host: string;
      readonly reason: string;
      readonly at: string;
      /** Commands that could not put something back, each with what it said. */
      readonly failures: readonly string[];
      /** How the host differs from what it was. */
      readonly differences: readonly string[];
    }
  /** The host cannot be reached; what the play changed goes back by itself, and nobody has seen it. */
  | { readonly kind: 'guard-unseen'; readonly host: string; readonly message: string }
  /** `due`: an earlier run notified it, and it has not run. `gone`: the same, and the play does not have it any more. */
  | {
      readonly kind: 'handler-remembered';
      readonly host: string;
      readonly handler: string;
      readonly state: 'due' | 'gone';
    }
  /** What an earlier run left behind on the host; what its guard does not watch. */
  | {
      readonly kind: 'guard-told';
      readonly host: string;
      readonly message: string;
      /** Set where it is no more than good to know: 1 stands for -v. */
      readonly verbosity?: number;
    }
  /** It is not as it was when the plan was made: nothing is changed on it. By task, in sentences. */
  | {
      readonly kind: 'host-moved';
      readonly host: string;
      readonly moved: readonly { readonly task: TaskLabel; readonly since: readonly string[] }[];
    }
  /** It is through the play, or out of the run where the status is not ok. */
  | { readonly kind: 'host-finished'; readonly host: string; readonly status: HostStatus }
  /** Its hosts are not contacted: what it is given does not fit those that tasks have added. */
  | { readonly kind: 'play-refused'; readonly play: string; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: 'rollout-stopped'; readonly play: string; readonly reason: string }
  | { readonly kind: 'run-ended'; readonly recap: readonly HostRecap[]; readonly elapsedMs: number };

export type Emit = (event: RunEvent) => void;
