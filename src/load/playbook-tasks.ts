// Lists of tasks and blocks as the user wrote them: in a play, in a role, in a file of their own.
// A block holds lists of its own; includes and imports are tasks here, and what they name is found in resolve.
import { type Diagnostic, didYouMean, type Problems, type Span } from '../diagnostic.ts';
import { CODES, keywordsOf } from './check-keys.ts';
import { type Located, TaskKeys } from './located.ts';
import { BLOCK_KEYS, BLOCK_SCHEMA, TASK_KEYS, TASK_SCHEMA, UNSUPPORTED_KEYS } from './playbook-schema.ts';
import { type Origin, readSource } from './source.ts';
import { TaggedText } from './tagged-text.ts';
import type { Vault } from './vault/vault.ts';
import { parseYaml } from './yaml-document.ts';

export interface TaskDocument {
  readonly kind: 'task';
  readonly origin: Origin;
  /** `name`, or undefined where the task has none. */
  readonly name: Located<string> | undefined;
  /** The key that is no keyword of tasks, without `ansible.builtin.` and its like. */
  readonly module: Located<string>;
  readonly args: Located<unknown>;
  /** The task's other keys, valid by their schema. */
  readonly keys: TaskKeys;
}

/** Tasks that share keywords, and what becomes of their failure. */
export interface BlockDocument {
  readonly kind: 'block';
  readonly origin: Origin;
  readonly keys: TaskKeys;
  readonly block: readonly TaskNode[];
  readonly rescue: readonly TaskNode[];
  readonly always: readonly TaskNode[];
}

export type TaskNode = TaskDocument | BlockDocument;

/** Reads a file of tasks (a role's tasks/main.yml, for one). `from`: the place that names it. */
export function loadTaskFile(
  path: string,
  problems: Problems,
  from?: Span,
  vault?: Vault,
): readonly TaskNode[] {
  const source = readSource(path, problems, from, vault);
  const document = source && parseYaml(source, problems);
  if (document === undefined || document.data === null) return [];
  if (!Array.isArray(document.data)) {
    problems.add({ ...CODES.value, at: document.origin.span(), details: ['a file of tasks is a list'] });
    return [];
  }
  return readTasks(document.data, document.origin, problems);
}

export function readTasks(list: readonly unknown[], origin: Origin, problems: Problems): readonly TaskNode[] {
  return list.flatMap((data, index) => readNode(data, origin.child(index), problems) ?? []);
}

/** Whether a value of a YAML file is a mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof TaggedText)
  );
}

function readNode(data: unknown, origin: Origin, problems: Problems): TaskNode | undefined {
  if (!isMapping(data)) {
    problems.add({
      ...CODES.value,
      at: origin.span(),
      details: ['a task is a mapping with a module'],
      ...(typeof data === 'string' && /^\w+$/.test(data) && { hint: `write ${data}:` }),
    });
    return undefined;
  }
  const isBlock = ['block', 'rescue', 'always'].some((key) => key in data);
  return isBlock ? readBlock(data, origin, problems) : readTask(data, origin, problems);
}

function readBlock(
  data: Readonly<Record<string, unknown>>,
  origin: Origin,
  problems: Problems,
): BlockDocument {
  const isForeign = (key: string): boolean =>
    !Object.hasOwn(BLOCK_KEYS, key) && didYouMean(key, Object.keys(BLOCK_KEYS)) === undefined;
  const sound = keywordsOf(
    { data, origin, schema: BLOCK_SCHEMA, keys: BLOCK_KEYS },
    problems,
    ({ problem, key = '' }) => problem === 'unknown' && isForeign(key),
  );
  for (const key of Object.keys(data).filter((each) => isForeign(each) && !UNSUPPORTED_KEYS.has(each))) {
    problems.add({ ...CODES.unknown, at: origin.key(key).span(), ...notOfBlocks(key) });
  }
  const part = (key: string): readonly TaskNode[] =>
    readTasks(Array.isArray(sound[key]) ? sound[key] : [], origin.child(key), problems);
  return {
    kind: 'block',
    origin,
    keys: new TaskKeys(sound, origin),
    block: part('block'),
    rescue: part('rescue'),
    always: part('always'),
  };
}

function notOfBlocks(key: string): { readonly details: readonly string[]; readonly hint: string } {
  if (key === 'loop' || key.startsWith('with_')) {
    const hint = 'put its tasks into a file of their own, and loop over include_tasks';
    return { details: ['a block cannot loop'], hint };
  }
  if (Object.hasOwn(TASK_KEYS, key)) {
    return {
      details: [`"${key}" is a key of single tasks, not of blocks`],
      hint: 'put it at a task of the block',
    };
  }
  return {
    details: [`"${key}" is no key of blocks, and a block has no module`],
    hint: 'make it a task of the block',
  };
}

/** A file of plays where one of tasks is wanted, or plays among tasks. */
function playAmongTasks(origin: Origin): Diagnostic {
  return {
    ...CODES.value,
    at: origin.span(),
    details: ['this is a play, and tasks are wanted here'],
    hint: 'import_playbook, in place of a play, brings in a file of plays',
  };
}

