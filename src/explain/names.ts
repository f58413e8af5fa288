// Numbers that ip prints and what people call them: tables, protocols, types of routes, whose rule it is.

export interface Names {
  /** Of tables, by number; the host's own besides the three that are always there. */
  readonly tables: ReadonlyMap<number, string>;
  readonly protocols: ReadonlyMap<number, string>;
}

export const MAIN_TABLE = 254;

const TABLES: readonly (readonly [number, string])[] = [
  [253, 'default'],
  [MAIN_TABLE, 'main'],
  [255, 'local'],
];

const PROTOCOLS: readonly (readonly [number, string])[] = [
  [0, 'unspec'],
  [1, 'redirect'],
  [2, 'kernel'],
  [3, 'boot'],
  [4, 'static'],
  [9, 'ra'],
  [11, 'zebra'],
  [12, 'bird'],
  [16, 'dhcp'],
  [18, 'keepalived'],
  [42, 'babel'],
  [84, 'ovn'],
  [186, 'bgp'],
  [187, 'isis'],
  [188, 'ospf'],
  [189, 'rip'],
  [192, 'eigrp'],
];

/** By which the roles tag what is theirs; see their variables `…_protocol`. */
const ROLES: ReadonlyMap<number, string> = new Map([
  [222, 'split-access'],
  [223, 'ecmp'],
]);

const TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

/** Lines `table 801 isp1` and `protocol 222 fairlead`, as rt_tables and rt_protos have them. */
export function parseNames(lines: readonly string[]): Names {
  const names = { tables: new Map(TABLES), protocols: new Map(PROTOCOLS) };
  for (const line of lines) {
    const [, what, number = '', name = ''] =
      /^(table|protocol)\s+(\d+|0x[0-9a-f]+)\s+([^\s#]+)/.exec(line) ?? [];
    if (what === 'table') names.tables.set(Number(number), name);
    if (what === 'protocol') names.protocols.set(Number(number), name);
  }
  return names;
}

/** `main`, `801 (isp1)`, `901`. */
export function tableText(table: number, names: Names): string {
  const name = names.tables.get(table);
  if (name === undefined) return String(table);
  return TABLES.some(([number]) => number === table) ? name : `${table} (${name})`;
}

/** The table that a word of ip's means, or undefined. */
export function tableOf(word: string, names: Names): number | undefined {
  return numberOf(word, names.tables);
}

export function protocolOf(word: string, names: Names): number | undefined {
  return numberOf(word, names.protocols);
}

/** Whose rule or route it is: a role of ours or the name of the protocol. Undefined where nobody says. */
export function ownerOf(protocol: number | undefined, names: Names): string | undefined {
  if (protocol === undefined || protocol === 0) return undefined;
  return ROLES.get(protocol) ?? names.protocols.get(protocol) ?? `protocol ${protocol}`;
}

/** A type of route by its word or its number; undefined for anything else. */
export function routeTypeOf(word: string): string | undefined {
  if (/^\d{1,2}$/.test(word)) return TYPES[Number(word)] ?? `type ${word}`;
  return TYPES.includes(word) ? word : undefined;
}

const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  'ipv6-icmp': 58,
  icmpv6: 58,
};

/** `tcp`, `6` and `ipproto-6` are 6. */
export function ipProtocolOf(word: string): number | undefined {
  const number = /^(?:ipproto-)?(\d{1,3})$/.exec(word)?.[1];
  return number === undefined ? IP_PROTOCOLS[word] : Number(number);
}

export function ipProtocolText(number: number): string {
  return Object.entries(IP_PROTOCOLS).find(([, each]) => each === number)?.[0] ?? String(number);
}

function numberOf(word: string, names: ReadonlyMap<number, string>): number | undefined {
  if (/^(\d{1,10}|0x[0-9a-f]{1,8})$/.test(word)) return Number(word);
  return [...names].find(([, name]) => name === word)?.[0];
}
