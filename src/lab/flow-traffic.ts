// Which provider the packets of a flow went by: each provider counts, per flow, what comes in from its customers,
// before it drops anything. That is the only place where a packet on the wrong link is still to be seen.
// Nothing is counted before somebody asks for it, since it takes nft(8), which a lab does without otherwise.
import type { Endpoint, Flow, ProviderPackets } from './flows.ts';
import { LabError } from './lab-error.ts';
import { type Argv, capture, join } from './namespaces.ts';
import type { ProviderName } from './plan.ts';

/** A flow that is silent for so long is forgotten, and so is its count. */
const MEMORY = '10m';

const setFor = (name: string, addressType: string) => `  set ${name} {
    type ${addressType} . inet_proto . inet_service . ${addressType} . inet_service
    size 1000000; flags dynamic,timeout; timeout ${MEMORY}; counter
  }
`;
const ruleFor = (name: string, ip: 'ip' | 'ip6') =>
  `    meta l4proto { tcp, udp } update @${name} { ${ip} saddr . meta l4proto . th sport . ${ip} daddr . th dport counter }
`;

/** For nft(8): adds what is not there, and replaces the rules in one step, so that a second time loses no count. */
const WATCH = `table inet flows {
${setFor('seen4', 'ipv4_addr')}${setFor('seen6', 'ipv6_addr')}  chain watch {
    type filter hook prerouting priority raw
  }
}
flush chain inet flows watch
table inet flows {
  chain watch {
    iifname != "hosts" accept
${ruleFor('seen4', 'ip')}${ruleFor('seen6', 'ip6')}  }
}
`;

/** What each provider had counted at one moment, in the plan's order. */
export type FlowReading = readonly {
  readonly provider: ProviderName;
  /** Packets per flow and direction, under `keyOf`. */
  readonly counts: ReadonlyMap<string, number>;
}[];

/** The counters of all providers of a lab. */
export class FlowMeter {
  readonly #providers: readonly { readonly name: ProviderName; readonly prefix: Argv }[];
  #started: Promise<unknown> | undefined;

  /** `prefix` enters the provider's network. */
  constructor(providers: readonly { readonly name: ProviderName; readonly prefix: Argv }[]) {
    this.#providers = providers;
  }

  /** Does no harm where they count already. A LabError where they cannot. */
  async start(): Promise<void> {
    this.#started ??= Promise.all(this.#providers.map(({ prefix }) => nft(prefix, [WATCH])));
    await this.#started;
  }

  async read(): Promise<FlowReading> {
    await this.start();
    return Promise.all(
      this.#providers.map(async ({ name, prefix }) => ({ provider: name, counts: await readCounts(prefix) })),
    );
  }
}

/**
 * What came of a flow from the customers' side, whichever side opened it; less what had come `before`. Only the
 * providers that saw some.
 */
export function packetsOf(flow: Flow, reading: FlowReading, before: FlowReading = []): ProviderPackets {
  const packets = reading.map(({ provider, counts }, at) => {
    const earlier = before[at]?.counts;
    const grown = keysOf(flow).map((key) => growth(counts.get(key) ?? 0, earlier?.get(key) ?? 0));
    return [provider, grown.reduce((sum, each) => sum + each)] as const;
  });
  return Object.fromEntries(packets.filter(([, count]) => count > 0));
}

function growth(now: number, then: number): number {
  return now >= then ? now - then : now; // forgotten meanwhile, and begun again
}

function keysOf({ protocol, caller, target }: Flow): readonly [string, string] {
  return [keyOf(protocol, caller, target), keyOf(protocol, target, caller)];
}

function keyOf(protocol: string, source: Endpoint, target: Endpoint): string {
  return [protocol, source.address, source.port, target.address, target.port].join(' ');
}

async function readCounts(prefix: Argv): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const set of ['seen4', 'seen6']) {
    const listing = JSON.parse(await nft(prefix, ['--json', 'list', 'set', 'inet', 'flows', set])) as Listing;
    for (const { elem } of listing.nftables.flatMap((part) => part.set?.elem ?? [])) {
      const [source, protocol, sport, target, dport] = elem.val.concat;
      const key = keyOf(protocol, { address: source, port: sport }, { address: target, port: dport });
      counts.set(key, elem.counter.packets);
    }
  }
  return counts;
}

interface Listing {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly {
        readonly elem: {
          readonly val: {
            readonly concat: readonly [
              source: string,
              protocol: string,
              sport: number,
              target: string,
              dport: number,
            ];
          };
          readonly counter: { readonly packets: number };
        };
      }[];
    };
  }[];
}

async function nft(prefix: Argv, words: readonly string[]): Promise<string> {
  let said: Awaited<ReturnType<typeof capture>>;
  try {
    said = await capture(join(prefix, ['nft', ...words]));
  } catch (error) {
    throw new LabError(`cannot count flows: ${error instanceof Error ? error.message : error}`);
  }
  if (said.exitCode === 0) return said.stdout;
  throw new LabError(`cannot count flows: ${said.stderr.trim()}`, 'it takes the package nftables');
}