function readTask(
  data: Readonly<Record<string, unknown>>,
  origin: Origin,
  problems: Problems,
): TaskDocument | undefined {
  if ('hosts' in data && ('tasks' in data || 'roles' in data)) {
    problems.add(playAmongTasks(origin));
    return undefined;
  }
  const sound = keywordsOf({ data, origin, schema: TASK_SCHEMA, keys: TASK_KEYS }, problems);
  const others = Object.keys(data).filter((key) => !Object.hasOwn(TASK_KEYS, key));
  const action = actionOf(sound, origin);
  const [moduleKey, ...extra] = others.filter((key) => !UNSUPPORTED_KEYS.has(key));
  const first = action?.word ?? moduleKey;
  if (first === undefined) {
    if (others.length === 0) {
      problems.add({ ...CODES.missing, at: origin.span(), details: ['the task names no module'] });
    }
    return undefined;
  }
  for (const key of action === undefined ? extra : others) {
    const isBare = action === undefined && data[first] === null;
    const hint =
      didYouMean(key, Object.keys(TASK_KEYS)) ??
      (isBare ? `if it is an argument of ${first}, indent it below "${first}:"` : undefined);
    problems.add({
      ...CODES.unknown,
      at: origin.key(key).span(),
      details: [`"${key}" is no key of tasks, and the task has a module already: ${first}`],
      ...(hint !== undefined && { hint }),
    });
  }
  const isLocal = action?.word === 'local_action';
  const keys = new TaskKeys(isLocal ? { delegate_to: 'localhost', ...sound } : sound, origin);
  return {
    kind: 'task',
    origin,
    name: keys.get<string>('name'),
    ...(action ?? {
      module: { value: plainName(first), origin: origin.key(first) },
      args: mergeArgs(data, { value: data[first], origin: origin.child(first) }, origin),
    }),
    keys,
  };
}

/** `ansible.builtin.copy` is `copy`. */
export function plainName(name: string): string {
  return name.replace(/^ansible\.(builtin|legacy|posix)\.|^community\.general\./, '');
}

/** `action: MODULE ARGUMENTS`, or a mapping with `module`; local_action is the same on the controller. */
function actionOf(
  data: Readonly<Record<string, unknown>>,
  origin: Origin,
): (Pick<TaskDocument, 'module' | 'args'> & { readonly word: string }) | undefined {
  const word = ['action', 'local_action'].find((key) => data[key] !== undefined);
  if (word === undefined) return undefined;
  const at = origin.child(word);
  const value = data[word];
  if (isMapping(value)) {
    const { module, ...args } = value;
    const own = { value: Object.keys(args).length === 0 ? null : args, origin: at };
    return {
      word,
      module: { value: plainName(String(module ?? '')), origin: at.child('module') },
      args: mergeArgs(data, own, origin),
    };
  }
  const [, name = '', rest = ''] = /^\s*(\S*)\s*([\s\S]*)$/.exec(String(value)) ?? [];
  const args = mergeArgs(data, { value: rest === '' ? null : rest, origin: at }, origin);
  return { word, module: { value: plainName(name), origin: at }, args };
}

/** `args:` beside the module adds to its arguments, as with `command: …` and `args: {chdir: …}`. */
function mergeArgs(
  data: Readonly<Record<string, unknown>>,
  own: Located<unknown>,
  origin: Origin,
): Located<unknown> {
  if (!isMapping(data.args)) return own;
  if (own.value === null) return { value: data.args, origin: origin.child('args') };
  return {
    value: { ...data.args, ...(isMapping(own.value) ? own.value : { _raw: own.value }) },
    origin: isMapping(own.value) ? own.origin : origin.child('args'),
  };
}
