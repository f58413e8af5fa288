// Interfaces, routes and rules as an `ip` without JSON prints them: BusyBox, and iproute2 before 2018.
// BusyBox says less (no protocols, no nexthops of a multipath route) and prints large metrics as negative numbers.
import type { AddressFact, InterfaceFact, NextHopFact, RouteFact, RuleFact } from './facts.ts';
import { ROUTES_LIMIT } from './facts.ts';
import type { NetworkFacts } from './facts-ip-json.ts';

type Family = 'ipv4' | 'ipv6';

/** Lines of the sections that factsScript prints where JSON failed. */
export interface IpText {
  /** `table 100 name` and `protocol 77 name`: lines of rt_tables and rt_protos. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly rules: Readonly<Record<Family, readonly string[]>>;
  readonly routes: Readonly<Record<Family, readonly string[]>>;
}

/** Reads `ip address`, `ip rule` and `ip route show table all`. */
export function parseIpText(output: IpText): NetworkFacts {
  const names = namesOf(output.names);
  const routes = [
    ...routesOf(output.routes.ipv4, 'ipv4', names),
    ...routesOf(output.routes.ipv6, 'ipv6', names),
  ];
  return {
    interfaces: interfacesOf(output.addresses),
    routes: routes.slice(0, ROUTES_LIMIT),
    rules: [...rulesOf(output.rules.ipv4, 'ipv4', names), ...rulesOf(output.rules.ipv6, 'ipv6', names)],
    truncated: routes.length > ROUTES_LIMIT,
  };
}

interface Names {
  readonly tables: ReadonlyMap<string, number>;
  readonly protocols: ReadonlyMap<string, number>;
}

/** /etc/iproute2 may be missing; these have been there since the beginning. */
function namesOf(lines: readonly string[]): Names {
  const tables = new Map([
    ['default', 253],
    ['main', 254],
    ['local', 255],
  ]);
  const protocols = new Map([
    ['redirect', 1],
    ['kernel', 2],
    ['boot', 3],
    ['static', 4],
    ['ra', 9],
    ['dhcp', 16],
  ]);
  for (const line of lines) {
    const match = /^(table|protocol) (\d+)\s+(\S+)/.exec(line);
    if (match?.[3] === undefined) continue;
    (match[1] === 'table' ? tables : protocols).set(match[3], Number(match[2]));
  }
  return { tables, protocols };
}

function interfacesOf(lines: readonly string[]): Readonly<Record<string, InterfaceFact>> {
  const found = new Map<string, InterfaceFact>();
  let name: string | undefined;
  for (const line of lines) {
    const head = /^\d+: ([^:@\s]+)(?:@[^:\s]+)?: <([^>]*)>(?: mtu (\d+))?/.exec(line);
    if (head?.[1] !== undefined) {
      name = head[1];
      const flags = (head[2] ?? '').split(',');
      const mtu = head[3] === undefined ? null : Number(head[3]);
      const up = flags.includes('UP');
      found.set(name, { mac: null, mtu, up, carrier: flags.includes('LOWER_UP'), addresses: [] });
      continue;
    }
    const known = name === undefined ? undefined : found.get(name);
    if (name === undefined || known === undefined) continue;
    const mac = /^\s+link\/\S+ ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?:\s|$)/i.exec(line)?.[1];
    if (mac !== undefined) found.set(name, { ...known, mac });
    const address = addressOf(line);
    if (address !== undefined) found.set(name, { ...known, addresses: [...known.addresses, address] });
  }
  return Object.fromEntries(found);
}

function addressOf(line: string): AddressFact | undefined {
  const match = /^\s+inet(6?) ([0-9a-f.:]+)(?:\/(\d+))?\s(?:.*\b)?scope (\S+)/i.exec(line);
  // A point-to-point address is `inet LOCAL peer REMOTE/PREFIX`.
  const peer = /\bpeer \S+?\/(\d+)/.exec(line)?.[1];
  if (match?.[2] === undefined || match[4] === undefined) return undefined;
  const family = match[1] === '6' ? 'ipv6' : 'ipv4';
  const prefix = Number(match[3] ?? peer ?? (family === 'ipv6' ? 128 : 32));
  return { address: match[2], prefix, family, scope: match[4] };
}

