// One task on one host (or one item of its loop), ready to run: its arguments rendered, its wish known.
import type { Become } from '../host/host.ts';
import type { ControllerVerdict, HostModule, Inspected, Inspection, Resource } from '../modules/module.ts';
import type { HostScope, VariableLayer } from '../resolve/host-scope.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';

export interface Item {
  readonly value: unknown;
  /** What the task can ask of its loop, beside the values of loops around it. */
  readonly values: ReadonlyMap<string, unknown>;
  /** For people, in place of the value. */
  readonly label?: string;
  readonly index: number;
  readonly count: number;
}

interface ActionBase {
  readonly task: ResolvedTask;
  /** For people: `role : task name`. */
  readonly title: string;
  readonly item: Item | undefined;
  /** The host whose machine runs it, where it is not the task's own. */
  readonly delegate?: string;
  /** For conditions that ask about the result. */
  readonly scope: HostScope;
}

/** What is to be done with a task's item. */
export type Action =
  /** On the host. */
  | (ActionBase & {
      readonly kind: 'host';
      readonly module: HostModule;
      readonly wanted: unknown;
      readonly inspection: Inspection;
      readonly reads: readonly Resource[];
      readonly writes: readonly Resource[];
      readonly become: Become | undefined;
      readonly environment: Readonly<Record<string, string>>;
      readonly mode: 'apply' | 'check';
      readonly timeoutMs: number | undefined;
      /** Of a plan: what is not as it was when the plan was made; empty where all is. */
      readonly movedSince?: (actual: Inspected) => readonly string[];
      /** The changes are made by a job of their own on the host, which ends after so long. */
      readonly job?: { readonly limitMs: number; readonly pollMs: number };
    })
  /** Already known: the module works on the controller. */
  | (ActionBase & {
      readonly kind: 'controller';
      readonly verdict: ControllerVerdict;
      /** Variables that the host has from now on, which may hold templates. */
      readonly included?: VariableLayer;
      readonly mode: 'apply' | 'check';
    })
  /** `leaves`: whether names that the task would have set are now `unset`, or can never be known: `unknowable`. */
  | (ActionBase & {
      readonly kind: 'skipped';
      readonly reason: string;
      readonly leaves: 'unset' | 'unknowable';
    })
  /** The arguments cannot be rendered or are wrong for this host. */
  | (ActionBase & { readonly kind: 'failed'; readonly message: string; readonly hint?: string });

export type HostAction = Extract<Action, { kind: 'host' }>;
