// One route, now. What is to survive a reboot belongs into a boot script.
//
// A route that is as wanted is never written again. Otherwise `ip route replace`, which lets no packet fall between the
// old one and the new; it takes the place of the route with the same destination, tos, metric and table.
import { quote, words } from '../../shell.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import { ANY_ADDRESS, addressOf, INTERFACE } from './addresses.ts';
import {
  BUSYBOX_LAST_TABLE,
  beyondBusybox,
  CHANGE_BY_IP,
  familyFlag,
  type HostIp,
  INSPECT_IP,
  lookForDevices,
  type NameFailure,
  numberOrFailure,
  PROTO_NAME,
  readInspection,
  SCOPE_NAME,
  TABLE_NAME,
} from './ip-command.ts';
import { prepareRoute, type RouteArgs, type WantedRoute } from './ip-route-arguments.ts';
import {
  defaultMetric,
  type Hop,
  isWanted,
  ROUTE_TYPES,
  type Route,
  readRoute,
  routeWords,
  sameSlot,
} from './route-text.ts';

export interface RouteChanges {
  /** Words of ip after `route`, in this order; those that begin with del may find nothing left to do. */
  readonly commands: readonly (readonly string[])[];
}

const FEATURES = {
  via: { ...ANY_ADDRESS, description: 'Gateway. An IPv4 route may have one of IPv6.' },
  dev: { ...INTERFACE, description: 'Device. Unsaid: whichever leads to the gateway.' },
  onlink: {
    type: 'boolean',
    default: false,
    description: 'The gateway is on the link of dev, whatever its addresses are.',
  },
} as const;

export const ipRoute: HostModule<RouteArgs, WantedRoute, RouteChanges> = {
  kind: 'host',
  name: 'ip_route',
  summary:
    'Sets, replaces or deletes one route in the kernel, now; boot_script is for what shall survive a reboot.',
  touchesNetwork: () => true,
  returns: { route: 'The route, in the words of ip.' },
  schema: {
    type: 'object',
    properties: {
      dest: {
        type: 'string',
        description:
          'Destination: default, a prefix or an address. With tos, metric and table it is what `replace` goes by.',
      },
      family: {
        enum: ['inet', 'inet6'],
        description: 'Unsaid, the addresses tell; where none does, inet.',
      },
      type: {
        enum: ROUTE_TYPES,
        description: 'Unsaid: unicast. With state absent: any of these.',
      },
      ...FEATURES,
      nexthops: {
        type: 'array',
        minItems: 1,
        description: 'Several ways at once, in place of via, dev and onlink.',
        items: {
          type: 'object',
          properties: {
            ...FEATURES,
            weight: {
              type: 'integer',
              minimum: 1,
              maximum: 256,
              default: 1,
              description: 'Share of the flows.',
            },
          },
          additionalProperties: false,
        },
      },
      src: { ...ANY_ADDRESS, description: 'Source address of what the host itself sends. Unsaid: none.' },
      tos: { type: 'integer', minimum: 0, maximum: 255, default: 0, description: 'IPv4: TOS byte.' },
      metric: {
        type: 'integer',
        minimum: 0,
        maximum: 4294967295,
        description:
          'Lower ones are preferred. Unsaid: 0, with IPv6 1024. Routes that differ in it stand side by side.',
      },
      table: {
        type: ['string', 'integer'],
        minimum: 1,
        maximum: 4294967295,
        default: 'main',
        description: 'Table, by number or by a name that the host knows.',
      },
      proto: {
        type: ['string', 'integer'],
        minimum: 1,
        maximum: 255,
        description:
          'Whose route it is, by number or by a name that the host knows. Unsaid: not compared, and boot for a new one.',
      },
      scope: {
        type: ['string', 'integer'],
        minimum: 0,
        maximum: 255,
        description: 'IPv4: unsaid, it is link without a gateway and global with one.',
      },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description:
          'absent deletes all routes to the destination in the table that have what else is said; what is unsaid may be anything.',
      },
    },
    required: ['dest'],
    additionalProperties: false,
  },

  prepare: prepareRoute,
  reads: () => ['routing'],
  writes: () => ['routing'],
  inspect: (wanted) => ({ script: inspectScript(wanted) }),
  decide,
  change: (wanted, changes) => ({ script: changeScript(wanted, changes) }),
  conclude,
};

