// The check of a play before any host is contacted: every name, argument and variable of every task on every host.
// What depends on facts or on results of earlier tasks is checked as far as it is known.
import { type Diagnostic, DiagnosticError, Problems } from '../diagnostic.ts';
import { ArgumentError, type Module } from '../modules/module.ts';
import { typeDiagnostic } from '../render/condition.ts';
import { describe, items, type Shape } from '../render/shape.ts';
import { RenderError } from '../render/template.ts';
import type { HostScope, RunState } from './host-scope.ts';
import type { PlayScopes } from './play-scopes.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedRole } from './resolved-role.ts';
import type { ResolvedTask, Test } from './resolved-task.ts';
import {
  argumentDiagnostic,
  checkPartialArguments,
  completeArguments,
  controllerFor,
} from './task-arguments.ts';

/** What a task leaves behind for later ones: its registered name, the names that set_fact sets. */
export function namesSetBy(task: ResolvedTask): readonly string[] {
  const registered = task.register === undefined ? [] : [task.register];
  if (task.module.name !== 'set_fact') return registered;
  const shape = task.args.shape({ shape: () => undefined, names: () => [] });
  const names =
    shape.kind === 'known'
      ? Object.keys(shape.value as object)
      : shape.kind === 'record'
        ? [...shape.fields.keys()]
        : [];
  return [...registered, ...names.filter((name) => name !== 'cacheable')];
}

/** `factsShape`: what the facts will look like, undefined where the play gathers none. Everything found goes to `problems`. */
export function checkPlay(
  play: ResolvedPlay,
  scopes: PlayScopes,
  files: ProjectFiles,
  factsShape: Shape | undefined,
  problems: Problems,
): void {
  const tasks = play.sections.flatMap((section) => section.tasks);
  const found = new Map<string, { diagnostic: Diagnostic; hosts: string[] }>();
  for (const host of play.hosts) {
    for (const diagnostic of checkHost(host)) {
      const key = JSON.stringify(diagnostic);
      const entry = found.get(key) ?? { diagnostic, hosts: [] };
      entry.hosts.push(host);
      found.set(key, entry);
    }
  }
  for (const { diagnostic, hosts } of found.values())
    problems.add(withHosts(diagnostic, hosts, play.hosts.length));

  function checkHost(host: string): readonly Diagnostic[] {
    const own = new Problems();
    const pending = new Set<string>();
    const state: RunState = { facts: factsShape, results: new Map(), pending };
    // What the tasks of a role with wrong variables would be told is mostly an echo.
    const wrongRoles = new Set(play.roles.filter((role) => !checkRole(host, role, own)));
    const isSound = (task: ResolvedTask) => task.role === undefined || !wrongRoles.has(task.role);
    for (const task of tasks) {
      if (isSound(task)) checkTask(host, task, state, own);
      for (const name of namesSetBy(task)) pending.add(name);
    }
    for (const handler of play.handlers) {
      for (const name of namesSetBy(handler)) pending.add(name);
    }
    for (const handler of play.handlers.filter(isSound)) checkTask(host, handler, state, own);
    return own.list;
  }

  /** The role's variables; false where one of them is wrong. */
  function checkRole(host: string, role: ResolvedRole, own: Problems): boolean {
    const { variables } = role;
    if (variables === undefined) return true;
    const before = own.count;
    for (const layer of scopes.userLayers(host, role)) {
      for (const [name, variable] of layer) {
        const diagnostic = variables.unknownName(name, variable);
        if (diagnostic !== undefined) own.add(diagnostic);
      }
    }
    const anyTask = tasks.find((task) => task.role === role);
    if (anyTask === undefined) return own.count === before;
    const scope = scopes.scope(
      host,
      anyTask,
      { facts: factsShape, results: new Map(), pending: new Set() },
      { problems: own },
    );
    for (const name of variables.names) {
      const variable = scope.variable(name);
      if (variable !== undefined) {
        const shape = scope.shape(name);
        if (shape?.kind !== 'known') continue;
        for (const diagnostic of variables.refine(name, variable, scope.unrefined(name)).diagnostics)
          own.add(diagnostic);
      } else if (variables.required.includes(name)) {
        own.add({
          code: 'role-variable',
          summary: 'variable does not fit the role',
          at: role.origin.span(),
          details: [`the role ${role.role.name} needs the variable "${name}"`],
        });
      }
    }
    return own.count === before;
  }

  function checkTask(host: string, task: ResolvedTask, state: RunState, own: Problems): void {
    const outer = scopes.scope(host, task, state, { problems: own });
    task.loop?.checkNames(outer, own);
    const loop = task.loop?.shape(outer);
    if (loop?.kind === 'known' && !Array.isArray(loop.value)) {
      own.add({
        code: 'key-type',
        summary: 'value is of the wrong type',
        at: task.loop?.origin.span() ?? task.origin.span(),
        details: [`a loop takes a list, and this gives ${describe(loop.value)}`],
      });
      return;
    }
    const itemShapes: readonly (Shape | undefined)[] = loop === undefined ? [undefined] : items(loop);
    itemShapes.forEach((shape, index) => {
      const item = shape === undefined ? undefined : { value: shape, index };
      checkItem(host, task, state, item, own);
    });
  }

  function checkItem(
    host: string,
    task: ResolvedTask,
    state: RunState,
    item: { readonly value: Shape; readonly index: number } | undefined,
    own: Problems,
  ): void {
    const itemIsKnown = item?.value.kind === 'known';
    const pending = item === undefined || itemIsKnown ? state.pending : new Set([...state.pending, 'item']);
    const scope = scopes.scope(
      host,
      task,
      { ...state, pending },
      {
        problems: own,
        ...(item?.value.kind === 'known' && { item: { value: item.value.value, index: item.index } }),
      },
    );
    const withResult = task.register === undefined ? pending : new Set([...pending, task.register]);
    const afterwards = scopes.scope(host, task, { ...state, pending: withResult }, { problems: own });
    checkConditions(task.when, scope, own);
    checkConditions([...(task.changedWhen ?? []), ...(task.failedWhen ?? [])], afterwards, own);
    task.name?.checkNames(scope, own);
    for (const environment of task.environment) environment.checkNames(scope, own);
    for (const { conditions } of task.conditionArgs.values()) {
      for (const condition of conditions) condition.checkNames(scope, own);
    }
    const before = own.count;
    task.args.checkNames(scope, own);
    if (own.count > before) return;
    // A task that will be skipped here may have arguments that only make sense elsewhere.
    const runs = task.when.every((test) => holdsIfKnown(test, scope));
    checkArguments(task, scope, runs, own);
  }

  function checkArguments(task: ResolvedTask, scope: HostScope, runs: boolean, own: Problems): void {
    const shape = task.args.shape(scope);
    const fields = shape.kind === 'record' ? shape.fields : new Map<string, Shape>();
    if (shape.kind !== 'known') {
      const knownFields = [...fields].flatMap(([name, field]) =>
        field.kind === 'known' ? [[name, field.value] as const] : [],
      );
      const later = [...fields].filter(([, field]) => field.kind !== 'known').map(([name]) => name);
      for (const each of checkPartialArguments(task, new Map(knownFields), later)) own.add(each);
      for (const name of templateFiles(task.module, new Map(knownFields)))
        checkTemplateFile(task, name, scope, own);
      return;
    }
    const complete = completeArguments(task, shape.value, scope);
    if (complete.kind === 'invalid') {
      for (const each of complete.diagnostics) own.add(each);
      return;
    }
    const templates = templateFiles(task.module, new Map(Object.entries(complete.args)));
    const isReady = templates
      .map((name) => checkTemplateFile(task, name, scope, own))
      .every((ready) => ready);
    if (!isReady || !runs || task.module.kind !== 'host') return;
    try {
      task.module.prepare(complete.args as never, controllerFor(task, scope, files, { diff: false }));
    } catch (error) {
      own.add(failureDiagnostic(task, error));
    }
  }

  /** True where the file's names are all known and have their values. */
  function checkTemplateFile(task: ResolvedTask, name: string, scope: HostScope, own: Problems): boolean {
    try {
      const before = own.count;
      files.checkNames(name, task.role, scope, own);
      return own.count === before && !scope.isPending(files.references(name, task.role));
    } catch (error) {
      if (error instanceof DiagnosticError) for (const each of error.diagnostics) own.add(each);
      else own.add(failureDiagnostic(task, error));
      return false;
    }
  }
}

