// The check of one task on one host before it runs: every name, every argument, every condition, each item of its loop.
// What depends on facts or on results of earlier tasks is checked as far as it is known.
import { type Diagnostic, DiagnosticError, type Problems } from '../diagnostic.ts';
import { ArgumentError, type ControllerModule, type Entry, type Module } from '../modules/module.ts';
import { typeDiagnostic } from '../render/condition.ts';
import { NotYetError, type Shape } from '../render/shape.ts';
import { RenderError } from '../render/template.ts';
import type { HostScope, RunState } from './host-scope.ts';
import type { Test } from './inherited.ts';
import { itemShapes, type Loop, loopNames, loopValues } from './loop.ts';
import type { PlayScopes } from './play-scopes.ts';
import type { ProjectFiles } from './project-files.ts';
import type { ResolvedTask } from './resolved-task.ts';
import {
  argumentDiagnostic,
  checkPartialArguments,
  completeArguments,
  controllerFor,
} from './task-arguments.ts';

/** What loops of includes around a task are at: known values, and names whose value is not known yet. */
export interface Surroundings {
  readonly values: ReadonlyMap<string, unknown>;
  readonly unknown: ReadonlySet<string>;
}

export interface TaskCheckContext {
  readonly host: string;
  readonly scopes: PlayScopes;
  readonly files: ProjectFiles;
  /** Everything found goes here. */
  readonly problems: Problems;
  readonly state: RunState;
  readonly surroundings: Surroundings;
  /** A host that the task is run on in place of its own. */
  readonly onDelegate: (name: string) => void;
  /** For each item: the arguments of a task that reads variables from files, and whether it will run. */
  readonly onVariables?: (
    args: Record<string, unknown> | 'later' | 'wrong',
    runs: 'certain' | 'perhaps' | 'never',
  ) => void;
  /** For each item: what an include would bring in, undefined where that is not known yet. */
  readonly onInclude: (entry: Entry | undefined, within: Surroundings) => void;
}

export function checkTask(task: ResolvedTask, context: TaskCheckContext): void {
  const { problems } = context;
  const outer = scopeFor(task, context, {});
  const { loop } = task;
  if (loop === undefined) {
    checkItem(task, context);
    return;
  }
  loop.over.checkNames(outer, problems);
  const shapes = itemShapes(loop, loop.over.shape(outer));
  if ('error' in shapes) {
    problems.add({
      code: 'key-type',
      summary: 'value is of the wrong type',
      at: loop.over.origin.span(),
      details: [shapes.error],
    });
    return;
  }
  const all = shapes.map((shape) => (shape.kind === 'known' ? shape.value : undefined));
  for (const [index, shape] of shapes.entries()) {
    const surroundings = withItem(context.surroundings, { loop, shape, all, index });
    checkItem(task, { ...context, surroundings });
  }
}

function checkItem(task: ResolvedTask, context: TaskCheckContext): void {
  const { problems, surroundings } = context;
  const scope = scopeFor(task, context, {});
  const afterwards = scopeFor(task, context, { pending: task.register });
  checkConditions(task.when, scope, problems);
  checkConditions(
    [...(task.changedWhen ?? []), ...(task.failedWhen ?? []), ...(task.until ?? [])],
    afterwards,
    problems,
  );
  task.name?.checkNames(scope, problems);
  task.loop?.label?.checkNames(scope, problems);
  task.retries?.checkNames(scope, problems);
  task.delay?.checkNames(scope, problems);
  task.async?.checkNames(scope, problems);
  task.poll?.checkNames(scope, problems);
  task.delegateTo?.checkNames(scope, problems);
  const delegate = task.delegateTo?.shape(scope);
  if (delegate?.kind === 'known') context.onDelegate(String(delegate.value));
  for (const environment of task.environment) environment.checkNames(scope, problems);
  for (const [name, { conditions }] of task.conditionArgs) {
    const expected = task.module.schema.properties[name]?.anyValue === true ? 'any-value' : 'truth';
    for (const condition of conditions) condition.checkNames(scope, problems, expected);
  }
  const before = problems.count;
  task.args.checkNames(scope, problems);
  if (problems.count > before) return;
  // A task that will be skipped here may have arguments that only make sense elsewhere.
  const runs = task.when.every((test) => holdsIfKnown(test, scope));
  const args = checkArguments(task, scope, { runs, context });
  if (task.variables !== undefined) {
    const isSure = runs && task.when.every((test) => isKnownToHold(test, scope));
    context.onVariables?.(args, isSure ? 'certain' : runs ? 'perhaps' : 'never');
  }
  if (task.include === undefined || !runs || args === 'wrong') return;
  const verdict = args === 'later' ? undefined : (task.module as ControllerModule).evaluate(args);
  context.onInclude(verdict?.kind === 'ok' ? verdict.enter : undefined, surroundings);
}

