// A playbook file: plays and tasks as the user wrote them, checked for keys and types, each with its place.
// What names, modules and roles stand for is found out in resolve.
import { didYouMean, type Problems } from '../diagnostic.ts';
import { CODES, soundKeys, unsupportedKey } from './check-keys.ts';
import {
  PLAY_KEYS,
  PLAY_SCHEMA,
  ROLE_KEYS,
  ROLE_SCHEMA,
  TASK_KEYS,
  TASK_SCHEMA,
  UNSUPPORTED_KEYS,
} from './playbook-schema.ts';
import { type Origin, readSource, type SourceFile } from './source.ts';
import { parseYaml, TaggedText } from './yaml-document.ts';

/** A value of the user's with the place it has in a file. */
export interface Located<T> {
  readonly value: T;
  readonly origin: Origin;
  /** Of the key that the value has in its mapping, where that is known. */
  readonly keyOrigin?: Origin;
}

export interface TaskDocument {
  readonly origin: Origin;
  /** `name`, or undefined where the task has none. */
  readonly name: Located<string> | undefined;
  /** The key that is no keyword of tasks, without `ansible.builtin.` and its like. */
  readonly module: Located<string>;
  readonly args: Located<unknown>;
  /** The task's other keys, valid by their schema. */
  readonly keys: TaskKeys;
}

/** Keywords of a task or play by name, read through `get` so that each value comes with its place. */
export class TaskKeys {
  readonly #data: Readonly<Record<string, unknown>>;
  readonly #origin: Origin;

  constructor(data: Readonly<Record<string, unknown>>, origin: Origin) {
    this.#data = data;
    this.#origin = origin;
  }

