// From `-i` arguments to an inventory: files, folders of files, scripts and host lists, and the variables beside them.
// Which reader a file gets is decided here, as Ansible's plugins would; what it says is the readers' business.
import { accessSync, constants, existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Problems } from '../../diagnostic.ts';
import { displayPath, fixedOrigin, readSource, type SourceFile, systemErrorText } from '../source.ts';
import type { Vault } from '../vault/vault.ts';
import { parseYaml } from '../yaml-document.ts';
import { InventoryBuilder } from './builder.ts';
import { parseAddress } from './host-name.ts';
import { isSectionHeader, readIni } from './ini.ts';
import { type Inventory, LOCALHOST_NAMES, type Variable, type VariablesFolder } from './model.ts';
import { isListOutput, readListOutput, runInventoryScript } from './script.ts';
import { readTomlInventory } from './toml.ts';
import { readVariablesFolder } from './variables-files.ts';
import { isMapping, readYamlInventory } from './yaml.ts';

/**
 * Loads all sources into one inventory, later ones over earlier ones. A source with a comma that is no path is a list
 * of hosts. `playbookFolder` is where else to look for group_vars/ and host_vars/, `vault` opens what is vaulted. What
 * is wrong goes to `problems`; the inventory holds the rest.
 */
export function loadInventory(
  sources: readonly string[],
  options: { readonly playbookFolder?: string; readonly vault?: Vault | undefined },
  problems: Problems,
): Inventory {
  const { vault } = options;
  const builder = new InventoryBuilder();
  const folders: { path: string; beside: 'inventory' | 'playbook' }[] = [];
  for (const source of sources) {
    const path = resolve(source);
    const stat = statOf(path);
    if (stat === undefined && source.includes(',')) readHostList(source, builder);
    else {
      readPath(path, builder, problems, vault);
      if (stat) folders.push({ path: stat.isDirectory() ? path : dirname(path), beside: 'inventory' });
    }
  }
  if (options.playbookFolder !== undefined) {
    folders.push({ path: resolve(options.playbookFolder), beside: 'playbook' });
  }
  const { hosts, groups } = builder.finish();
  const names = {
    groups: [...groups.keys()],
    hosts: [...new Set([...hosts.keys(), ...LOCALHOST_NAMES])],
  };
  return {
    sources: sources.map((source) => (existsSync(source) ? displayPath(resolve(source)) : source)),
    hosts,
    groups,
    folders: readFolders(folders, { ...names, vault }, problems),
  };
}

/** Undefined where there is no such path; a long list of hosts is not even a possible one. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Endings that Ansible passes over in a folder of inventories. */
const SKIPPED_IN_FOLDERS = /(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/;
const NO_INVENTORIES = /^(?:\..*|host_vars|group_vars|vars_plugins)$/;
const YAML_ENDING = /\.(?:ya?ml|json)$/;

function readPath(
  path: string,
  builder: InventoryBuilder,
  problems: Problems,
  vault: Vault | undefined,
): void {
  if (!statOf(path)?.isDirectory()) {
    readFile(path, builder, problems, vault);
    return;
  }
  const names = listFolder(path, problems);
  if (names === undefined) return;
  const used = names.filter((name) => !NO_INVENTORIES.test(name) && !SKIPPED_IN_FOLDERS.test(name));
  for (const name of used) readPath(join(path, name), builder, problems, vault);
  if (used.length > 0) return;
  const skipped = names.find((name) => SKIPPED_IN_FOLDERS.test(name));
  const shown = displayPath(path);
  problems.add({
    code: 'inventory-syntax',
    summary: 'folder holds no inventory',
    details: [
      skipped === undefined
        ? `${shown} has no files but hidden ones and variables`
        : `${shown} has only files that a folder's inventory leaves out, like ${skipped}`,
    ],
    ...(skipped !== undefined && { hint: `name the file itself: -i ${join(shown, skipped)}` }),
  });
}

function listFolder(path: string, problems: Problems): readonly string[] | undefined {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    const details = [`${displayPath(path)}: ${systemErrorText(error)}`];
    problems.add({ code: 'file-unreadable', summary: 'folder cannot be read', details });
    return undefined;
  }
}

function readFile(
  path: string,
  builder: InventoryBuilder,
  problems: Problems,
  vault: Vault | undefined,
): void {
  const source = readSource(path, problems, undefined, vault);
  if (source === undefined) return;
  if (isScript(source)) readScript(source, builder, problems);
  else if (path.endsWith('.toml')) readTomlInventory(source, builder, problems);
  else if (canBeYaml(source)) readYamlOrIni(source, builder, problems);
  else readIni(source, builder, problems);
}

