// From a task and a host's variables to an action. A pure function of what is known at this moment.
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { Become } from '../host/host.ts';
import {
  ArgumentError,
  type ControllerModule,
  type ControllerVerdict,
  type HostModule,
} from '../modules/module.ts';
import { ConditionError } from '../render/condition.ts';
import { NameError, NotYetError, type Values } from '../render/shape.ts';
import { RenderError } from '../render/template.ts';
import type { HostScope, VariableLayer } from '../resolve/host-scope.ts';
import { itemsOf, loopValues } from '../resolve/loop.ts';
import type { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { argumentDiagnostic, completeArguments, controllerFor } from '../resolve/task-arguments.ts';
import { Secret } from '../secret.ts';
import type { Action, HostAction, Item } from './action.ts';
import { failureText } from './failure-text.ts';
import { normalized } from './resources.ts';

export interface ActionContext {
  readonly files: ProjectFiles;
  readonly mode: 'apply' | 'check';
  readonly diff: boolean;
  /** Where actions are not worked out from tasks and variables: they have been planned before. */
  readonly planned?: (task: ResolvedTask, scope: HostScope) => Action;
  /** Nothing is changed, come what may: of tasks with `check_mode: false` only those run that say they only look. */
  readonly audit?: boolean;
  /** The variables of another host, for tasks that are delegated to it. */
  readonly variablesOf?: (host: string) => Values;
}

/** Why a task is skipped whose values the host would only have without check mode. */
export const NEVER_KNOWN = 'it needs a result that check mode did not produce';

type Named = Pick<Action, 'task' | 'title' | 'item' | 'scope' | 'delegate'>;

/** The list that a task loops over, or undefined where it has no loop. Throws NotYetError. */
export function loopItems(
  task: ResolvedTask,
  scope: HostScope,
): readonly unknown[] | { readonly error: string } | undefined {
  if (task.loop === undefined) return undefined;
  try {
    return itemsOf(task.loop, task.loop.over.evaluate(scope));
  } catch (error) {
    if (error instanceof NotYetError) throw error;
    return { error: planningFailure(task, error).message };
  }
}

/** One item of the task's loop; `around`: what loops of includes around the task are at. */
export function itemAt(
  { loop }: ResolvedTask,
  items: readonly unknown[],
  index: number,
  around: ReadonlyMap<string, unknown>,
): Item {
  const own = loop === undefined ? [] : loopValues(loop, items, index);
  return { value: items[index], index, count: items.length, values: new Map([...around, ...own]) };
}

export function planAction(
  task: ResolvedTask,
  scope: HostScope,
  bareItem: Item | undefined,
  context: ActionContext,
): Action {
  if (context.planned !== undefined) return context.planned(task, scope);
  let item = bareItem;
  const base = { task, title: '', item, scope };
  try {
    item = bareItem && withLabel(task, bareItem, scope);
    const title = titleOf(task, scope);
    const named = { ...base, title, item };
    for (const test of task.when) {
      const holds = typeof test === 'boolean' ? test : test.holds(scope);
      if (holds) continue;
      return {
        ...named,
        kind: 'skipped',
        reason: typeof test === 'boolean' ? 'when: false' : `when: ${test.text}`,
        leaves: 'unset',
      };
    }
    const delegate = delegateOf(task, scope);
    const complete = completeArguments(task, task.args.evaluate(scope), scope);
    if (complete.kind === 'invalid') {
      return { ...named, kind: 'failed', message: complete.diagnostics.map(oneLine).join('; ') };
    }
    if (task.module.kind === 'host') {
      return hostAction({ ...named, ...delegate }, task.module, complete.args, context);
    }
    const module: ControllerModule = task.module;
    module.check?.(complete.args);
    const mode = modeOf(task, context);
    const verdict = module.evaluate(complete.args);
    return { ...named, ...delegate, kind: 'controller', mode, ...withVariables(task, verdict) };
  } catch (error) {
    if (error instanceof NotYetError) {
      return { ...base, title: plainTitle(task), kind: 'skipped', reason: NEVER_KNOWN, leaves: 'unknowable' };
    }
    return {
      ...base,
      title: base.title || plainTitle(task),
      kind: 'failed',
      ...planningFailure(task, error),
    };
  }
}

/** What include_vars has read, or why it could not. */
function withVariables(
  { variables }: ResolvedTask,
  verdict: ControllerVerdict,
): { readonly verdict: ControllerVerdict; readonly included?: VariableLayer } {
  if (variables === undefined || verdict.kind === 'failed' || verdict.variablesFrom === undefined)
    return { verdict };
  const { variables: included, files, diagnostics } = variables.load(verdict.variablesFrom);
  if (diagnostics.length > 0) return { verdict: { kind: 'failed', message: failureText(diagnostics) } };
  const written = Object.fromEntries([...included].map(([name, { value }]) => [name, value]));
  const fields = {
    ansible_included_var_files: files,
    ansible_facts: JSON.parse(JSON.stringify(written)) as unknown,
  };
  return { verdict: { ...verdict, fields }, included };
}

function withLabel({ loop }: ResolvedTask, item: Item, scope: HostScope): Item {
  if (loop?.label === undefined) return item;
  const label = loop.label.evaluate(scope);
  return { ...item, label: typeof label === 'string' ? label : JSON.stringify(label) };
}

/** `role : name`, the module's name where the task has none. */
export function titleOf(task: ResolvedTask, scope: HostScope): string {
  try {
    return withRole(task, String(task.name?.evaluate(scope) ?? task.module.name));
  } catch {
    return plainTitle(task);
  }
}

function hostAction(
  base: Named,
  module: HostModule,
  args: Record<string, unknown>,
  context: ActionContext,
): Action {
  const { task, scope, delegate } = base;
  const diff = task.diff ?? context.diff;
  const wanted = module.prepare(args, controllerFor(task, scope, context.files, { diff }));
  return {
    ...base,
    kind: 'host',
    module,
    wanted,
    inspection: module.inspect(wanted),
    reads: normalized(module.reads(wanted)),
    writes: normalized(module.writes(wanted)),
    become: becomeOf(task, (delegate !== undefined && context.variablesOf?.(delegate)) || scope),
    environment: environmentOf(task, scope),
    mode: modeOf(task, context),
    timeoutMs: task.timeoutMs,
    ...jobOf(task, scope),
  };
}

function modeOf({ checkMode, changedWhen }: ResolvedTask, context: ActionContext): 'apply' | 'check' {
  if (context.audit === true && changedWhen?.some((test) => test === false) !== true) return 'check';
  return (checkMode ?? context.mode === 'check') ? 'check' : 'apply';
}

/** Ansible's default for `poll`. */
const DEFAULT_POLL_S = 15;

/** Nothing where the session makes the changes itself. */
function jobOf(task: ResolvedTask, scope: Values): { readonly job?: NonNullable<HostAction['job']> } {
  if (task.async === undefined) return {};
  const limitMs = 1000 * Math.ceil(secondsOf('async', task.async.evaluate(scope)));
  if (limitMs === 0) return {};
  return { job: { limitMs, pollMs: 1000 * secondsOf('poll', task.poll?.evaluate(scope) ?? DEFAULT_POLL_S) } };
}

function secondsOf(key: string, value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number) && number >= 0) return number;
  throw new KeywordError(`${key} is no number of seconds: ${JSON.stringify(value)}`);
}

