// Interfaces, routes and rules as iproute2 tells them in JSON, or, where `ip` knows no JSON (BusyBox, before 2018),
// in text. Numbers are asked for (-N) and given names here. Whatever looks wrong is left out: a host's words are data.
import type { AddressFact, InterfaceFact, NextHopFact, RouteFact, RuleFact } from './facts.ts';
import { ROUTES_LIMIT } from './facts.ts';

type Family = 'ipv4' | 'ipv6';

export interface NetworkFacts {
  readonly interfaces: Readonly<Record<string, InterfaceFact>>;
  readonly routes: readonly RouteFact[];
  readonly rules: readonly RuleFact[];
  readonly truncated: boolean;
}

/**
 * Reads the answers to `ip -j -N -batch`, one array per line:
 * links, addresses, rules, routes of IPv4, then addresses, rules, routes of IPv6.
 */
export function parseIpJson(lines: readonly string[]): NetworkFacts {
  const interfaces = new Map<string, InterfaceFact>();
  const arrays = lines.map(parseArray);
  const items = (index: number) => arrays[index]?.items ?? [];
  for (const link of items(0)) {
    const name = text(link.ifname);
    const flags = Array.isArray(link.flags) ? link.flags : [];
    if (name === null) continue;
    interfaces.set(name, {
      mac: macOf(link.address),
      mtu: integer(link.mtu),
      up: flags.includes('UP'),
      carrier: flags.includes('LOWER_UP'),
      addresses: [],
    });
  }
  for (const entry of [...items(1), ...items(4)]) {
    const name = text(entry.ifname);
    const known = name === null ? undefined : interfaces.get(name);
    if (name === null || known === undefined || !Array.isArray(entry.addr_info)) continue;
    const found = entry.addr_info.filter(isObject).map(addressOf).filter(isThere);
    interfaces.set(name, { ...known, addresses: [...known.addresses, ...found] });
  }
  const routes = [
    ...items(3).map((route) => routeOf(route, 'ipv4')),
    ...items(6).map((route) => routeOf(route, 'ipv6')),
  ].filter(isThere);
  const rules = [
    ...items(2).map((rule) => ruleOf(rule, 'ipv4')),
    ...items(5).map((rule) => ruleOf(rule, 'ipv6')),
  ].filter(isThere);
  return {
    interfaces: Object.fromEntries(interfaces),
    routes: routes.slice(0, ROUTES_LIMIT),
    rules,
    truncated: routes.length > ROUTES_LIMIT || arrays.some((array) => array.truncated),
  };
}

const ROUTE_TYPES: Readonly<Record<number, string>> = {
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
  10: 'nat',
};
const SCOPES: Readonly<Record<number, string>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};
const RULE_ACTIONS: Readonly<Record<number, string>> = {
  1: 'lookup',
  2: 'goto',
  3: 'nop',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
};
const MAIN = 254;
/** RTPROT_BOOT: what `ip` assumes and does not print. */
const PROTOCOL_BOOT = 3;

type Json = Readonly<Record<string, unknown>>;

/** A truncated line keeps the items that are whole. */
function parseArray(line: string): { readonly items: readonly Json[]; readonly truncated: boolean } {
  const whole = tryParse(line);
  if (whole !== undefined) return { items: whole, truncated: false };
  let cut = line.length;
  for (let attempts = 0; attempts < 64; attempts++) {
    cut = line.lastIndexOf('},{', cut - 1);
    if (cut <= 0) break;
    const part = tryParse(`${line.slice(0, cut)}}]`);
    if (part !== undefined) return { items: part, truncated: true };
  }
  return { items: [], truncated: line.startsWith('[') };
}

function tryParse(line: string): readonly Json[] | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) ? value.filter(isObject) : undefined;
  } catch {
    return undefined;
  }
}

function addressOf(info: Json): AddressFact | undefined {
  const address = text(info.local);
  const prefix = integer(info.prefixlen);
  if (address === null || prefix === null) return undefined;
  const family = info.family === 'inet6' ? 'ipv6' : 'ipv4';
  return { address, prefix, family, scope: named(SCOPES, info.scope) ?? 'global' };
}

function routeOf(route: Json, family: Family): RouteFact | undefined {
  const destination = text(route.dst);
  if (destination === null) return undefined;
  const via = isObject(route.via) ? text(route.via.host) : null;
  return {
    family,
    table: integer(route.table) ?? MAIN,
    type: named(ROUTE_TYPES, route.type) ?? 'unicast',
    destination,
    gateway: text(route.gateway) ?? via,
    device: text(route.dev),
    source: text(route.prefsrc),
    metric: integer(route.metric),
    protocol: integer(route.protocol) ?? PROTOCOL_BOOT,
    scope: named(SCOPES, route.scope) ?? (family === 'ipv4' ? 'global' : null),
    nexthops: Array.isArray(route.nexthops) ? route.nexthops.filter(isObject).map(nextHopOf) : [],
  };
}

function nextHopOf(hop: Json): NextHopFact {
  const via = isObject(hop.via) ? text(hop.via.host) : null;
  return { gateway: text(hop.gateway) ?? via, device: text(hop.dev), weight: integer(hop.weight) ?? 1 };
}

function ruleOf(rule: Json, family: Family): RuleFact | undefined {
  const priority = integer(rule.priority);
  if (priority === null) return undefined;
  const mark = text(rule.fwmark);
  const mask = text(rule.fwmask);
  return {
    family,
    priority,
    not: 'not' in rule,
    from: prefixOf(rule.src, rule.srclen),
    to: prefixOf(rule.dst, rule.dstlen),
    fwmark: mark !== null && mask !== null ? `${mark}/${mask}` : mark,
    iif: text(rule.iif),
    oif: text(rule.oif),
    table: integer(rule.table),
    action: 'goto' in rule ? 'goto' : (named(RULE_ACTIONS, rule.action) ?? 'lookup'),
    protocol: integer(rule.protocol),
    suppress_prefixlength: integer(rule.suppress_prefixlen),
  };
}

function prefixOf(address: unknown, length: unknown): string | null {
  const host = text(address);
  if (host === null || host === 'all') return null;
  const bits = integer(length);
  return bits === null ? host : `${host}/${bits}`;
}

function macOf(address: unknown): string | null {
  const mac = text(address);
  return mac !== null && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) ? mac : null;
}

function named(names: Readonly<Record<number, string>>, value: unknown): string | undefined {
  const number = integer(value);
  if (number !== null) return names[number] ?? String(number);
  return text(value) ?? undefined;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= 256 ? value : null;
}

/** iproute2 prints some numbers as strings under -N. */
function integer(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}
