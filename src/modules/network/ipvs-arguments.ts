// What the arguments of ipvs ask for, in the words of ipvsadm.
import { ArgumentError } from '../module.ts';
import { type Family, familyName } from './addresses.ts';
import { endpointOf, endpointText, type Forwarding, type ServiceOptions } from './ipvs-text.ts';

interface ServerArgs {
  readonly real_server: string;
  readonly forward?: Forwarding;
  readonly weight?: number;
}

export interface ServiceArgs {
  readonly tcp_service?: string;
  readonly udp_service?: string;
  readonly sctp_service?: string;
  readonly fwmark_service?: number;
  readonly ipv6?: boolean;
  readonly scheduler?: string;
  readonly sched_flags?: readonly string[];
  readonly persistent?: number;
  readonly netmask?: string | number;
  readonly ops?: boolean;
  readonly real_servers?: readonly ServerArgs[];
  readonly exclusive?: boolean;
  readonly state?: 'present' | 'absent';
}

interface WantedServer {
  readonly server: string;
  readonly forwarding: Forwarding | undefined;
  readonly weight: number | undefined;
}

export interface WantedService {
  /** As in a command: `-t 192.0.2.1:80`. */
  readonly service: string;
  /** Only what is said. */
  readonly options: Partial<ServiceOptions>;
  readonly servers: readonly WantedServer[];
  readonly exclusive: boolean;
  readonly state: 'present' | 'absent';
}

const SERVICE_KINDS = {
  tcp_service: '-t',
  udp_service: '-u',
  sctp_service: '--sctp-service',
  fwmark_service: '-f',
} as const;

/** Arguments that the schema takes to the wanted service; throws ArgumentError. */
export function prepareService(args: ServiceArgs): WantedService {
  const { service, family, port } = serviceOf(args);
  const netmask = args.netmask === undefined ? undefined : netmaskArgument(family, args.netmask);
  if (netmask !== undefined && (args.persistent ?? 0) === 0) {
    throw new ArgumentError(
      'netmask',
      'netmask is for persistent services',
      'say for how long: persistent: 300',
    );
  }
  const { scheduler, persistent, ops, sched_flags: flags } = args;
  return {
    service,
    options: {
      ...(scheduler !== undefined && { scheduler }),
      ...(persistent !== undefined && { persistent }),
      ...(ops !== undefined && { ops }),
      ...(flags !== undefined && { schedFlags: flags.toSorted() }),
      ...(netmask !== undefined && { netmask }),
    },
    servers: serversOf(args.real_servers ?? [], { family, port }),
    exclusive: args.exclusive ?? false,
    state: args.state ?? 'present',
  };
}

interface Place {
  readonly family: Family;
  /** 0 for services by mark. */
  readonly port: number;
}

function serviceOf(args: ServiceArgs): Place & { readonly service: string } {
  const names = ['tcp_service', 'udp_service', 'sctp_service', 'fwmark_service'] as const;
  const said = names.filter((name) => args[name] !== undefined);
  const [kind, second] = said;
  if (kind === undefined || second !== undefined) {
    throw new ArgumentError(second ?? 'tcp_service', `exactly one of ${names.join(', ')} is needed`);
  }
  if (kind === 'fwmark_service') {
    const family = args.ipv6 === true ? 'inet6' : 'inet';
    return { family, port: 0, service: `-f ${args.fwmark_service}${args.ipv6 === true ? ' -6' : ''}` };
  }
  if (args.ipv6 === true)
    throw new ArgumentError('ipv6', 'ipv6 is for fwmark_service: addresses show what they are');
  const text = args[kind] ?? '';
  const endpoint = endpointOf(text);
  if (endpoint?.port === undefined) {
    const hint = 'write it as 192.0.2.80:80 or [2001:db8::80]:80';
    throw new ArgumentError(kind, `${JSON.stringify(text)} is no address with a port`, hint);
  }
  const { family, address, port } = endpoint;
  if (port === 0 && (args.persistent ?? 1) === 0) {
    throw new ArgumentError(
      kind,
      'a service for all ports, which is what 0 stands for, has to be persistent',
    );
  }
  return { family, port, service: `${SERVICE_KINDS[kind]} ${endpointText(family, address, port)}` };
}

function netmaskArgument(family: Family, said: string | number): string {
  const text = String(said);
  if (family === 'inet6') {
    if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 128) {
      return Number(text) === 128 ? '' : String(Number(text));
    }
    throw new ArgumentError('netmask', `${text} is no prefix length of IPv6`);
  }
  const bits = text
    .split('.')
    .map((part) => (/^\d{1,3}$/.test(part) ? Number(part).toString(2).padStart(8, '0') : '?'));
  if (bits.length !== 4 || !/^1+0*$/.test(bits.join('')) || bits.join('').length !== 32) {
    throw new ArgumentError('netmask', `${text} is no netmask`, 'write it as 255.255.255.0');
  }
  return text === '255.255.255.255' ? '' : text;
}

function serversOf(said: readonly ServerArgs[], { family, port }: Place): readonly WantedServer[] {
  const servers = said.map(({ real_server: text, forward, weight }): WantedServer => {
    const endpoint = endpointOf(text);
    if (endpoint === undefined) {
      throw new ArgumentError(
        'real_servers',
        `${JSON.stringify(text)} is no address, with or without a port`,
      );
    }
    const own = endpoint.port ?? port;
    if (own !== port && forward !== 'masquerading') {
      throw new ArgumentError(
        'real_servers',
        `${text} cannot have another port than the service: only masquerading changes ports`,
        `add forward: masquerading, or leave the port out`,
      );
    }
    if (endpoint.family !== family && forward !== 'ipip') {
      const is = `${text} is ${familyName(endpoint.family)} and the service ${familyName(family)}`;
      throw new ArgumentError(
        'real_servers',
        is,
        'only a tunnel (forward: ipip) leads from one to the other',
      );
    }
    return { server: endpointText(endpoint.family, endpoint.address, own), forwarding: forward, weight };
  });
  const twice = servers.find(
    ({ server }, index) => servers.findIndex((each) => each.server === server) !== index,
  );
  if (twice !== undefined) throw new ArgumentError('real_servers', `${twice.server} is in the list twice`);
  return servers;
}
