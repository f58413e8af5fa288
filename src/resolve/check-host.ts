// The check of lists of tasks on one host: task by task, into what they include, with the variables of their roles.
// Before the run it goes over the whole play. What an include could only name later is checked here when it is reached.
import type { Problems } from '../diagnostic.ts';
import type { Entry } from '../modules/module.ts';
import { checkTask, type Surroundings } from './check-task.ts';
import type { RunState } from './host-scope.ts';
import { FAILURE_NAMES, namesSetBy } from './names-set.ts';
import type { PlayScopes } from './play-scopes.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedRole } from './resolved-role.ts';
import type { ResolvedTask } from './resolved-task.ts';
import { isInRescue, type TaskList } from './task-list.ts';

export interface HostCheckOptions {
  readonly host: string;
  readonly scopes: PlayScopes;
  readonly files: ProjectFiles;
  /** What is known before the first task. */
  readonly state: RunState;
  /** Everything found goes here. */
  readonly problems: Problems;
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
  #hasLateIncludes = false;
  /** What has been included without a look at it may have set any name. */
  #isOpen = false;

  constructor(options: HostCheckOptions) {
    this.#options = options;
    this.#pending = new Set(options.state.pending);
  }

  /** Whether something is included that only facts or results can name. */
  get hasLateIncludes(): boolean {
    return this.#hasLateIncludes;
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
      if (isInRescue(list, index)) for (const name of FAILURE_NAMES) this.#pending.add(name);
      this.#checkTask(task, surroundings);
      for (const name of namesSetBy(task)) this.#pending.add(name);
    }
  }

  checkHandlers(handlers: readonly ResolvedTask[]): void {
    for (const name of handlers.flatMap(namesSetBy)) this.#pending.add(name);
    for (const handler of handlers) this.#checkTask(handler, NOTHING);
  }

  #checkTask(task: ResolvedTask, surroundings: Surroundings): void {
    const { role } = task;
    if (role !== undefined && !this.#isSound.has(role)) this.#isSound.set(role, this.#checkRole(role, task));
    if (role !== undefined && this.#isSound.get(role) === false) return;
    const { problems } = this.#options;
    const before = problems.count;
    checkTask(task, {
      ...this.#options,
      state: { ...this.#options.state, pending: this.#pending, isOpen: this.#isOpen },
      surroundings,
      onDelegate: (name) => this.delegates.add(name),
      onInclude: (entry, within) => this.#include(task, entry, within),
    });
    // That later tasks lack what it would have set is mostly an echo.
    if (task.include !== undefined && problems.count > before) this.#isOpen = true;
  }

  #include({ include }: ResolvedTask, entry: Entry | undefined, within: Surroundings): void {
    if (include === undefined || entry === undefined) {
      this.#hasLateIncludes = true;
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