function inspectScript(wanted: WantedRoute): string {
  const flag = familyFlag(wanted.family);
  const dest = quote(wanted.dest);
  const devices = wanted.state === 'present' ? wanted.hops.flatMap(({ dev }) => dev ?? []) : [];
  // BusyBox finds no route of IPv6 by its table.
  return `${INSPECT_IP}
${lookForDevices(devices)}
echo '== routes'
if [ "$kind" = iproute2 ]; then
  "$ip" -d -o ${flag} route show table ${quote(String(wanted.table))} exact ${dest}
else
  "$ip" -o ${flag} route show table all exact ${dest}
fi
echo "== status $?"
exit 0`;
}

function decide(wanted: WantedRoute, inspected: Inspected): Verdict<RouteChanges> {
  const read = readInspection(inspected);
  if (typeof read === 'string') return { kind: 'failed', message: read };
  const { host, sections, missingDevices } = read;
  const table = numberOrFailure(host.tables, wanted.table, TABLE_NAME);
  if (typeof table === 'object') return table;
  const reason = inspected.output.stderr.trim();
  // A table without routes may not exist at all.
  if (!sections.has('status 0') && !reason.includes('FIB table does not exist')) {
    return { kind: 'failed', message: reason || 'ip does not say which routes there are' };
  }
  const [device] = missingDevices;
  if (device !== undefined) return { kind: 'failed', message: `there is no device ${device}` };
  const said = { family: wanted.family, host, table: host.kind === 'busybox' ? MAIN : table };
  const found = (sections.get('routes') ?? [])
    .flatMap((line) => readRoute(line, said) ?? [])
    .filter((route) => route.table === table);
  const route = routeOf(wanted, host, table);
  if ('kind' in route) return route;
  const beyond = host.kind === 'busybox' ? busyboxLimit(route) : undefined;
  if (beyond !== undefined) return beyond;
  return wanted.state === 'absent' ? decideAbsent(wanted, route, found) : decidePresent(route, found);
}

const MAIN = 254;
const KERNEL = 2;

function routeOf(wanted: WantedRoute, host: HostIp, table: number): Route | NameFailure {
  const proto =
    wanted.proto === undefined ? undefined : numberOrFailure(host.protocols, wanted.proto, PROTO_NAME);
  if (typeof proto === 'object') return proto;
  const scope =
    wanted.scope === undefined ? undefined : numberOrFailure(host.scopes, wanted.scope, SCOPE_NAME);
  if (typeof scope === 'object') return scope;
  const { family, dest, tos, src, hops } = wanted;
  const metric = wanted.metric ?? defaultMetric(family);
  return { family, dest, tos, src, hops, table, proto, scope, metric, type: wanted.type ?? 'unicast' };
}

function busyboxLimit({ table, tos, hops, family }: Route): NameFailure | undefined {
  if (table > BUSYBOX_LAST_TABLE) return beyondBusybox(`tables beyond ${BUSYBOX_LAST_TABLE}`);
  if (tos !== 0) return beyondBusybox('tos');
  if (hops.length > 1) return beyondBusybox('nexthops');
  if (hops.some(({ via }) => via !== undefined && addressOf(via)?.family !== family)) {
    return beyondBusybox('an IPv6 gateway of an IPv4 route');
  }
  return undefined;
}

