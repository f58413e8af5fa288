// A role's folder as Ansible lays it out: defaults, vars, tasks, handlers, meta, templates, files.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, parse } from 'node:path';
import { didYouMean, Problems, type Span } from '../diagnostic.ts';
import { type Located, locatedEntries } from './located.ts';
import { type RoleReference, readRoleReferences } from './playbook.ts';
import { loadTaskFile, type TaskNode } from './playbook-tasks.ts';
import { schemaFault } from './schema.ts';
import { displayPath, readSource } from './source.ts';
import type { Vault } from './vault/vault.ts';
import { parseYaml } from './yaml-document.ts';

export interface Role {
  readonly name: string;
  readonly folder: string;
  readonly defaults: ReadonlyMap<string, Located<unknown>>;
  readonly vars: ReadonlyMap<string, Located<unknown>>;
  readonly tasks: readonly TaskNode[];
  readonly handlers: readonly TaskNode[];
  /** JSON schema of the role's variables (meta/variables.schema.json), where it has one. */
  readonly variablesSchema: object | undefined;
  /** Roles that have to run before this one (meta/main.yml). */
  readonly dependencies: readonly RoleReference[];
  /** It may run twice with the same parameters (meta/main.yml). */
  readonly allowDuplicates: boolean;
}

/** Files to read in place of main, by the folder that they are in; without their ending if need be. */
export type RoleFiles = Readonly<Partial<Record<'tasks' | 'vars' | 'defaults' | 'handlers', string>>>;

/** The folder of a role: beside the playbook (`roles/`), in the working directory's `roles/`, or fairlead's own. */
export function findRole(name: string, searchFolders: readonly string[]): string | undefined {
  return searchFolders.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
}

/** `from`: the place that names the role, and with it `files`. `vault`: opens what is vaulted. */
export function loadRole(
  name: string,
  folder: string,
  problems: Problems,
  { files, from, vault }: { readonly files: RoleFiles; readonly from?: Span; readonly vault?: Vault } = {
    files: {},
  },
): Role {
  const variables = (path: string | undefined) => loadVariablesFile(path, problems, undefined, vault);
  const tasks = (path: string | undefined) =>
    path === undefined ? [] : loadTaskFile(path, problems, undefined, vault);
  const meta = variables(mainFile(folder, 'meta'));
  checkMeta([...meta.keys()], mainFile(folder, 'meta'), problems);
  const dependencies = meta.get('dependencies');
  const path = (part: keyof RoleFiles): string | undefined => {
    const wanted = files[part];
    return wanted === undefined
      ? mainFile(folder, part)
      : namedFile(join(folder, part), wanted, problems, from);
  };
  return {
    name,
    folder,
    defaults: variables(path('defaults')),
    vars: variables(path('vars')),
    tasks: tasks(path('tasks')),
    handlers: tasks(path('handlers')),
    variablesSchema: loadSchema(join(folder, 'meta', 'variables.schema.json'), problems),
    dependencies:
      dependencies === undefined ? [] : readRoleReferences(dependencies.value, dependencies.origin, problems),
    allowDuplicates: meta.get('allow_duplicates')?.value === true,
  };
}

/**
 * A YAML file that holds one mapping of variables. A missing file (undefined) is an empty one.
 * `from`: the place that names the file, for when it cannot be read. `vault`: opens what is vaulted.
 */
export function loadVariablesFile(
  path: string | undefined,
  problems: Problems,
  from?: Span,
  vault?: Vault,
): ReadonlyMap<string, Located<unknown>> {
  const source = path === undefined ? undefined : readSource(path, problems, from, vault);
  const document = source && parseYaml(source, problems, { schema: '1.1' });
  if (document === undefined || document.data === null) return new Map();
  if (typeof document.data !== 'object' || Array.isArray(document.data)) {
    problems.add({
      code: 'key-type',
      summary: 'value is of the wrong type',
      at: document.origin.span(),
      details: ['a file of variables is a mapping'],
    });
    return new Map();
  }
  return locatedEntries(document.data, document.origin);
}

/** Of meta/main.yml; what is in the last two is for others. */
const META_KEYS: readonly string[] = ['dependencies', 'allow_duplicates', 'galaxy_info', 'argument_specs'];

function checkMeta(keys: readonly string[], path: string | undefined, problems: Problems): void {
  const unknown = keys.filter((key) => !META_KEYS.includes(key));
  if (unknown.length === 0 || path === undefined) return;
  const source = readSource(path, problems);
  const document = source && parseYaml(source, new Problems(), { schema: '1.1' });
  if (document === undefined) return;
  for (const key of unknown) {
    problems.add({
      code: 'key-unknown',
      summary: 'key is not known',
      at: document.origin.key(key).span(),
      details: [`the meta data of a role has ${META_KEYS.join(', ')}, not "${key}"`],
      hint: didYouMean(key, META_KEYS) ?? 'take it out',
    });
  }
}

function mainFile(folder: string, part: string): string | undefined {
  return ['main.yml', 'main.yaml'].map((file) => join(folder, part, file)).find((path) => existsSync(path));
}

function namedFile(folder: string, name: string, problems: Problems, from?: Span): string | undefined {
  const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const found = ['', '.yml', '.yaml'].map((ending) => join(folder, `${name}${ending}`)).find(isThere);
  if (found !== undefined) return found;
  const hint = didYouMean(
    name,
    existsSync(folder) ? readdirSync(folder).map((each) => parse(each).name) : [],
  );
  problems.add({
    code: 'file-unreadable',
    summary: 'file cannot be read',
    ...(from !== undefined && { at: from }),
    details: [`${name} is not in ${displayPath(folder)}`],
    ...(hint !== undefined && { hint }),
  });
  return undefined;
}

function loadSchema(path: string, problems: Problems): object | undefined {
  if (!existsSync(path)) return undefined;
  const source = readSource(path, problems);
  const document = source && parseYaml(source, problems);
  if (document === undefined) return undefined;
  const { data } = document;
  const isMapping = data !== null && typeof data === 'object' && !Array.isArray(data);
  const fault = isMapping ? schemaFault(data) : 'a JSON schema is a mapping';
  if (isMapping && fault === undefined) return data;
  problems.add({
    code: 'key-type',
    summary: 'not a valid JSON schema',
    at: document.origin.span(),
    ...(fault !== undefined && { details: [fault] }),
  });
  return undefined;
}
