// The check of lists of tasks on one host: task by task, into what they include, with the variables of their roles.
// Before the run it goes over the whole play. What an include could only name later is checked here when it is reached.
import type { Problems } from '../diagnostic.ts';
import {
  ArgumentError,
  type ControllerModule,
  type ControllerVerdict,
  type Entry,
} from '../modules/module.ts';
import { checkTask, type Surroundings } from './check-task.ts';
import type { RunState, VariableLayer } from './host-scope.ts';
import { FAILURE_NAMES, mayGrowInventory, namesSetBy } from './names-set.ts';
import type { PlayScopes } from './play-scopes.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedRole } from './resolved-role.ts';
import type { ResolvedTask } from './resolved-task.ts';
import { namesLeftOut, type StartAt } from './start-at.ts';
import { isInRescue, type TaskList } from './task-list.ts';

export interface HostCheckOptions {
  readonly host: string;
  readonly scopes: PlayScopes;
  readonly files: ProjectFiles;
  /** What is known before the first task. */
  readonly state: RunState;
  /** What others will know once they have set these names. Undefined: what `state` says of them. */
  readonly others?: (host: string, names: ReadonlySet<string>) => RunState;
  /** Everything found goes here. */
  readonly problems: Problems;
  /** Variables of groups and hosts that tasks may add to the inventory. Default: none. */
  readonly namesThatMayCome?: (() => ReadonlySet<string>) | undefined;
  /** The host begins here: what stands before it sets nothing. */
  readonly start?: StartAt | undefined;
}

const CHECKED = new WeakMap<TaskList, Set<string>>();

/** Whether the list has been checked on the host. */
export function wasChecked(list: TaskList, host: string): boolean {
  return CHECKED.get(list)?.has(host) === true;
}

const NOTHING: Surroundings = { values: new Map(), unknown: new Set() };

export class HostCheck {
  readonly #options: HostCheckOptions;
  /** Names that tasks will have set by then. */
  readonly #pending: Set<string>;
  /** What the tasks of a role with wrong variables would be told is mostly an echo. */
  readonly #isSound = new Map<ResolvedRole, boolean>();
  /** Hosts that tasks are run on in place of this one, as far as they are known. */
  readonly delegates = new Set<string>();
  /** Tasks that include something that only facts or results can name. */
  readonly lateIncludes = new Set<ResolvedTask>();
  /** Names that tasks before the start would have set, and what is said to whoever needs them. */
  readonly #leftOut: Map<string, string>;
  /** Tasks before the start. */
  readonly leftOut = new Set<ResolvedTask>();
  #hasStarted: boolean;
  /** Of the tasks that are not left out. */
  readonly #notified = new Set<string>();
  readonly #left = new Set<TaskList>();
  /** Variables from files that tasks will have read by then. */
  #included: VariableLayer = new Map();
  #isInRescue = false;
  /** Variables come from files that only facts or results can name. */
  hasLateVariables = false;
  /** What has been included without a look at it may have set any name. */
  #isOpen = false;

  constructor(options: HostCheckOptions) {
    this.#options = options;
    this.#pending = new Set(options.state.pending);
    this.#included = options.state.included ?? new Map();
    this.#hasStarted = options.start === undefined;
    this.#leftOut = new Map(options.state.leftOut);
  }