function decidePresent(route: Route, found: readonly Route[]): Verdict<RouteChanges> {
  const text = textOf(route);
  const fields = { route: text };
  const rivals = found.filter((each) => sameSlot(each, route));
  const at = rivals.findIndex((each) => isWanted(route, each));
  // Of several in one place IPv4 takes the first, and those behind it are dead weight until it goes.
  const surplus = route.family === 'inet' ? rivals.filter((_, index) => index !== Math.max(at, 0)) : [];
  const missing = at < 0;
  if (!missing && surplus.length === 0) return { kind: 'unchanged', fields };
  // IPv6 has routes of the same place on several devices. What the kernel itself has put there is not replaced.
  const [hop] = route.hops;
  const beside =
    route.family === 'inet6' &&
    hop?.via === undefined &&
    rivals.length > 0 &&
    rivals.every(({ proto }) => proto === KERNEL);
  const commands = [
    ...(missing ? [[beside ? 'append' : 'replace', ...routeWords(route, 'replace')]] : []),
    ...surplus.map((each) => ['del', ...routeWords(each, 'del')]),
  ];
  const gone = missing && !beside ? rivals.slice(0, 1) : [];
  const message = [
    ...(missing ? [`${gone.length > 0 ? 'replace' : 'add'} ${text}`] : []),
    ...surplus.map((each) => `delete ${textOf(each)}`),
  ].join(', ');
  const before = [...gone, ...surplus].map(textOf);
  return {
    kind: 'change',
    changes: { commands },
    message,
    diffs: [diffOf(route, before, missing ? [text] : [])],
    fields,
  };
}

function decideAbsent(wanted: WantedRoute, route: Route, found: readonly Route[]): Verdict<RouteChanges> {
  const types: readonly string[] = wanted.type === undefined ? ROUTE_TYPES : [wanted.type];
  const leaving = found.filter(
    (each) =>
      types.includes(each.type) &&
      each.tos === route.tos &&
      (wanted.metric === undefined || each.metric === wanted.metric) &&
      (route.src === undefined || each.src === route.src) &&
      (route.proto === undefined || each.proto === undefined || each.proto === route.proto) &&
      (route.scope === undefined || each.scope === route.scope) &&
      hasHops(each, route.hops),
  );
  if (leaving.length === 0) return { kind: 'unchanged' };
  const texts = leaving.map(textOf);
  return {
    kind: 'change',
    changes: { commands: leaving.map((each) => ['del', ...routeWords(each, 'del')]) },
    message: `delete ${texts.join(', ')}`,
    diffs: [diffOf(route, texts, [])],
  };
}

/** Whether the route leads where is said; what is not said of a way may be anything. */
function hasHops(found: Route, said: readonly Hop[]): boolean {
  if (said.length === 0) return true;
  const matches = (hop: Hop) =>
    found.hops.some(
      (each) =>
        (hop.via === undefined || hop.via === each.via) && (hop.dev === undefined || hop.dev === each.dev),
    );
  return found.hops.length === said.length && said.every(matches);
}

function diffOf({ family, table }: Route, before: readonly string[], after: readonly string[]) {
  const lines = (texts: readonly string[]) => texts.map((text) => `${text}\n`).join('');
  const title = `${family === 'inet' ? 'IPv4' : 'IPv6'} routes of table ${table}`;
  return { title, before: lines(before), after: lines(after) };
}

function textOf(route: Route): string {
  return routeWords(route, 'replace').join(' ');
}

function changeScript(wanted: WantedRoute, changes: RouteChanges): string {
  const flag = familyFlag(wanted.family);
  const lines = changes.commands.map((command) => {
    const run = command[0] === 'del' ? 'drop' : '"$ip"';
    return `${run} ${flag} route ${words(...command)}`;
  });
  return [CHANGE_BY_IP, ...lines].join('\n');
}

function conclude(_wanted: WantedRoute, _changes: RouteChanges, output: Output): Conclusion {
  if (output.exitCode === 0) return { kind: 'changed' };
  const message = output.stderr.trim() || `ip exited ${output.exitCode}`;
  const unreachable = /invalid gateway|Network is unreachable|No route to host/i.test(message);
  const hint = 'no device of the host has the network of the gateway; onlink: true with dev does without';
  return { kind: 'failed', message, ...(unreachable && { hint }) };
}
