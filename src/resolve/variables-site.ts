// Where a task reads variables from files (include_vars): finds them as Ansible does, and reads them once for the whole
// run, however many hosts ask.
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import { type Diagnostic, didYouMean, Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import { loadVariablesFile } from '../load/role.ts';
import { displayPath, type Origin, systemErrorText } from '../load/source.ts';
import type { Vault } from '../load/vault/vault.ts';
import type { VariablesRequest } from '../modules/module.ts';
import { ValueTemplate } from '../render/value-template.ts';
import type { VariableLayer } from './host-scope.ts';
import { findTaskFile } from './task-files.ts';

export interface IncludedVariables {
  readonly variables: VariableLayer;
  /** In the order they were read. */
  readonly files: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface VariablesSite {
  load(request: VariablesRequest): IncludedVariables;
  /** What has been loaded so far. */
  loaded(): readonly VariableLayer[];
}

export interface VariablesSiteOptions {
  /** Of the file that the task stands in. */
  readonly folder: string;
  readonly roleFolder: string | undefined;
  readonly playbookFolder: string;
  readonly vault: Vault | undefined;
  /** Of the task's arguments. */
  readonly origin: Origin;
}

export function variablesSite(options: VariablesSiteOptions): VariablesSite {
  const loaded = new Map<string, IncludedVariables>();
  return {
    load: (request) => {
      const key = JSON.stringify(request, (_, value) => (value instanceof RegExp ? String(value) : value));
      const before = loaded.get(key);
      if (before !== undefined) return before;
      const result = read(request, options);
      loaded.set(key, result);
      return result;
    },
    loaded: () => [...loaded.values()].map(({ variables }) => variables),
  };
}

function read({ source, name }: VariablesRequest, options: VariablesSiteOptions): IncludedVariables {
  const problems = new Problems();
  const files =
    source.kind === 'file'
      ? foundFile(source.file, options, problems)
      : filesOf(foundFolder(source.folder, options), source, { at: placeOf('dir', options), problems });
  const variables = new Map<string, Located<unknown>>();
  for (const path of files) {
    const layer = loadVariablesFile(path, problems, placeOf('file', options).span(), options.vault);
    for (const [key, variable] of layer) variables.set(key, variable);
  }
  for (const { value, origin } of variables.values()) checkTemplates(value, origin, problems);
  return {
    variables: name === undefined ? variables : asOne(name, variables, options.origin),
    files,
    diagnostics: problems.list,
  };
}

/** What stays closed for want of a key is told to whoever asks for it. */
function checkTemplates(value: unknown, origin: Origin, problems: Problems): void {
  const found = new Problems();
  ValueTemplate.compile(value, origin, found);
  for (const each of found.list) if (!each.code.startsWith('vault')) problems.add(each);
}

function placeOf(argument: string, { origin }: VariablesSiteOptions): Origin {
  return origin.child(argument);
}

function foundFile(name: string, options: VariablesSiteOptions, problems: Problems): readonly string[] {
  const { folder, roleFolder, playbookFolder } = options;
  const folders = [...(roleFolder === undefined ? [] : [roleFolder]), folder, playbookFolder];
  const isUnderVars = name.split('/')[0] === 'vars';
  const all = folders.flatMap((each) => (isUnderVars ? [each] : [join(each, 'vars'), each]));
  const path = findTaskFile(name, [...new Set(all)], placeOf('file', options).span(), problems);
  return path === undefined ? [] : [path];
}

function foundFolder(name: string, { folder, roleFolder }: VariablesSiteOptions): string {
  if (isAbsolute(name)) return name;
  if (roleFolder === undefined) return join(folder, name);
  return name.split('/')[0] === 'vars' ? join(roleFolder, name) : join(roleFolder, 'vars', name);
}

type Folder = Extract<VariablesRequest['source'], { kind: 'folder' }>;

/** Folder by folder, each in the order of the names in it. */
function filesOf(
  path: string,
  wanted: Folder,
  { at, problems }: { readonly at: Origin; readonly problems: Problems },
): readonly string[] {
  const refuse = (detail: string, hint?: string): readonly string[] => {
    problems.add({
      code: 'file-unreadable',
      summary: 'file cannot be read',
      at: at.span(),
      details: [detail],
      ...(hint !== undefined && { hint }),
    });
    return [];
  };
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
    if (isThere) return refuse(`${displayPath(path)} is no folder`, 'name it under "file"');
    return refuse(`${displayPath(path)} is not there`, didYouMean(basename(path), namesIn(dirname(path))));
  }
  const files: string[] = [];
  const walk = (folder: string, level: number): void => {
    const names = [...namesIn(folder)].sort();
    const isFolder = (name: string): boolean =>
      statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() === true;
    for (const name of names.filter((each) => !isFolder(each))) {
      if (wanted.matching !== undefined && !wanted.matching.test(name)) continue;
      if (wanted.ignored.some((each) => each.test(name))) continue;
      if (wanted.endings.includes(extname(name).slice(1))) files.push(join(folder, name));
      else if (wanted.otherEndings === 'fail') {
        const endings = wanted.endings.map((each) => `.${each}`).join(', ');
        const hint = 'add "ignore_unknown_extensions: true"';
        refuse(`${displayPath(join(folder, name))} has none of the endings ${endings}`, hint);
      }
    }
    if (wanted.depth > 0 && level >= wanted.depth) return;
    for (const name of names.filter(isFolder)) walk(join(folder, name), level + 1);
  };
  try {
    walk(path, 1);
  } catch (error) {
    return refuse(`${displayPath(path)}: ${systemErrorText(error)}`);
  }
  return files;
}

function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : [];
}

/** All of them as one mapping, in which each keeps its place. */
function asOne(name: string, variables: VariableLayer, whole: Origin): VariableLayer {
  const value: Record<string, unknown> = Object.create(null);
  for (const [key, variable] of variables) value[key] = variable.value;
  const origin: Origin = {
    span: (part) => whole.span(part),
    child: (key) => variables.get(String(key))?.origin ?? whole,
    key: (key) => variables.get(key)?.keyOrigin ?? whole,
  };
  return new Map([[name, { value, origin }]]);
}