  /** A role that the play names, whether or not it has tasks. */
  checkRole(role: ResolvedRole, tasks: readonly ResolvedTask[]): void {
    this.#isSound.set(
      role,
      this.#checkRole(
        role,
        tasks.find((task) => task.role === role),
      ),
    );
  }

  checkList(list: TaskList, surroundings: Surroundings = NOTHING): void {
    const hosts = CHECKED.get(list) ?? new Set();
    CHECKED.set(list, hosts.add(this.#options.host));
    for (const [index, task] of list.tasks.entries()) {
      if (this.#isBeforeStart(task, isInRescue(list, index))) {
        if (!isInRescue(list, index) && this.#options.start?.leadsThere(task))
          this.#checkTask(task, surroundings);
        else this.#leaveOut(task);
        continue;
      }
      this.#isInRescue = isInRescue(list, index);
      if (this.#isInRescue) for (const name of FAILURE_NAMES) this.#pending.add(name);
      this.#checkTask(task, surroundings);
      for (const name of namesSetBy(task)) this.#pending.add(name);
      if (mayGrowInventory(task))
        for (const name of this.#options.namesThatMayCome?.() ?? []) this.#pending.add(name);
      for (const { value } of task.notify) this.#notified.add(value);
    }
  }

  #isBeforeStart(task: ResolvedTask, isInRescuePart: boolean): boolean {
    if (!isInRescuePart && this.#options.start?.isHere(task)) this.#hasStarted = true;
    return !this.#hasStarted;
  }

  /** The task is not run: nobody has its results, nor those of the tasks that it would include. */
  #leaveOut(task: ResolvedTask): void {
    this.leftOut.add(task);
    for (const [name, why] of namesLeftOut(task)) this.#leftOut.set(name, why);
    for (const list of task.include?.loaded() ?? []) {
      if (this.#left.has(list)) continue;
      this.#left.add(list);
      for (const inner of list.tasks) this.#leaveOut(inner);
    }
  }

  checkHandlers(all: readonly ResolvedTask[]): void {
    const handlers = this.#options.start === undefined ? all : this.#notifiedOf(all);
    for (const name of handlers.flatMap(namesSetBy)) this.#pending.add(name);
    for (const handler of handlers) this.#checkTask(handler, NOTHING);
  }

  /** Those that some task behind the start notifies, or another of them. */
  #notifiedOf(handlers: readonly ResolvedTask[]): readonly ResolvedTask[] {
    const names = new Set(this.#notified);
    const due = (): readonly ResolvedTask[] =>
      handlers.filter(({ answersTo }) => answersTo.some((name) => names.has(name)));
    for (let before = -1; before < names.size; ) {
      before = names.size;
      for (const { notify } of due()) for (const { value } of notify) names.add(value);
    }
    return due();
  }

  #stateNow(): RunState {
    const { state, others } = this.#options;
    const now = {
      ...state,
      pending: this.#pending,
      included: this.#included,
      isOpen: this.#isOpen,
      leftOut: this.#leftOut,
    };
    return others === undefined ? now : { ...now, others: (host) => others(host, this.#namesSet()) };
  }

  #checkTask(task: ResolvedTask, surroundings: Surroundings): void {
    const { role } = task;
    if (role !== undefined && !this.#isSound.has(role)) this.#isSound.set(role, this.#checkRole(role, task));
    if (role !== undefined && this.#isSound.get(role) === false) return;
    const { problems } = this.#options;
    const before = problems.count;
    checkTask(task, {
      ...this.#options,
      state: this.#stateNow(),
      surroundings,
      onDelegate: (name) => this.delegates.add(name),
      onVariables: (args, runs) => this.#includeVariables(task, args, runs),
      onInclude: (entry, within) => this.#include(task, entry, within),
    });
    // That later tasks lack what it would have set is mostly an echo.
    if (task.include !== undefined && problems.count > before) this.#isOpen = true;
  }

  /** Everything that the tasks so far have set. The same object for as long as no file has been read. */
  #namesSet(): ReadonlySet<string> {
    if (this.#included.size === 0) return this.#pending;
    return new Set([...this.#pending, ...this.#included.keys()]);
  }

  /** A task reads variables from files: those that are known now are, the others may have any name. */
  #includeVariables(
    { variables, module }: ResolvedTask,
    args: Record<string, unknown> | 'later' | 'wrong',
    runs: 'certain' | 'perhaps' | 'never',
  ): void {
    const verdict = typeof args === 'string' ? undefined : verdictOf(module as ControllerModule, args);
    if (variables === undefined || verdict?.kind !== 'ok' || verdict.variablesFrom === undefined) {
      if (runs !== 'never') this.#isOpen = true;
      if (args === 'later') this.hasLateVariables = true;
      return;
    }
    const { variables: layer, diagnostics } = variables.load(verdict.variablesFrom);
    if (diagnostics.length > 0) {
      if (runs !== 'never') for (const each of diagnostics) this.#options.problems.add(each);
      this.#isOpen = true;
    } else if (runs === 'certain' && !this.#isInRescue) {
      this.#included = new Map([...this.#included, ...layer]);
    } else for (const name of layer.keys()) this.#pending.add(name);
  }

  #include(task: ResolvedTask, entry: Entry | undefined, within: Surroundings): void {
    const { include } = task;
    if (include === undefined || entry === undefined) {
      this.lateIncludes.add(task);
      this.#isOpen = true;
      return;
    }
    if (include.isWithin(entry)) {
      this.#isOpen = true;
      return;
    }
    const { list, diagnostics } = include.load(entry);
    for (const each of diagnostics) this.#options.problems.add(each);
    if (diagnostics.length === 0) this.checkList(list, within);
  }

  /** The role's variables; false where one of them is wrong. `task`: one of its own, which sees them. */
  #checkRole(role: ResolvedRole, task: ResolvedTask | undefined): boolean {
    const { scopes, host, state, problems } = this.#options;
    const { variables } = role;
    if (variables === undefined) return true;
    const before = problems.count;
    for (const layer of scopes.userLayers(host, role)) {
      for (const [name, variable] of layer) {
        const diagnostic = variables.unknownName(name, variable);
        if (diagnostic !== undefined) problems.add(diagnostic);
      }
    }
    if (task === undefined) return problems.count === before;
    const scope = scopes.scope(
      host,
      task,
      { ...state, results: new Map(), pending: new Set() },
      { problems },
    );
    for (const name of variables.names) {
      const variable = scope.variable(name);
      if (variable !== undefined) {
        const shape = scope.shape(name);
        if (shape?.kind !== 'known') continue;
        for (const diagnostic of variables.refine(name, variable, scope.unrefined(name)).diagnostics)
          problems.add(diagnostic);
      } else if (variables.required.includes(name)) {
        problems.add({
          code: 'role-variable',
          summary: 'variable does not fit the role',
          at: role.origin.span(),
          details: [`the role ${role.role.name} needs the variable "${name}"`],
        });
      }
    }
    return problems.count === before;
  }
}

/** Undefined where the arguments are wrong, which is told elsewhere. */
function verdictOf(module: ControllerModule, args: Record<string, unknown>): ControllerVerdict | undefined {
  try {
    return module.evaluate(args);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}