/** Values of arguments that name template files. */
function templateFiles(module: Module, args: ReadonlyMap<string, unknown>): readonly string[] {
  return Object.entries(module.schema.properties).flatMap(([name, property]) => {
    const value = args.get(name);
    return property.template === true && typeof value === 'string' ? [value] : [];
  });
}

function checkConditions(tests: readonly Test[], scope: HostScope, own: Problems): void {
  for (const test of tests) {
    if (typeof test === 'boolean') continue;
    const wrongType = typeDiagnostic(test);
    if (wrongType === undefined) test.checkNames(scope, own);
    else own.add(wrongType);
  }
}

/** False only where the condition is known to be false already. */
function holdsIfKnown(test: Test, scope: HostScope): boolean {
  if (typeof test === 'boolean') return test;
  if (scope.isPending(test.references)) return true;
  return test.valueOr(scope, true) !== false;
}

function failureDiagnostic(task: ResolvedTask, error: unknown): Diagnostic {
  if (error instanceof ArgumentError) return argumentDiagnostic(task, error);
  if (error instanceof RenderError) {
    return {
      code: 'template-value',
      summary: 'template cannot be rendered',
      at: error.at,
      details: [error.message],
    };
  }
  throw error;
}

function withHosts(diagnostic: Diagnostic, hosts: readonly string[], all: number): Diagnostic {
  if (hosts.length === all) return diagnostic;
  const named = hosts.slice(0, 3).join(', ');
  const more = hosts.length > 3 ? ` and ${hosts.length - 3} more` : '';
  return { ...diagnostic, details: [...(diagnostic.details ?? []), `on ${named}${more}`] };
}