function isScript(source: SourceFile): boolean {
  if (source.kind === 'vaulted') return false;
  return source.text.startsWith('#!') || (source.text.startsWith('\x7fELF') && isExecutable(source.path));
}

function readScript(source: SourceFile, builder: InventoryBuilder, problems: Problems): void {
  if (isExecutable(source.path)) {
    runInventoryScript(source, builder, problems);
    return;
  }
  problems.add({
    code: 'file-unreadable',
    summary: 'inventory script is not executable',
    at: source.span(0, source.lineText(1).length),
    hint: `run "chmod +x ${source.name}"`,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether the YAML reader should see the file at all: by its ending, and by what no YAML mapping can look like. */
function canBeYaml(source: SourceFile): boolean {
  const ending = /[^./](\.[^./]*)$/.exec(source.path)?.[1] ?? '';
  if (YAML_ENDING.test(ending)) return true;
  if (ending !== '') return false;
  const lines = source.text.split('\n');
  const first = lines.find((line) => line.trim() !== '' && !line.trim().startsWith('#')) ?? '';
  // A section header at the start of a line cannot be a part of a YAML mapping.
  if (first.trim().startsWith(';') || lines.some((line) => line.startsWith('[') && isSectionHeader(line))) {
    return false;
  }
  return first.trim().startsWith('{') || /^\s*\S.*:(?:\s|$)/m.test(source.text);
}

/** Ansible tries YAML first and INI when that fails; where both fail, the ending says whose problems to show. */
function readYamlOrIni(source: SourceFile, builder: InventoryBuilder, problems: Problems): void {
  const yamlProblems = new Problems();
  const document = parseYaml(source, yamlProblems, { schema: '1.1', duplicates: 'warn' });
  const data = document?.data;
  if (document && isMapping(data)) {
    for (const problem of yamlProblems.list) problems.add(problem);
    for (const warning of yamlProblems.warnings) problems.warn(warning);
    // Without `_meta` only JSON is taken for it: a list of hosts in YAML is the mistake that everybody makes once.
    if ('_meta' in data || (source.text.trimStart().startsWith('{') && isListOutput(data))) {
      readListOutput(data, builder, {
        origin: document.origin,
        source: source.path,
        refuse: (origin, detail) =>
          problems.add({
            code: 'inventory-syntax',
            summary: 'inventory is not well formed',
            at: origin.span(),
            details: [detail],
          }),
        askHost: () => ({}),
      });
    } else readYamlInventory(document, builder, problems);
    return;
  }
  const trial = new Problems();
  readIni(source, new InventoryBuilder(), trial);
  const isYaml = YAML_ENDING.test(source.path) || /^(?:---|\s*[\w.-]+:\s*$)/m.test(source.text);
  if (trial.list.length === 0 || !isYaml) readIni(source, builder, problems);
  else if (yamlProblems.list.length > 0) for (const problem of yamlProblems.list) problems.add(problem);
  else {
    problems.add({
      code: 'inventory-syntax',
      summary: 'inventory is not well formed',
      at: document?.origin.span() ?? source.span(0),
      details: ['a YAML inventory is a mapping with a key per group'],
    });
  }
}

function readHostList(list: string, builder: InventoryBuilder): void {
  const origin = fixedOrigin({ file: '-i', line: 1, column: 1, length: list.length, lineText: list });
  for (const text of list.split(',').map((part) => part.trim())) {
    if (text === '') continue;
    const address = text.includes('[') && !/^\[.+\]:[0-9]+$/.test(text) ? undefined : parseAddress(text);
    const { host, port } = address ?? { host: text, port: undefined };
    const variable: Variable | undefined =
      port === undefined ? undefined : { value: port, origin, layer: 'inventory host' };
    builder.addHost(host, { group: 'ungrouped', origin, ...(variable && { port: variable }) });
  }
}

/** What the folders say of these groups and hosts, each path once for what is wrong with it. */
export function readFolders(
  folders: readonly { readonly path: string; readonly beside: 'inventory' | 'playbook' }[],
  about: {
    readonly groups: readonly string[];
    readonly hosts: readonly string[];
    readonly vault: Vault | undefined;
  },
  problems: Problems,
): readonly VariablesFolder[] {
  const read = new Map<string, VariablesFolder | undefined>();
  return folders.flatMap(({ path, beside }) => {
    const key = `${beside} ${path}`;
    // A folder that is beside the inventory and beside the playbook is complained about once.
    const isFirst = !read.has(`inventory ${path}`);
    if (!read.has(key)) {
      read.set(key, readVariablesFolder(path, { beside, ...about }, isFirst ? problems : new Problems()));
    }
    return read.get(key) ?? [];
  });
}
