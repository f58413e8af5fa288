// IPVS: the virtual service that takes what is for an address of the host's, and the servers that it hands connections on
// to. Which server is next only the kernel knows.
import { endpointOf, type Service as IpvsService, readServices } from '../modules/network/ipvs-text.ts';
import type { Flow } from './flow.ts';

export interface VirtualService {
  /** `tcp 192.0.2.100:80`, `mark 7`. */
  readonly name: string;
  readonly scheduler: string;
  /** For so many seconds a client stays with its server; 0: for a connection only. */
  readonly persistentS: number;
  readonly servers: readonly RealServer[];
}

export interface RealServer {
  readonly name: string;
  readonly weight: number;
  readonly forwarding: 'gatewaying' | 'masquerading' | 'ipip';
}

/** `lines` are those of `ipvsadm -S -n`. Services of the mark come first, those of a port before those of all ports. */
export function servicesFor(
  flow: Flow,
  { lines, mark }: { readonly lines: readonly string[]; readonly mark: number },
): readonly VirtualService[] {
  const caught = [...readServices(lines.join('\n')).values()].flatMap((service) => {
    const by = caughtBy(service, flow, mark);
    return by === undefined ? [] : [{ by, service }];
  });
  const found = (['mark', 'port', 'address'] as const)
    .map((wanted) => caught.filter(({ by }) => by === wanted))
    .find((each) => each.length > 0);
  return (found ?? []).map(({ service }) => told(service));
}

const PROTOCOLS: Readonly<Record<string, string>> = { '-t': 'tcp', '-u': 'udp', '--sctp-service': 'sctp' };

/** Without `--dport` all services of the address are of interest. */
function caughtBy(
  { service }: IpvsService,
  flow: Flow,
  mark: number,
): 'mark' | 'port' | 'address' | undefined {
  const [kind = '', what = '', family] = service.split(' ');
  if (kind === '-f') {
    return mark !== 0 && Number(what) === mark && (family === '-6') === (flow.family === 6)
      ? 'mark'
      : undefined;
  }
  const endpoint = endpointOf(what);
  if (endpoint?.address !== flow.to.text || PROTOCOLS[kind] !== flow.protocol) return undefined;
  if (flow.dport === undefined || endpoint.port === flow.dport) return 'port';
  return endpoint.port === 0 ? 'address' : undefined;
}

function told({ service, options, servers }: IpvsService): VirtualService {
  const [kind = '', what = ''] = service.split(' ');
  return {
    name: `${kind === '-f' ? 'mark' : (PROTOCOLS[kind] ?? kind)} ${what}`,
    scheduler: options.scheduler,
    persistentS: options.persistent,
    servers: servers.map(({ server, weight, forwarding }) => ({ name: server, weight, forwarding })),
  };
}
