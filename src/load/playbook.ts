// A playbook file: plays and tasks as the user wrote them, checked for keys and types, each with its place.
// What names, modules and roles stand for is found out in resolve.
import { dirname, resolve } from 'node:path';
import { didYouMean, type Problems } from '../diagnostic.ts';
import { CODES, keywordsOf, soundKeys, unsupportedKey } from './check-keys.ts';
import { type Located, locatedEntries, TaskKeys } from './located.ts';
import {
  IMPORT_KEYS,
  IMPORT_SCHEMA,
  PLAY_KEYS,
  PLAY_SCHEMA,
  ROLE_KEYS,
  ROLE_SCHEMA,
  TASK_KEYS,
  UNSUPPORTED_KEYS,
} from './playbook-schema.ts';
import { isMapping, readTasks, type TaskNode } from './playbook-tasks.ts';
import { type Origin, readSource, type SourceFile } from './source.ts';
import { type Prompt, readPrompts } from './vars-prompt.ts';
import type { Vault } from './vault/vault.ts';
import { parseYaml } from './yaml-document.ts';

export interface RoleReference {
  readonly name: Located<string>;
  /** Everything beside role, tags, when, become: the role's parameters. */
  readonly parameters: ReadonlyMap<string, Located<unknown>>;
  readonly keys: TaskKeys;
}

export interface PlayDocument {
  readonly origin: Origin;
  /** The playbook that it stands in. */
  readonly path: string;
  /** Keywords of the imports that brought it in, the outermost first. */
  readonly imports: readonly TaskKeys[];
  readonly name: string | undefined;
  readonly hosts: readonly Located<string>[];
  readonly keys: TaskKeys;
  readonly vars: ReadonlyMap<string, Located<unknown>>;
  readonly varsFiles: readonly Located<string>[];
  readonly prompts: readonly Prompt[];
  readonly roles: readonly RoleReference[];
  readonly preTasks: readonly TaskNode[];
  readonly tasks: readonly TaskNode[];
  readonly postTasks: readonly TaskNode[];
  readonly handlers: readonly TaskNode[];
}

export interface PlaybookDocument {
  readonly source: SourceFile;
  readonly plays: readonly PlayDocument[];
}

/** Reads a playbook; undefined where it is no list of plays at all. */
export function loadPlaybook(path: string, problems: Problems, vault?: Vault): PlaybookDocument | undefined {
  const source = readSource(path, problems, undefined, vault);
  return source && readPlaybook(source, problems);
}

/** The same for text that is at hand already. `imports`: how it came in, for one that another imports. */
export function readPlaybook(
  source: SourceFile,
  problems: Problems,
  imports: readonly Import[] = [],
): PlaybookDocument | undefined {
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
  const plays = document.data.flatMap((data: unknown, index): readonly PlayDocument[] => {
    const at = document.origin.child(index);
    if (isMapping(data) && importWord(data) !== undefined) {
      return importedPlays(data, at, { source, problems, imports });
    }
    const play = readPlay(data, at, problems);
    const keys = imports.map((each) => each.keys);
    return play === undefined ? [] : [{ ...play, path: source.path, imports: keys }];
  });
  return { source, plays };
}

interface Import {
  readonly keys: TaskKeys;
  /** The playbook that imports. */
  readonly from: string;
}

function importWord(data: object): string | undefined {
  return ['import_playbook', 'ansible.builtin.import_playbook'].find((word) => word in data);
}

function importedPlays(
  data: Readonly<Record<string, unknown>>,
  origin: Origin,
  within: { readonly source: SourceFile; readonly problems: Problems; readonly imports: readonly Import[] },
): readonly PlayDocument[] {
  const { source, problems, imports } = within;
  const word = importWord(data) ?? '';
  const { [word]: file, ...others } = data;
  const written = { ...others, import_playbook: file };
  const schema = { data: written, origin, schema: IMPORT_SCHEMA, keys: IMPORT_KEYS };
  const keys = new TaskKeys(keywordsOf(schema, problems), origin);
  const name = keys.get<string>('import_playbook')?.value;
  if (name === undefined) return [];
  const at = origin.child(word).span();
  const path = resolve(dirname(source.path), name);
  if ([source.path, ...imports.map(({ from }) => from)].some((each) => resolve(each) === path)) {
    problems.add({
      code: 'file-unreadable',
      summary: 'file includes itself without end',
      at,
      details: ['a playbook that imports itself never ends'],
    });
    return [];
  }
  const imported = readSource(path, problems, at, source.vault);
  const inner = [...imports, { keys, from: source.path }];
  return imported === undefined ? [] : (readPlaybook(imported, problems, inner)?.plays ?? []);
}

function readPlay(
  data: unknown,
  origin: Origin,
  problems: Problems,
): Omit<PlayDocument, 'path' | 'imports'> | undefined {
  if (!isMapping(data)) {
    problems.add({ ...CODES.value, at: origin.span(), details: ['a play is a mapping with "hosts"'] });
    return undefined;
  }
  if (isTask(data)) {
    problems.add({
      ...CODES.value,
      at: origin.span(),
      details: [
        'this is a task, and a playbook is a list of plays: each has "hosts", and "tasks" for its tasks',
      ],
      hint: 'put it below "tasks:" of a play',
    });
    return undefined;
  }
  const sound = keywordsOf({ data, origin, schema: PLAY_SCHEMA, keys: PLAY_KEYS }, problems);
  const keys = new TaskKeys(sound, origin);
  // An empty pattern would be a pattern without a plain part, and so mean all hosts.
  const isEmpty = keys.list<string>('hosts').every(({ value }) => /^[\s,:]*$/.test(value));
  if ('hosts' in sound && isEmpty) {
    const hint = 'write "all", or names of hosts and groups';
    problems.add({
      ...CODES.missing,
      at: origin.child('hosts').span(),
      details: ['the play names no hosts'],
      hint,
    });
  }
  if ('user' in sound && 'remote_user' in sound) {
    problems.add({
      code: 'duplicate-key',
      summary: 'key is there twice',
      at: origin.key('user').span(),
      details: ['"user" and "remote_user" are the same key'],
      hint: 'leave out "user"',
    });
  }
  const tasksOf = (key: string): readonly TaskNode[] =>
    readTasks(Array.isArray(sound[key]) ? sound[key] : [], origin.child(key), problems);
  return {
    origin,
    name: keys.get<string>('name')?.value,
    hosts: keys.list('hosts'),
    keys,
    vars: locatedEntries(sound.vars, origin.child('vars')),
    varsFiles: keys.list('vars_files'),
    prompts: readPrompts(sound.vars_prompt, origin.child('vars_prompt'), problems),
    roles: readRoleReferences(sound.roles, origin.child('roles'), problems),
    preTasks: tasksOf('pre_tasks'),
    tasks: tasksOf('tasks'),
    postTasks: tasksOf('post_tasks'),
    handlers: tasksOf('handlers'),
  };
}

/** No hosts, nothing that a play has its tasks in, and a key that is none of a play's: the module, most likely. */
function isTask(data: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(data);
  const ofPlays = ['hosts', 'tasks', 'roles', 'pre_tasks', 'post_tasks', 'handlers'];
  if (keys.some((key) => ofPlays.includes(key) || didYouMean(key, ofPlays) !== undefined)) return false;
  return keys.some((key) => !Object.hasOwn(PLAY_KEYS, key) && !UNSUPPORTED_KEYS.has(key));
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