  get<T>(key: string): Located<T> | undefined {
    const value = this.#data[key];
    return value === undefined || value === null
      ? undefined
      : { value: value as T, origin: this.#origin.child(key) };
  }

  /** A text or a list of texts, as a list. */
  list<T = string>(key: string): readonly Located<T>[] {
    const found = this.get<T | readonly T[]>(key);
    if (found === undefined) return [];
    if (!Array.isArray(found.value)) return [{ value: found.value as T, origin: found.origin }];
    return found.value.map((value: T, index) => ({ value, origin: found.origin.child(index) }));
  }
}

export interface RoleReference {
  readonly name: Located<string>;
  /** Everything beside role, tags, when, become: the role's parameters. */
  readonly parameters: ReadonlyMap<string, Located<unknown>>;
  readonly keys: TaskKeys;
}

export interface PlayDocument {
  readonly origin: Origin;
  readonly name: string | undefined;
  readonly hosts: readonly Located<string>[];
  readonly keys: TaskKeys;
  readonly vars: ReadonlyMap<string, Located<unknown>>;
  readonly varsFiles: readonly Located<string>[];
  readonly roles: readonly RoleReference[];
  readonly preTasks: readonly TaskDocument[];
  readonly tasks: readonly TaskDocument[];
  readonly postTasks: readonly TaskDocument[];
  readonly handlers: readonly TaskDocument[];
}

export interface PlaybookDocument {
  readonly source: SourceFile;
  readonly plays: readonly PlayDocument[];
}

/** Reads a playbook; undefined where it is no list of plays at all. */
export function loadPlaybook(path: string, problems: Problems): PlaybookDocument | undefined {
  const source = readSource(path, problems);
  return source && readPlaybook(source, problems);
}

/** The same for text that is at hand already. */
export function readPlaybook(source: SourceFile, problems: Problems): PlaybookDocument | undefined {
  const document = parseYaml(source, problems);
  if (document === undefined) return undefined;
  if (!Array.isArray(document.data)) {
    problems.add({
      code: 'key-type',
      summary: 'value is of the wrong type',
      at: document.origin.span(),
      details: ['a playbook is a list of plays, each with "hosts"'],
    });
    return undefined;
  }
  const plays = document.data.flatMap((data: unknown, index) => {
    const play = readPlay(data, document.origin.child(index), problems);
    return play === undefined ? [] : [play];
  });
  return { source, plays };
}

/** Reads a file of tasks (a role's tasks/main.yml, handlers/main.yml). */
export function loadTaskFile(path: string, problems: Problems): readonly TaskDocument[] {
  const source = readSource(path, problems);
  const document = source && parseYaml(source, problems);
  if (document === undefined || document.data === null) return [];
  if (!Array.isArray(document.data)) {
    problems.add({
      code: 'key-type',
      summary: 'value is of the wrong type',
      at: document.origin.span(),
      details: ['a file of tasks is a list'],
    });
    return [];
  }
  return readTasks(document.data, document.origin, problems);
}

/** A mapping's values with their places. */
export function locatedEntries(data: unknown, origin: Origin): ReadonlyMap<string, Located<unknown>> {
  if (data === null || typeof data !== 'object') return new Map();
  return new Map(
    Object.entries(data).map(([key, value]) => [
      key,
      { value, origin: origin.child(key), keyOrigin: origin.key(key) },
    ]),
  );
}

function readPlay(data: unknown, origin: Origin, problems: Problems): PlayDocument | undefined {
  if (!isMapping(data)) {
    problems.add({ ...CODES.value, at: origin.span(), details: ['a play is a mapping with "hosts"'] });
    return undefined;
  }
  const unsupported = Object.keys(data).filter(
    (key) => UNSUPPORTED_KEYS.has(key) && !Object.hasOwn(PLAY_KEYS, key),
  );
  for (const key of unsupported) problems.add(unsupportedKey(key, origin));
  const isOther = unsupported.includes('import_playbook');
  const sound = soundKeys(
    { data, origin, schema: PLAY_SCHEMA, keys: PLAY_KEYS },
    problems,
    ({ problem, key = '' }) => (problem === 'missing' ? isOther : unsupported.includes(key)),
  );
  const keys = new TaskKeys(sound, origin);
  const tasksOf = (key: string): readonly TaskDocument[] =>
    readTasks(Array.isArray(sound[key]) ? sound[key] : [], origin.child(key), problems);
  return {
    origin,
    name: keys.get<string>('name')?.value,
    hosts: keys.list('hosts'),
    keys,
    vars: locatedEntries(sound.vars, origin.child('vars')),
    varsFiles: keys.list('vars_files'),
    roles: readRoleReferences(sound.roles, origin.child('roles'), problems),
    preTasks: tasksOf('pre_tasks'),
    tasks: tasksOf('tasks'),
    postTasks: tasksOf('post_tasks'),
    handlers: tasksOf('handlers'),
  };
}

/** The items of `roles`, or of a role's `dependencies`. */
export function readRoleReferences(
  data: unknown,
  origin: Origin,
  problems: Problems,
): readonly RoleReference[] {
  if (!Array.isArray(data)) return [];
  return data.flatMap((item: unknown, index): RoleReference[] => {
    const at = origin.child(index);
    if (typeof item === 'string') {
      return [{ name: { value: item, origin: at }, parameters: new Map(), keys: new TaskKeys({}, at) }];
    }
    if (!isMapping(item) || (item.role === undefined && item.name === undefined)) {
      problems.add({
        ...CODES.value,
        at: at.span(),
        details: ['a role is a name, or a mapping with "role"'],
      });
      return [];
    }
    const sound = soundKeys({ data: item, origin: at, schema: ROLE_SCHEMA, keys: ROLE_KEYS }, problems);
    for (const key of Object.keys(item).filter(isKeywordElsewhere)) problems.add(unsupportedKey(key, at));
    const keys = new TaskKeys(sound, at);
    const name = keys.get<string>('role') ?? keys.get<string>('name');
    const parameters = new Map([
      ...[...locatedEntries(sound, at)].filter(([key]) => !Object.hasOwn(ROLE_KEYS, key)),
      ...locatedEntries(sound.vars, at.child('vars')),
    ]);
    return name === undefined ? [] : [{ name, parameters, keys }];
  });
}

/** A keyword of tasks that Ansible takes for a role, too: it is certainly not meant as a parameter. */
function isKeywordElsewhere(key: string): boolean {
  return (Object.hasOwn(TASK_KEYS, key) || UNSUPPORTED_KEYS.has(key)) && !Object.hasOwn(ROLE_KEYS, key);
}

function readTasks(list: readonly unknown[], origin: Origin, problems: Problems): readonly TaskDocument[] {
  return list.flatMap((data, index) => {
    const task = readTask(data, origin.child(index), problems);
    return task === undefined ? [] : [task];
  });
}

function readTask(data: unknown, origin: Origin, problems: Problems): TaskDocument | undefined {
  if (!isMapping(data)) {
    problems.add({
      ...CODES.value,
      at: origin.span(),
      details: ['a task is a mapping with a module'],
      ...(typeof data === 'string' && /^\w+$/.test(data) && { hint: `write ${data}:` }),
    });
    return undefined;
  }
  const sound = soundKeys({ data, origin, schema: TASK_SCHEMA, keys: TASK_KEYS }, problems);
  const others = Object.keys(data).filter((key) => !Object.hasOwn(TASK_KEYS, key));
  const unsupportedKeys = others.filter((key) => UNSUPPORTED_KEYS.has(key));
  for (const key of unsupportedKeys) problems.add(unsupportedKey(key, origin));
  const modules = others.filter((key) => !UNSUPPORTED_KEYS.has(key));
  const [moduleKey, ...extra] = modules;
  if (moduleKey === undefined) {
    if (unsupportedKeys.length === 0) {
      problems.add({ ...CODES.missing, at: origin.span(), details: ['the task names no module'] });
    }
    return undefined;
  }
  for (const key of extra) {
    const hint = didYouMean(key, Object.keys(TASK_KEYS));
    problems.add({
      ...CODES.unknown,
      at: origin.key(key).span(),
      details: [`"${key}" is no key of tasks, and the task has a module already: ${moduleKey}`],
      ...(hint !== undefined && { hint }),
    });
  }
  const keys = new TaskKeys(sound, origin);
  return {
    origin,
    name: keys.get<string>('name'),
    module: {
      value: moduleKey.replace(/^ansible\.(builtin|legacy|posix)\.|^community\.general\./, ''),
      origin: origin.key(moduleKey),
    },
    args: mergeArgs(data, moduleKey, origin),
    keys,
  };
}

/** `args:` beside the module adds to its arguments, as with `command: …` and `args: {chdir: …}`. */
function mergeArgs(
  data: Readonly<Record<string, unknown>>,
  moduleKey: string,
  origin: Origin,
): Located<unknown> {
  const own = { value: data[moduleKey], origin: origin.child(moduleKey) };
  if (!isMapping(data.args)) return own;
  if (own.value === null) return { value: data.args, origin: origin.child('args') };
  return {
    value: { ...data.args, ...(isMapping(own.value) ? own.value : { _raw: own.value }) },
    origin: isMapping(own.value) ? own.origin : origin.child('args'),
  };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof TaggedText)
  );
}
