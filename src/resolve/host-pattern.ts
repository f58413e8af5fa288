// Which hosts a pattern selects: `web:&prod:!web-3`, `~regex`, `web*`, `web[0:2]`, as in Ansible, order included.
// One thing differs on purpose: a name that is neither host nor group is an error here, and a warning there.
import { type Diagnostic, didYouMean, type Problems, type Span } from '../diagnostic.ts';
import { globExpression } from '../glob.ts';
import { parseAddress } from '../load/inventory/host-name.ts';
import { hostsOf } from '../load/inventory/membership.ts';
import { type Inventory, LOCALHOST_NAMES } from '../load/inventory/model.ts';
import { NOTHING_PROMISED, type Promised } from './promised-names.ts';

/** What selects hosts, and where it stands: undefined for the command line. */
export interface WrittenPattern {
  readonly pattern: string;
  readonly at: Span | undefined;
  /** What may be in the inventory before the pattern counts; default: nothing more. */
  readonly promised?: Promised | undefined;
}

/** As `selectHosts`, of an inventory that nobody adds to. */
export function matchHosts(
  inventory: Inventory,
  pattern: string,
  at: Span | undefined,
  problems: Problems,
): readonly string[] {
  return selectHosts(inventory, { pattern, at }, problems);
}

/**
 * The names of the hosts that the pattern selects, each once, in Ansible's order. `localhost` may be selected without
 * being listed: see `findHost`.
 */
export function selectHosts(
  inventory: Inventory,
  { pattern, at, promised = NOTHING_PROMISED }: WrittenPattern,
  problems: Problems,
): readonly string[] {
  const matcher = new Matcher(inventory, { at, promised }, problems);
  let selected = new Set<string>();
  for (const part of inOrder(splitPattern(pattern))) {
    if (inventory.hosts.has(part)) {
      selected.add(part);
      continue;
    }
    const operator = part[0];
    const matched = matcher.hostsOf(operator === '!' || operator === '&' ? part.slice(1) : part);
    if (operator === '!') for (const host of matched) selected.delete(host);
    else if (operator === '&') {
      const both = new Set(matched);
      selected = new Set([...selected].filter((host) => both.has(host)));
    } else for (const host of matched) selected.add(host);
  }
  return [...selected];
}

/**
 * The parts of a pattern. Commas separate; without one, colons do, but only where the whole is no address or host
 * name with a port or ranges.
 */
export function splitPattern(pattern: string): readonly string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : parseAddress(pattern)
      ? [pattern]
      : (pattern.match(/(?:[^\s:[\]]|\[[^\]]*\])+/g) ?? []);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Plain parts first, then `&`, then `!`; with no plain part, everything is what `&` and `!` cut from. */
function inOrder(parts: readonly string[]): readonly string[] {
  const plain = parts.filter((part) => !/^[!&]/.test(part));
  return [
    ...(plain.length > 0 ? plain : ['all']),
    ...parts.filter((part) => part.startsWith('&')),
    ...parts.filter((part) => part.startsWith('!')),
  ];
}

const SUBSCRIPT = /^(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]$/;

class Matcher {
  readonly #inventory: Inventory;
  readonly #at: Span | undefined;
  readonly #promised: Promised;
  readonly #problems: Problems;
  #machine: string | undefined;

  constructor(
    inventory: Inventory,
    { at, promised }: { readonly at: Span | undefined; readonly promised: Promised },
    problems: Problems,
  ) {
    this.#inventory = inventory;
    this.#at = at;
    this.#promised = promised;
    this.#problems = problems;
  }