/** The arguments, where all of them are known. */
function checkArguments(
  task: ResolvedTask,
  scope: HostScope,
  { runs, context }: { readonly runs: boolean; readonly context: TaskCheckContext },
): Record<string, unknown> | 'later' | 'wrong' {
  const { problems, files } = context;
  const shape = task.args.shape(scope);
  const fields = shape.kind === 'record' ? shape.fields : new Map<string, Shape>();
  if (shape.kind !== 'known') {
    const knownFields = [...fields].flatMap(([name, field]) =>
      field.kind === 'known' ? [[name, field.value] as const] : [],
    );
    const later = [...fields].filter(([, field]) => field.kind !== 'known').map(([name]) => name);
    const partial = checkPartialArguments(task, new Map(knownFields), later);
    for (const each of partial) problems.add(each);
    for (const name of templateFiles(task.module, new Map(knownFields)))
      checkTemplateFile(task, name, scope, context);
    return partial.length > 0 ? 'wrong' : 'later';
  }
  const complete = completeArguments(task, shape.value, scope);
  if (complete.kind === 'invalid') {
    for (const each of complete.diagnostics) problems.add(each);
    return 'wrong';
  }
  const templates = templateFiles(task.module, new Map(Object.entries(complete.args)));
  const isReady = templates
    .map((name) => checkTemplateFile(task, name, scope, context))
    .every((ready) => ready);
  if (!isReady || !runs) return complete.args;
  try {
    if (task.module.kind === 'controller') (task.module as ControllerModule).check?.(complete.args);
    else task.module.prepare(complete.args as never, controllerFor(task, scope, files, { diff: false }));
  } catch (error) {
    if (!(error instanceof NotYetError)) problems.add(failureDiagnostic(task, error));
  }
  return complete.args;
}

/** True where the file's names are all known and have their values. */
function checkTemplateFile(
  task: ResolvedTask,
  name: string,
  scope: HostScope,
  { files, problems }: TaskCheckContext,
): boolean {
  try {
    const before = problems.count;
    files.checkNames(name, task.role, scope, problems);
    return problems.count === before && !scope.isPending(files.references(name, task.role));
  } catch (error) {
    if (error instanceof DiagnosticError) for (const each of error.diagnostics) problems.add(each);
    else problems.add(failureDiagnostic(task, error));
    return false;
  }
}

function scopeFor(
  task: ResolvedTask,
  { host, scopes, problems, state, surroundings }: TaskCheckContext,
  more: { readonly pending?: string | undefined },
): HostScope {
  const { values, unknown } = surroundings;
  const extra = [...unknown, ...(more.pending === undefined ? [] : [more.pending])];
  const pending = extra.length === 0 ? state.pending : new Set([...state.pending, ...extra]);
  return scopes.scope(host, task, { ...state, pending }, { problems, values });
}

function withItem(
  { values, unknown }: Surroundings,
  item: {
    readonly loop: Loop;
    readonly shape: Shape;
    readonly all: readonly unknown[];
    readonly index: number;
  },
): Surroundings {
  const own = loopNames(item.loop);
  const others = new Map([...values].filter(([name]) => !own.includes(name)));
  const rest = new Set([...unknown].filter((name) => !own.includes(name)));
  return item.shape.kind === 'known'
    ? { values: new Map([...others, ...loopValues(item.loop, item.all, item.index)]), unknown: rest }
    : { values: others, unknown: new Set([...rest, ...own]) };
}

/** Values of arguments that name template files. */
function templateFiles(module: Module, args: ReadonlyMap<string, unknown>): readonly string[] {
  return Object.entries(module.schema.properties).flatMap(([name, property]) => {
    const value = args.get(name);
    return property.template === true && typeof value === 'string' ? [value] : [];
  });
}

function checkConditions(tests: readonly Test[], scope: HostScope, problems: Problems): void {
  for (const test of tests) {
    if (typeof test === 'boolean') continue;
    const wrongType = typeDiagnostic(test);
    if (wrongType === undefined) test.checkNames(scope, problems);
    else problems.add(wrongType);
  }
}

function isKnownToHold(test: Test, scope: HostScope): boolean {
  if (typeof test === 'boolean') return test;
  return !scope.isPending(test.references) && test.valueOr(scope, false) === true;
}

/** False only where the condition is known to be false already. */
function holdsIfKnown(test: Test, scope: HostScope): boolean {
  if (typeof test === 'boolean') return test;
  if (scope.isPending(test.references)) return true;
  return test.valueOr(scope, true) !== false;
}

function failureDiagnostic(task: ResolvedTask, error: unknown): Diagnostic {
  if (error instanceof ArgumentError) return argumentDiagnostic(task, error);
  if (error instanceof RenderError && error.diagnostic !== undefined) return error.diagnostic;
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
