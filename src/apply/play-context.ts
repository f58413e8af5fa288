// What all hosts of a batch share while they go through a play: what the engine gives to each of them.
import type { Emit } from '../event.ts';
import type { Host } from '../host/host.ts';
import type { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import type { NotedPlay } from '../plan/handler-notes.ts';
import type { ActionContext } from '../plan/plan-action.ts';
import type { Watch } from '../plan/plan-recorder.ts';
import type { PlayScopes } from '../resolve/play-scopes.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { StartAt } from '../resolve/start-at.ts';
import type { Clock } from './clock.ts';
import type { Person } from './errands/person.ts';
import type { PlayGuard } from './guarding.ts';
import type { HostMemory } from './host-memory.ts';
import type { HostRun } from './host-run.ts';
import type { Meeting } from './meeting.ts';
import type { OnceTable } from './once.ts';
import type { Slots } from './slots.ts';
import type { StepAnswers } from './stepping.ts';
import type { LockStep } from './turns.ts';

export interface HostPlayContext {
  readonly play: ResolvedPlay;
  /** What its handlers are remembered by on hosts. */
  readonly noted: NotedPlay;
  /** Root's on hosts: where handlers are remembered. */
  readonly stateFolder: string;
  /** Includes of which some part is only known when they run. */
  readonly lateIncludes: ReadonlySet<ResolvedTask>;
  readonly scopes: PlayScopes;
  readonly actions: ActionContext;
  readonly inventory: GrowingInventory;
  readonly readers: ReadonlySet<ResolvedTask>;
  /** Whether anything in the play asks for facts. */
  readonly needsFacts: boolean;
  /** Where hosts begin; undefined: at the first task. */
  readonly start?: StartAt;
  /** Where hosts wait for each other and for a free slot before each wave. Undefined: they do not. */
  readonly lockStep: LockStep | undefined;
  /** Where hosts wait for those that their next task reads from. Undefined: no task does. */
  readonly meeting: Meeting | undefined;
  /** Of the batch: tasks that one host runs for all. */
  readonly once: OnceTable;
  /** For tasks with throttle. */
  readonly slotsOf: (task: ResolvedTask) => Slots;
  /** No batch follows this one. */
  readonly endPlay: () => void;
  /** The way to hosts that tasks are delegated to. */
  readonly hostOf: (name: string) => Host;
  /** Undefined for a host that is not in the run. */
  readonly memoryOf: (name: string) => HostMemory | undefined;
  readonly clock: Clock;
  /** Undefined: its changes stay, come what may. */
  readonly guard: PlayGuard | undefined;
  readonly emit: Emit;
  readonly person: Person;
  /** Somebody is asked before each task. */
  readonly steps: StepAnswers | undefined;
  /** When aborted, no new wave starts. */
  readonly signal: AbortSignal;
  /** No more actions than this in one wave. */
  readonly waveLimit: number;
  /** Asked before the first task of a play: whether it may begin on the host, which has been told why not. */
  readonly admit?: ((run: HostRun) => Promise<boolean>) | undefined;
  /** Told what each action came by. */
  readonly watch?: Watch | undefined;
}