  /** The hosts of one part without its operator. */
  hostsOf(part: string): readonly string[] {
    const subscript = part.startsWith('~') ? null : SUBSCRIPT.exec(part);
    if (!subscript) return this.#matching(part, part);
    const [, name = '', index, first = '', last = ''] = subscript;
    const hosts = this.#matching(name, part);
    if (hosts.length === 0) return hosts;
    // Both ends of a slice count. A slice that ends at 0 is one host: Ansible's own odd case.
    if (index === undefined && last === '') return hosts.slice(Number(first));
    if (index === undefined && Number(last) !== 0) return hosts.slice(Number(first), Number(last) + 1);
    const wanted = Number(index ?? first);
    const host = hosts.at(wanted);
    if (host !== undefined) return [host];
    if (this.#mayCome((candidate) => candidate === name)) return [];
    const size = `"${name}" has ${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}`;
    this.#add('pattern-syntax', 'pattern selects a host that is not there', part, [
      `${size}: there is no [${wanted}]`,
    ]);
    return [];
  }

  #matching(name: string, part: string): readonly string[] {
    const matches = this.#test(name, part);
    if (matches === undefined) return [];
    // Hosts found twice stay twice: a subscript counts them, as Ansible's does.
    const hosts: string[] = [];
    const groups = [...this.#inventory.groups.keys()].filter(matches);
    for (const group of groups) for (const host of hostsOf(this.#inventory, group)) hosts.push(host);
    if (groups.length === 0 || name.startsWith('~') || /[.?*[]/.test(name)) {
      for (const host of this.#inventory.hosts.keys()) if (matches(host)) hosts.push(host);
    }
    if (hosts.length > 0) return hosts;
    if (LOCALHOST_NAMES.includes(name)) return [this.#localhost(name)];
    if (groups.length === 0 && !this.#mayCome(matches)) this.#unknown(name, part);
    return [];
  }

  /** Whether what matches may be in the inventory by then. */
  #mayCome(matches: (candidate: string) => boolean): boolean {
    return this.#promised === 'any' || [...this.#promised].some(matches);
  }

  /** What a name is compared with: a regular expression, a glob, or the name itself. */
  #test(name: string, part: string): ((candidate: string) => boolean) | undefined {
    if (!name.startsWith('~') && !/[*?[]/.test(name)) return (candidate) => candidate === name;
    try {
      const expression = name.startsWith('~') ? pythonExpression(name.slice(1)) : globExpression(name);
      return (candidate) => expression.test(candidate);
    } catch (error) {
      const reason = error instanceof Error ? error.message.replace(/^.*\/[a-z]*: /s, '') : String(error);
      this.#add('pattern-syntax', 'pattern is not a regular expression', part, [
        `"${name.slice(1)}": ${reason}`,
      ]);
      return undefined;
    }
  }

  /** The listed host that stands for this machine, or the implicit one, which has the first name it is called by. */
  #localhost(name: string): string {
    this.#machine ??=
      [...this.#inventory.hosts.keys()].find((host) => LOCALHOST_NAMES.includes(host)) ?? name;
    return this.#machine;
  }

  #unknown(name: string, part: string): void {
    const { groups, hosts, sources } = this.#inventory;
    const promised = this.#promised === 'any' ? [] : this.#promised;
    const hint = /[*?[~]/.test(name)
      ? undefined
      : didYouMean(name, [...groups.keys(), ...hosts.keys(), ...promised]);
    const named = [...groups.keys()].filter((group) => group !== 'ungrouped');
    const shown = named.length > MAX_GROUPS ? [...named.slice(0, MAX_GROUPS), '…'] : named;
    const where = sources.length === 0 ? 'the inventory' : sources.join(', ');
    const details = [`${where} ${sources.length > 1 ? 'have' : 'has'} ${shown.join(', ')}`];
    const separated = /^[\w.-]+(?:[;|&]+[\w.-]+)+$/.test(name) ? 'separate hosts and groups by commas' : hint;
    const advice = sources.length === 0 ? 'name an inventory with -i' : separated;
    this.#add('unknown-group', 'group is not in the inventory', part, details, advice);
  }

  #add(code: Diagnostic['code'], summary: string, part: string, details: string[], hint?: string): void {
    const at = this.#at && partOf(this.#at, part);
    const named = at ? details : [`the pattern "${part}" stands on the command line`, ...details];
    this.#problems.add({ code, summary, ...(at && { at }), details: named, ...(hint && { hint }) });
  }
}

const MAX_GROUPS = 10;

/** The stretch of the span that holds one part of the pattern, where it can be found in it. */
function partOf(at: Span, part: string): Span {
  if (part === '') return at;
  const start = at.lineText.indexOf(part, at.column - 1);
  const inside = start >= 0 && start + part.length <= at.column - 1 + at.length;
  return inside ? { ...at, column: start + 1, length: part.length } : at;
}

/** Flags in front of a Python expression; `a` and `u` change nothing here. */
const INLINE_FLAGS = /^\(\?([aimsu]+)\)/;

/** Python's `re.match`: at the start of a name, not to its end. Throws where it is no regular expression. */
function pythonExpression(written: string): RegExp {
  const flags = INLINE_FLAGS.exec(written);
  const source = written
    .slice(flags?.[0].length ?? 0)
    .replace(/\(\?P<(\w+)>/g, '(?<$1>')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replace(
      /(?<!\\)((?:\\\\)*)\\([AZ])/g,
      (_all, before: string, end: string) => before + (end === 'A' ? '^' : '$'),
    );
  return new RegExp(`^(?:${source})`, flags?.[1]?.replace(/[au]/g, '') ?? '');
}
