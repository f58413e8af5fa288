// A role's folder as Ansible lays it out: defaults, vars, tasks, handlers, meta, templates, files.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Problems, Span } from '../diagnostic.ts';
import {
  type Located,
  loadTaskFile,
  locatedEntries,
  type RoleReference,
  readRoleReferences,
  type TaskDocument,
} from './playbook.ts';
import { schemaFault } from './schema.ts';
import { readSource } from './source.ts';
import { parseYaml } from './yaml-document.ts';

export interface Role {
  readonly name: string;
  readonly folder: string;
  readonly defaults: ReadonlyMap<string, Located<unknown>>;
  readonly vars: ReadonlyMap<string, Located<unknown>>;
  readonly tasks: readonly TaskDocument[];
  readonly handlers: readonly TaskDocument[];
  /** JSON schema of the role's variables (meta/variables.schema.json), where it has one. */
  readonly variablesSchema: object | undefined;
  /** Roles that have to run before this one (meta/main.yml). */
  readonly dependencies: readonly RoleReference[];
}

/** The folder of a role: beside the playbook (`roles/`), in the working directory's `roles/`, or fairlead's own. */
export function findRole(name: string, searchFolders: readonly string[]): string | undefined {
  return searchFolders.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
}

export function loadRole(name: string, folder: string, problems: Problems): Role {
  const meta = loadVariablesFile(mainFile(folder, 'meta'), problems);
  const dependencies = meta.get('dependencies');
  return {
    name,
    folder,
    defaults: loadVariablesFile(mainFile(folder, 'defaults'), problems),
    vars: loadVariablesFile(mainFile(folder, 'vars'), problems),
    tasks: loadTasks(mainFile(folder, 'tasks'), problems),
    handlers: loadTasks(mainFile(folder, 'handlers'), problems),
    variablesSchema: loadSchema(join(folder, 'meta', 'variables.schema.json'), problems),
    dependencies:
      dependencies === undefined ? [] : readRoleReferences(dependencies.value, dependencies.origin, problems),
  };
}

/**
 * A YAML file that holds one mapping of variables. A missing file (undefined) is an empty one.
 * `from`: the place that names the file, for when it cannot be read.
 */
export function loadVariablesFile(
  path: string | undefined,
  problems: Problems,
  from?: Span,
): ReadonlyMap<string, Located<unknown>> {
  const source = path === undefined ? undefined : readSource(path, problems, from);
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

function mainFile(folder: string, part: string): string | undefined {
  return ['main.yml', 'main.yaml'].map((file) => join(folder, part, file)).find((path) => existsSync(path));
}

function loadTasks(path: string | undefined, problems: Problems): readonly TaskDocument[] {
  return path === undefined ? [] : loadTaskFile(path, problems);
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