const TYPE_WORDS: ReadonlySet<string> = new Set([
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
]);

function routesOf(lines: readonly string[], family: Family, names: Names): RouteFact[] {
  const routes: RouteFact[] = [];
  for (const line of lines) {
    const tokens = line.trim().split(/\s+/);
    if (/^\s/.test(line)) {
      const last = routes.at(-1);
      if (tokens[0] === 'nexthop' && last !== undefined) {
        routes[routes.length - 1] = { ...last, nexthops: [...last.nexthops, nextHopOf(tokens)] };
      }
      continue;
    }
    const typed = TYPE_WORDS.has(tokens[0] ?? '');
    const destination = typed ? tokens[1] : tokens[0];
    if (destination === undefined || destination === '') continue;
    const fields = fieldsOf(tokens.slice(typed ? 2 : 1));
    const metric = fields.get('metric');
    const table = fields.get('table');
    const protocol = fields.get('proto');
    routes.push({
      family,
      table: table === undefined ? 254 : (numberOf(table, names.tables) ?? 254),
      type: typed ? (tokens[0] ?? 'unicast') : 'unicast',
      destination,
      gateway: viaOf(fields),
      device: fields.get('dev') ?? null,
      source: fields.get('src') ?? null,
      metric: metric === undefined || !/^-?\d{1,10}$/.test(metric) ? null : Number(metric) >>> 0,
      protocol: protocol === undefined ? null : numberOf(protocol, names.protocols),
      scope: fields.get('scope') ?? null,
      nexthops: [],
    });
  }
  return routes;
}

function nextHopOf(tokens: readonly string[]): NextHopFact {
  const fields = fieldsOf(tokens.slice(1));
  const weight = Number(fields.get('weight') ?? 1);
  return {
    gateway: viaOf(fields),
    device: fields.get('dev') ?? null,
    weight: Number.isSafeInteger(weight) ? weight : 1,
  };
}

function viaOf(fields: ReadonlyMap<string, string>): string | null {
  return fields.get('inet6') ?? fields.get('inet') ?? fields.get('via') ?? null;
}

function rulesOf(lines: readonly string[], family: Family, names: Names): RuleFact[] {
  const rules: RuleFact[] = [];
  for (const line of lines) {
    const match = /^(-?\d{1,10}):\s+(not\s+)?(.*)$/.exec(line);
    if (match === null) continue;
    const tokens = (match[3] ?? '').trim().split(/\s+/);
    const fields = fieldsOf(tokens);
    const table = fields.get('lookup');
    const suppress = fields.get('suppress_prefixlength');
    const protocol = fields.get('proto');
    rules.push({
      family,
      priority: Number(match[1]) >>> 0,
      not: match[2] !== undefined,
      from: selector(fields.get('from')),
      to: selector(fields.get('to')),
      fwmark: fields.get('fwmark') ?? null,
      iif: fields.get('iif') ?? null,
      oif: fields.get('oif') ?? null,
      // BusyBox prints `lookup unspec` (table 0) for a rule that looks nothing up.
      table: table === undefined ? null : numberOf(table, names.tables) || null,
      action: ruleAction(tokens),
      protocol: protocol === undefined ? null : numberOf(protocol, names.protocols),
      suppress_prefixlength: suppress !== undefined && /^\d{1,3}$/.test(suppress) ? Number(suppress) : null,
    });
  }
  return rules;
}

function ruleAction(tokens: readonly string[]): string {
  const verdict = tokens.find((token) =>
    ['goto', 'nop', 'blackhole', 'unreachable', 'prohibit'].includes(token),
  );
  return verdict ?? 'lookup';
}

function selector(value: string | undefined): string | null {
  return value === undefined || value === 'all' ? null : value;
}

/** Words in pairs; a word that takes no value shifts nothing, since only known keys are looked at. */
function fieldsOf(tokens: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const [index, token] of tokens.entries()) {
    const value = tokens[index + 1];
    if (value !== undefined && !fields.has(token)) fields.set(token, value);
  }
  return fields;
}

function numberOf(word: string, names: ReadonlyMap<string, number>): number | null {
  if (/^\d{1,10}$/.test(word)) return Number(word);
  return names.get(word) ?? null;
}
