// Finds and reads group_vars/ and host_vars/: for each name the first of NAME, NAME.yml, NAME.yaml and NAME.json;
// a folder NAME is read with everything below it. What the files override is host-variables.ts's business.
import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Problems } from '../../diagnostic.ts';
import { replace } from '../located.ts';
import { displayPath, readSource, systemErrorText } from '../source.ts';
import type { Vault } from '../vault/vault.ts';
import { parseYaml } from '../yaml-document.ts';
import { followLostLink } from './lost-link.ts';
import type { Variable, VariableLayer, Variables, VariablesFolder } from './model.ts';
import { isMapping } from './yaml.ts';

const ENDINGS = ['', '.yml', '.yaml', '.json'];

/** What the folder `path` says about these groups and hosts; undefined where it has neither group_vars nor host_vars. */
export function readVariablesFolder(
  path: string,
  about: {
    readonly beside: 'inventory' | 'playbook';
    readonly groups: Iterable<string>;
    readonly hosts: Iterable<string>;
    readonly vault?: Vault | undefined;
  },
  problems: Problems,
): VariablesFolder | undefined {
  const { beside, vault } = about;
  const context = { problems, vault };
  const groups = readAll(followLostLink(join(path, 'group_vars')), about.groups, context, (name) =>
    name === 'all' ? `${beside} group_vars/all` : `${beside} group_vars`,
  );
  const hosts = readAll(
    followLostLink(join(path, 'host_vars')),
    about.hosts,
    context,
    () => `${beside} host_vars`,
  );
  return groups || hosts
    ? { path, beside, groups: groups ?? new Map(), hosts: hosts ?? new Map() }
    : undefined;
}

/** Whose variables are in the folder's files: names of groups or hosts, known or not. */
export function namesOfFiles(path: string, folder: 'group_vars' | 'host_vars'): readonly string[] {
  const entries = existsSync(join(path, folder)) ? (list(join(path, folder), new Problems()) ?? []) : [];
  return entries
    .map(({ name }) => name.replace(/\.(?:ya?ml|json)$/, ''))
    .filter((name) => !name.startsWith('.'));
}

interface Context {
  readonly problems: Problems;
  readonly vault: Vault | undefined;
}

function readAll(
  folder: string,
  names: Iterable<string>,
  context: Context,
  layerOf: (name: string) => VariableLayer,
): ReadonlyMap<string, Variables> | undefined {
  const { problems } = context;
  if (!existsSync(folder)) return undefined;
  const entries = list(folder, problems);
  if (entries === undefined) return undefined;
  const present = new Set(entries.map((entry) => entry.name));
  const found = new Map<string, Variables>();
  for (const name of names) {
    // A host named like a path (a chroot) has no files of its own.
    if (name.includes('/') || name === '.' || name === '..') continue;
    const ending = ENDINGS.find(
      (ending) => present.has(name + ending) && existsSync(join(folder, name + ending)),
    );
    if (ending === undefined) continue;
    const variables = new Map<string, Variable>();
    for (const file of filesOf(followLostLink(join(folder, name + ending)), problems)) {
      readFile(file, layerOf(name), variables, context);
    }
    found.set(name, variables);
  }
  return found;
}

/** The file itself, or the files below a folder in the order of their names: hidden ones and backups left out. */
function filesOf(path: string, problems: Problems): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const files: string[] = [];
  for (const { name } of list(path, problems) ?? []) {
    if (name.startsWith('.') || name.endsWith('~')) continue;
    const full = followLostLink(join(path, name));
    const stat = statSync(full, { throwIfNoEntry: false });
    const ending = /[^.](\.[^.]*)$/.exec(name)?.[1] ?? '';
    if (stat?.isDirectory() && ending === '') files.push(...filesOf(full, problems));
    else if (stat?.isFile() && ENDINGS.includes(ending)) files.push(full);
  }
  return files;
}

function readFile(
  path: string,
  layer: VariableLayer,
  into: Map<string, Variable>,
  { problems, vault }: Context,
): void {
  const source = readSource(path, problems, undefined, vault);
  if (source === undefined) return;
  const document = parseYaml(source, problems, { schema: '1.1', duplicates: 'warn' });
  // Nothing is lost with an empty list, and Ansible takes it for nothing as well.
  if (document === undefined || document.data === null || isEmptyList(document.data)) return;
  if (!isMapping(document.data)) {
    problems.add({
      code: 'key-type',
      summary: 'value has the wrong type',
      at: document.origin.span(),
      details: ['a file of variables is a mapping of names to values'],
    });
    return;
  }
  for (const [name, value] of Object.entries(document.data)) {
    replace(into, name, { value, origin: document.origin.child(name), layer });
  }
}

function isEmptyList(data: unknown): boolean {
  return Array.isArray(data) && data.length === 0;
}

function list(path: string, problems: Problems): Dirent[] | undefined {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    problems.add({
      code: 'file-unreadable',
      summary: 'folder cannot be read',
      details: [`${displayPath(path)}: ${systemErrorText(error)}`],
    });
    return undefined;
  }
}
