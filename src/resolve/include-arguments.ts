// What imports and includes are told: which file or role, and the keywords that they pass on or cannot have.
import type { Problems } from '../diagnostic.ts';
import { keywordsOf } from '../load/check-keys.ts';
import { TaskKeys } from '../load/located.ts';
import { APPLY_KEYS, APPLY_SCHEMA, TASK_KEYS } from '../load/playbook-schema.ts';
import { isMapping, type TaskDocument } from '../load/playbook-tasks.ts';
import { schemaDiagnostics, validate } from '../load/schema.ts';
import type { ControllerModule, Entry } from '../modules/module.ts';
import { hasTemplate } from '../render/template.ts';
import { ARGUMENT_CODES } from './task-arguments.ts';

/** What is imported: known before any variable is. Undefined where the arguments are wrong. */
export function importedEntry(
  document: TaskDocument,
  module: ControllerModule,
  problems: Problems,
): Entry | undefined {
  const { value, origin } = document.args;
  const { freeForm } = module;
  const args =
    typeof value === 'string' && freeForm !== undefined ? { [freeForm]: value } : { ...mapping(value) };
  const at = (name: string) => (typeof value === 'string' ? origin : origin.child(name));
  for (const [name, each] of Object.entries(args)) {
    if (typeof each !== 'string' || !hasTemplate(each)) continue;
    problems.add({
      code: 'key-unsupported',
      summary: 'a template cannot stand here',
      at: at(name).span(),
      details: ['an import is done with before any variable has a value'],
      hint: `write ${module.name.replace('import', 'include')}`,
    });
    return undefined;
  }
  if (typeof value === 'string' && freeForm === undefined) {
    problems.add({
      ...ARGUMENT_CODES.value,
      at: origin.span(),
      details: [`${module.name} takes a mapping of arguments`],
      hint: `write {name: ${value}}`,
    });
    return undefined;
  }
  const wrong = schemaDiagnostics(
    validate(module.schema, args),
    origin,
    ARGUMENT_CODES,
    document.module.origin,
  );
  for (const each of wrong) problems.add(each);
  const verdict = wrong.length > 0 ? undefined : module.evaluate(args);
  return verdict?.kind === 'ok' ? verdict.enter : undefined;
}

/** The keywords under `apply`, and the include's document without them. */
export function splitApply(
  document: TaskDocument,
  problems: Problems,
): { readonly apply: TaskKeys; readonly document: TaskDocument } {
  const { value, origin } = document.args;
  const { apply, ...rest } = mapping(value);
  const at = origin.child('apply');
  // What is no mapping is told by the schema of the arguments.
  if (!isMapping(apply)) return { apply: new TaskKeys({}, at), document };
  const sound = keywordsOf({ data: apply, origin: at, schema: APPLY_SCHEMA, keys: APPLY_KEYS }, problems);
  return { apply: new TaskKeys(sound, at), document: { ...document, args: { value: rest, origin } } };
}

const OF_INCLUDES = new Set([
  'name',
  'when',
  'vars',
  'tags',
  'loop',
  'with_items',
  'with_list',
  'with_dict',
  'with_sequence',
  'loop_control',
  'ignore_errors',
  'no_log',
  'args',
]);
const OF_IMPORTS = new Set([...Object.keys(APPLY_KEYS), 'name', 'args']);

/** Keywords that would be of no effect are told. */
export function checkIncludeKeys({ keys, module }: TaskDocument, problems: Problems): void {
  const isImport = module.value.startsWith('import');
  const allowed = isImport ? OF_IMPORTS : OF_INCLUDES;
  for (const key of keys.names().filter((each) => Object.hasOwn(TASK_KEYS, each) && !allowed.has(each))) {
    const other = isImport && OF_INCLUDES.has(key) ? module.value.replace('import', 'include') : undefined;
    const hint =
      other !== undefined
        ? `write ${other}`
        : Object.hasOwn(APPLY_KEYS, key)
          ? `put "${key}" under "apply"`
          : undefined;
    problems.add({
      code: 'key-unsupported',
      summary: 'key has no effect here',
      at: (keys.get(key)?.keyOrigin ?? module.origin).span(),
      details: [`"${key}" of ${module.value} would not reach its tasks`],
      ...(hint !== undefined && { hint }),
    });
  }
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {};
}