/** A keyword's value turns out to be of no use. */
class KeywordError extends Error {}

/** Nothing where the task is delegated to its own host. */
function delegateOf({ delegateTo }: ResolvedTask, scope: HostScope): { readonly delegate?: string } {
  if (delegateTo === undefined) return {};
  const delegate = String(delegateTo.evaluate(scope) ?? '');
  if (delegate === '') throw new ArgumentError('delegate_to', 'delegate_to names no host');
  return delegate === scope.get('inventory_hostname') ? {} : { delegate };
}

/** Throws an ArgumentError where a variable names no way to become somebody. */
export function becomeOf({ become }: Pick<ResolvedTask, 'become'>, scope: Values): Become | undefined {
  const variable = (name: string): unknown => (scope.has(name) ? scope.get(name) : undefined);
  const wanted = become.become ?? asFlag(variable('ansible_become'));
  if (wanted !== true) return undefined;
  const method = become.method ?? variable('ansible_become_method') ?? 'sudo';
  if (method !== 'sudo' && method !== 'su' && method !== 'doas') {
    throw new ArgumentError('become_method', `${String(method)} is none of sudo, su, doas`);
  }
  const password = variable('ansible_become_password') ?? variable('ansible_become_pass');
  const flags = become.flags ?? variable('ansible_become_flags');
  return {
    method,
    user: String(become.user ?? variable('ansible_become_user') ?? 'root'),
    ...(password !== undefined &&
      password !== null && {
        password: password instanceof Secret ? password : new Secret(String(password)),
      }),
    ...(flags !== undefined && flags !== null && { flags: String(flags) }),
  };
}

function asFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return ['yes', 'true', 'on', '1'].includes(value.toLowerCase());
  return undefined;
}

function environmentOf(task: ResolvedTask, scope: HostScope): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const layer of task.environment) {
    const values = layer.evaluate(scope);
    if (values === null || typeof values !== 'object' || Array.isArray(values)) {
      throw new ArgumentError('environment', 'it is not a mapping of names to values');
    }
    for (const [name, value] of Object.entries(values)) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw new ArgumentError('environment', `"${name}" cannot be the name of a variable`);
      }
      environment[name] = String(value);
      if (environment[name].includes('\0')) {
        throw new ArgumentError('environment', `the value of ${name} holds a NUL byte`);
      }
    }
  }
  return environment;
}

/** What made planning stop, as a failure of this task on this host. Anything unexpected is a bug and goes on up. */
export function planningFailure(task: ResolvedTask, error: unknown): { message: string; hint?: string } {
  if (error instanceof ArgumentError) {
    const { hint } = error;
    return { message: oneLine(argumentDiagnostic(task, error)), ...(hint !== undefined && { hint }) };
  }
  if (error instanceof RenderError || error instanceof ConditionError) {
    const { file, line, column } = error.at;
    return { message: `${error.message} (${file}:${line}:${column})` };
  }
  if (error instanceof DiagnosticError) return { message: error.diagnostics.map(oneLine).join('; ') };
  if (error instanceof NameError || error instanceof NotYetError || error instanceof KeywordError) {
    return { message: error.message };
  }
  throw error;
}

function oneLine(diagnostic: Diagnostic): string {
  const place = diagnostic.at && ` (${diagnostic.at.file}:${diagnostic.at.line}:${diagnostic.at.column})`;
  return `${diagnostic.details?.join(', ') ?? diagnostic.summary}${place ?? ''}`;
}

function plainTitle(task: ResolvedTask): string {
  return withRole(task, task.module.name);
}

function withRole(task: ResolvedTask, name: string): string {
  return task.role === undefined ? name : `${task.role.role.name} : ${name}`;
}
