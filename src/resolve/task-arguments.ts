// A task's arguments for one host: rendered, given the schema's defaults, checked, and turned into what is wanted.
// The check before the run and the run itself go through here alike.
import type { Diagnostic } from '../diagnostic.ts';
import { TASK_KEYS } from '../load/playbook-schema.ts';
import { type SchemaCodes, type SchemaProblem, schemaDiagnostics, validate } from '../load/schema.ts';
import type { ArgumentError, Condition as ConditionArgument, Controller } from '../modules/module.ts';
import type { HostScope } from './host-scope.ts';
import { FileError, type ProjectFiles } from './project-files.ts';
import type { ResolvedTask } from './resolved-task.ts';

export const ARGUMENT_CODES: SchemaCodes = {
  unknown: { code: 'argument-unknown', summary: 'argument is not known' },
  missing: { code: 'argument-missing', summary: 'argument is missing' },
  value: { code: 'argument-type', summary: 'argument is of the wrong type' },
};

/** An argument that the schema leaves, given for now: a condition, or a template whose value is not known yet. */
const UNKNOWN_YET = Symbol('not known yet');

export type Arguments =
  | { readonly kind: 'valid'; readonly args: Record<string, unknown> }
  | { readonly kind: 'invalid'; readonly diagnostics: readonly Diagnostic[] };

/** Checks rendered arguments against the module's schema. Conditions among them are added as functions. */
export function completeArguments(task: ResolvedTask, rendered: unknown, scope: HostScope): Arguments {
  const args: Record<string, unknown> = { ...(rendered as object) };
  for (const [name, { conditions, single }] of task.conditionArgs) {
    const list = conditions.map(
      (condition): ConditionArgument => ({ source: condition.text, value: () => condition.value(scope) }),
    );
    args[name] = single ? list[0] : list;
  }
  const diagnostics = schemaProblems(task, args);
  return diagnostics.length > 0 ? { kind: 'invalid', diagnostics } : { kind: 'valid', args };
}

/** What is wrong with arguments of which some are only known later. */
export function checkPartialArguments(
  task: ResolvedTask,
  fields: ReadonlyMap<string, unknown>,
  unknownNames: Iterable<string>,
): readonly Diagnostic[] {
  const args: Record<string, unknown> = Object.fromEntries(fields);
  for (const name of [...unknownNames, ...task.conditionArgs.keys()]) args[name] = UNKNOWN_YET;
  return schemaProblems(task, args);
}

/** The diagnostic for an ArgumentError of prepare. */
export function argumentDiagnostic(task: ResolvedTask, error: ArgumentError): Diagnostic {
  return {
    ...(error instanceof FileError
      ? { code: 'file-unreadable', summary: 'file cannot be read' }
      : { code: 'argument-value', summary: 'argument cannot be right' }),
    at: task.args.origin.child(error.argument).span(),
    details: [error.message],
    ...(error.hint !== undefined && { hint: error.hint }),
  };
}

/** What a module sees of the controller's side for one task on one host. */
export function controllerFor(
  task: ResolvedTask,
  scope: HostScope,
  files: ProjectFiles,
  options: { readonly diff: boolean },
): Controller {
  return {
    readFile: (name, folder, vaulted) =>
      vaulted === 'sealed' ? files.readSealed(name, folder, task.role) : files.read(name, folder, task.role),
    renderFile: (name) => files.render(name, task.role, scope),
    diff: options.diff,
    variable: (name) => (scope.has(name) ? scope.get(name) : undefined),
    roleName: task.role?.role.name,
  };
}

function schemaProblems(task: ResolvedTask, args: Record<string, unknown>): readonly Diagnostic[] {
  const isLater = (value: unknown): boolean => value === UNKNOWN_YET;
  const schema = withoutConditions(task.module.schema);
  const conditions = new Map([...task.conditionArgs.keys()].map((name) => [name, args[name]]));
  for (const name of conditions.keys()) args[name] = UNKNOWN_YET;
  const problems = validate(schema, args, isLater).map((problem) =>
    isTaskKey(problem) ? { ...problem, ...ofTheTask(problem.key ?? '', task.module.name) } : problem,
  );
  for (const [name, value] of conditions) args[name] = value;
  return schemaDiagnostics(problems, task.args.origin, ARGUMENT_CODES, task.moduleOrigin);
}

function isTaskKey({ problem, path, key = '', hint }: SchemaProblem): boolean {
  const isKeyword = Object.hasOwn(TASK_KEYS, key) && key !== 'name' && key !== 'vars';
  return problem === 'unknown' && path.length === 0 && hint === undefined && isKeyword;
}

function ofTheTask(key: string, module: string): { readonly detail: string; readonly hint: string } {
  const detail = `"${key}" is a key of tasks, not an argument of ${module}`;
  return { detail, hint: `indent it as far as "${module}:"` };
}

const schemas = new WeakMap<object, object>();

/** The schema with condition arguments open: they were parsed as conditions already. */
function withoutConditions(schema: ResolvedTask['module']['schema']): object {
  let open = schemas.get(schema);
  if (open === undefined) {
    const properties = Object.entries(schema.properties).map(([name, property]) => [
      name,
      property.condition === true ? {} : property,
    ]);
    open = { ...schema, properties: Object.fromEntries(properties) };
    schemas.set(schema, open);
  }
  return open;
}
