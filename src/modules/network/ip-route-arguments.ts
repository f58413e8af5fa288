// What the arguments of ip_route ask for, as far as it is known without the host, which knows names.
import { ArgumentError } from '../module.ts';
import { addressOf, destinationArgument, type Family, oneFamily } from './addresses.ts';
import type { Hop, RouteType } from './route-text.ts';

interface HopArgs {
  readonly via?: string;
  readonly dev?: string;
  readonly weight?: number;
  readonly onlink?: boolean;
}

export interface RouteArgs extends Omit<HopArgs, 'weight'> {
  readonly dest: string;
  readonly family?: Family;
  readonly type?: RouteType;
  readonly src?: string;
  readonly tos?: number;
  readonly metric?: number;
  readonly table?: string | number;
  readonly proto?: string | number;
  readonly scope?: string | number;
  readonly nexthops?: readonly HopArgs[];
  readonly state?: 'present' | 'absent';
}

export interface WantedRoute {
  readonly family: Family;
  readonly dest: string;
  /** Undefined only where the route is to be absent: then any. */
  readonly type: RouteType | undefined;
  readonly src: string | undefined;
  readonly tos: number;
  readonly metric: number | undefined;
  readonly table: string | number;
  readonly proto: string | number | undefined;
  readonly scope: string | number | undefined;
  readonly hops: readonly Hop[];
  readonly state: 'present' | 'absent';
}

/** Arguments that the schema takes to the wanted route; throws ArgumentError. */
export function prepareRoute(args: RouteArgs): WantedRoute {
  const state = args.state ?? 'present';
  const dest = destinationArgument('dest', args.dest);
  const src = args.src === undefined ? undefined : addressOf(args.src);
  const gateways = [args, ...(args.nexthops ?? [])].flatMap(({ via }) =>
    via === undefined ? [] : (addressOf(via) ?? []),
  );
  // A gateway of IPv6 says nothing about the family; where nothing else does, it is all there is to go by.
  const said = [
    { argument: 'family', family: args.family },
    { argument: 'dest', family: dest.family },
    { argument: 'src', family: src?.family },
  ];
  const unsaid = said.every(({ family }) => family === undefined);
  const argument = args.nexthops === undefined ? 'via' : 'nexthops';
  const ofGateways = gateways.map(({ family }) => ({ argument, family }));
  const family = oneFamily(unsaid ? ofGateways : said);
  if (family === 'inet6' && gateways.some((gateway) => gateway.family === 'inet')) {
    throw new ArgumentError(argument, 'an IPv6 route cannot have an IPv4 gateway');
  }
  if (family === 'inet6' && (args.tos ?? 0) !== 0) {
    throw new ArgumentError('tos', 'routes of IPv6 have no tos');
  }
  if (family === 'inet6' && args.scope !== undefined) {
    throw new ArgumentError('scope', 'routes of IPv6 have no scope');
  }
  if (/^(all|cache|unspec|0)$/.test(String(args.table))) {
    throw new ArgumentError('table', `${args.table} is not a table that a route can be in`);
  }
  return {
    family,
    dest: dest.text,
    type: args.type ?? (state === 'present' ? 'unicast' : undefined),
    src: src?.text,
    tos: args.tos ?? 0,
    metric: family === 'inet6' && args.metric === 0 ? undefined : args.metric,
    table: args.table ?? 'main',
    proto: args.proto,
    scope: args.scope,
    hops: hopsOf(args, state),
    state,
  };
}

function hopsOf(args: RouteArgs, state: 'present' | 'absent'): readonly Hop[] {
  const { via, dev, onlink, nexthops } = args;
  const single = via !== undefined || dev !== undefined || onlink === true;
  if (args.type !== undefined && args.type !== 'unicast') {
    const first = via !== undefined ? 'via' : dev !== undefined ? 'dev' : 'onlink';
    if (single || nexthops !== undefined) {
      throw new ArgumentError(single ? first : 'nexthops', `a route of type ${args.type} leads nowhere`);
    }
    return [];
  }
  if (nexthops !== undefined && single) {
    throw new ArgumentError('nexthops', 'nexthops takes the place of via, dev and onlink');
  }
  const hops: readonly HopArgs[] = nexthops ?? (single ? [args] : []);
  if (hops.length === 0 && state === 'present') {
    throw new ArgumentError(
      'dest',
      'neither via, dev nor nexthops says where the route leads',
      'type: blackhole, unreachable or prohibit is for routes that lead nowhere',
    );
  }
  return hops.map((hop) => {
    const argument = nexthops === undefined ? 'via' : 'nexthops';
    if (hop.via === undefined && hop.dev === undefined) {
      throw new ArgumentError(argument, 'a way needs via, dev or both');
    }
    if (hop.onlink === true && (hop.via === undefined || hop.dev === undefined)) {
      throw new ArgumentError(argument === 'via' ? 'onlink' : argument, 'onlink needs both via and dev');
    }
    const gateway = hop.via === undefined ? undefined : addressOf(hop.via)?.text;
    return { via: gateway, dev: hop.dev, weight: hop.weight ?? 1, onlink: hop.onlink ?? false };
  });
}
