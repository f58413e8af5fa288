// Inventories in the form `--list` prints: from an executable that is asked for it, or from a file that holds it.
import { spawnSync } from 'node:child_process';
import type { Problems, Span } from '../../diagnostic.ts';
import { fixedOrigin, type Origin, type SourceFile, systemErrorText } from '../source.ts';
import { fromAnsibleJson } from '../tagged-text.ts';
import type { InventoryBuilder } from './builder.ts';
import type { Variable, VariableLayer } from './model.ts';
import { isMapping } from './yaml.ts';

const TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

/** Whether a mapping is what `--list` prints: `_meta`, or a group whose hosts or children are lists. */
export function isListOutput(data: Readonly<Record<string, unknown>>): boolean {
  if ('_meta' in data) return true;
  const groups = Object.values(data);
  return (
    groups.length > 0 &&
    groups.every(
      (group) =>
        Array.isArray(group) ||
        (isMapping(group) && (Array.isArray(group.hosts) || Array.isArray(group.children))),
    )
  );
}

/**
 * Runs an inventory script with `--list`, and with `--host` for each host where its answer has no `_meta`. Every
 * variable's origin is the script, whose output has no lines of its own.
 */
export function runInventoryScript(source: SourceFile, builder: InventoryBuilder, problems: Problems): void {
  const at = source.span(0, source.lineText(1).length);
  const run = (...args: string[]): unknown => answer(source, args, at, problems);
  const data = run('--list');
  if (data === undefined) return;
  readListOutput(data, builder, {
    origin: fixedOrigin(at),
    source: source.path,
    refuse: (_origin, detail) => addFailure(problems, at, detail),
    askHost: (host) => run('--host', host),
  });
}

interface ListSource {
  readonly origin: Origin;
  readonly source: string;
  refuse(origin: Origin, detail: string): void;
  /** The variables of a host, where there is no `_meta` to look them up in. */
  askHost(host: string): unknown;
}

/** Adds the groups and hosts of an answer to `--list`. */
export function readListOutput(data: unknown, builder: InventoryBuilder, from: ListSource): void {
  if (!isMapping(data)) {
    from.refuse(from.origin, 'it has to be a JSON object, with a key per group');
    return;
  }
  const hosts = new Set<string>();
  for (const [name, body] of Object.entries(data)) {
    if (name !== '_meta') readGroup(name, body, hosts, builder, from);
  }
  const meta = isMapping(data._meta) ? data._meta.hostvars : undefined;
  const metaOrigin = from.origin.child('_meta').child('hostvars');
  for (const host of hosts) {
    const variables = meta === undefined ? from.askHost(host) : isMapping(meta) ? (meta[host] ?? {}) : meta;
    if (!isMapping(variables)) {
      if (variables !== undefined) from.refuse(metaOrigin, `the variables of "${host}" have to be an object`);
      continue;
    }
    setAll(variables, metaOrigin.child(host), 'inventory host', (key, variable) =>
      builder.setHostVariable(host, key, variable),
    );
  }
}

function readGroup(
  name: string,
  body: unknown,
  hosts: Set<string>,
  builder: InventoryBuilder,
  from: ListSource,
): void {
  const origin = from.origin.child(name);
  builder.addGroup(name);
  const group = groupBody(name, body);
  const list = group.hosts ?? [];
  if (!Array.isArray(list) || !list.every((host) => typeof host === 'string' && host !== '')) {
    from.refuse(origin, `the hosts of the group "${name}" have to be a list of names`);
  } else {
    list.forEach((host: string, index) => {
      hosts.add(host);
      const at = origin.child('hosts').child(index);
      builder.addHost(host, { group: name, origin: at, source: from.source });
    });
  }
  if (isMapping(group.vars)) {
    setAll(group.vars, origin.child('vars'), 'inventory group', (key, variable) =>
      builder.setGroupVariable(name, key, variable),
    );
  } else if (group.vars !== undefined)
    from.refuse(origin, `the vars of the group "${name}" have to be an object`);
  const children = Array.isArray(group.children) ? group.children : [];
  for (const child of children) {
    if (typeof child === 'string' && builder.addChild(name, child)) continue;
    from.refuse(origin, `"${String(child)}" cannot be a child of the group "${name}"`);
  }
}

/** A list alone is a group's hosts; an object without any known key is one host's variables (Ansible's old form). */
function groupBody(name: string, body: unknown): Readonly<Record<string, unknown>> {
  if (!isMapping(body)) return { hosts: body };
  if ('hosts' in body || 'vars' in body || 'children' in body) return body;
  return { hosts: [name], vars: body };
}

function setAll(
  values: Readonly<Record<string, unknown>>,
  origin: Origin,
  layer: VariableLayer,
  set: (name: string, variable: Variable) => void,
): void {
  for (const [name, value] of Object.entries(values)) set(name, { value, origin: origin.child(name), layer });
}

/** The parsed answer of a script; undefined where it failed, which is then a problem. */
function answer(source: SourceFile, args: readonly string[], at: Span, problems: Problems): unknown {
  const run = spawnSync(source.path, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const command = [source.name, ...args].join(' ');
  if (run.error || run.status !== 0) {
    const how = run.error
      ? systemErrorText(run.error)
      : run.signal
        ? `was ended by ${run.signal}`
        : `exited with ${run.status}`;
    const said = run.stderr?.trim().split('\n').at(-1);
    addFailure(problems, at, `${command}: ${how}${said ? `: ${said}` : ''}`);
    return undefined;
  }
  if (args[0] === '--host' && run.stdout.trim() === '') return {};
  if (run.stdout.trim() === '') {
    addFailure(problems, at, `${command} printed nothing: it has to print a JSON object`);
    return undefined;
  }
  try {
    return JSON.parse(run.stdout, (_key, value: unknown) =>
      isMapping(value) ? (fromAnsibleJson(value, source.vault) ?? value) : value,
    );
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error).replace(/\s+/g, ' ');
    addFailure(problems, at, `${command} printed no JSON: ${reason}`);
    return undefined;
  }
}

function addFailure(problems: Problems, at: Span, detail: string): void {
  problems.add({ code: 'inventory-syntax', summary: 'inventory script failed', at, details: [detail] });
}
