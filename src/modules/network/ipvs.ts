// One virtual service of IPVS and its real servers, now. What is to survive a reboot belongs into a boot script.
//
// Everything is added, edited and deleted one by one, never flushed: connections stay, and so do services of others.
import { quote } from '../../shell.ts';
import type { Diff, HostModule, Inspected, Verdict } from '../module.ts';
import { prepareService, type ServiceArgs, type WantedService } from './ipvs-arguments.ts';
import {
  optionWords,
  type RealServer,
  readServices,
  type Service,
  type ServiceOptions,
  serverWords,
} from './ipvs-text.ts';

export interface ServiceChanges {
  /** In this order: `A` and `E` with all options, `a` and `e` with all of a server, `D`, `d`. */
  readonly commands: readonly {
    readonly letter: 'A' | 'E' | 'D' | 'a' | 'e' | 'd';
    readonly words: string;
  }[];
}

export const ipvs: HostModule<ServiceArgs, WantedService, ServiceChanges> = {
  kind: 'host',
  name: 'ipvs',
  summary:
    'Sets or deletes one virtual service of IPVS and its real servers, now; boot_script is for what shall survive a reboot.',
  touchesNetwork: () => true,
  returns: { service: 'The service, in the words of ipvsadm.' },
  schema: {
    type: 'object',
    properties: {
      tcp_service: {
        type: 'string',
        description: 'Address and port of a service over TCP, as 192.0.2.80:80 or [2001:db8::80]:80.',
      },
      udp_service: { type: 'string', description: 'Address and port of a service over UDP.' },
      sctp_service: { type: 'string', description: 'Address and port of a service over SCTP.' },
      fwmark_service: {
        type: 'integer',
        minimum: 1,
        maximum: 4294967295,
        description: 'A service for all packets with this mark.',
      },
      ipv6: { type: 'boolean', default: false, description: 'With fwmark_service: it is for IPv6.' },
      scheduler: {
        type: 'string',
        pattern: '^[a-z]{1,15}$',
        description: 'Scheduler, as rr. Unsaid: as it is, and wlc for a new service.',
      },
      sched_flags: {
        type: 'array',
        items: {
          enum: ['sh-fallback', 'sh-port', 'mh-fallback', 'mh-port', 'flag-1', 'flag-2', 'flag-3'],
        },
        description: 'Flags of the scheduler. Unsaid: as they are.',
      },
      persistent: {
        type: 'integer',
        minimum: 0,
        maximum: 2678400,
        description: 'For how many seconds a client stays with its server; 0: it need not. Unsaid: as it is.',
      },
      netmask: {
        type: ['string', 'integer'],
        description:
          'With persistent: clients of such a network stay together, as 255.255.255.0, with IPv6 a prefix length. Unsaid: as it is.',
      },
      ops: { type: 'boolean', description: 'UDP: each packet is scheduled for itself. Unsaid: as it is.' },
      real_servers: {
        type: 'array',
        description: 'Servers that are to be there.',
        items: {
          type: 'object',
          properties: {
            real_server: {
              type: 'string',
              description:
                'Address of the server, with a port where that is another one than the service has.',
            },
            forward: {
              enum: ['gatewaying', 'masquerading', 'ipip'],
              description:
                'How packets reach it: direct routing, NAT or a tunnel. Unsaid: as it is, and gatewaying for a new one.',
            },
            weight: {
              type: 'integer',
              minimum: 0,
              maximum: 65535,
              description:
                'Its share; 0: no new connections, to empty it. Unsaid: as it is, and 1 for a new one.',
            },
          },
          required: ['real_server'],
          additionalProperties: false,
        },
      },
      exclusive: {
        type: 'boolean',
        default: false,
        description:
          'true: servers that are not in the list go, and their connections break. false: they stay.',
      },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description: 'absent deletes the service with all its servers.',
      },
    },
    additionalProperties: false,
  },

  prepare: prepareService,
  reads: () => ['netfilter'],
  writes: () => ['netfilter'],
  inspect: () => ({ script: `set +eu\n${FIND_IPVSADM}\nipvsadm -S -n\nexit $?` }),
  decide,
  change: (wanted, changes) => ({ script: changeScript(wanted, changes) }),
};

const FIND_IPVSADM = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if ! command -v ipvsadm >/dev/null 2>&1; then
  echo 'there is no ipvsadm on this host' >&2
  exit 5
fi`;

function decide(wanted: WantedService, { output }: Inspected): Verdict<ServiceChanges> {
  const { service } = wanted;
  const fields = { service };
  if (output.exitCode !== 0) {
    const message = output.stderr.trim() || `ipvsadm exited ${output.exitCode}`;
    // A kernel without IPVS has no services either.
    if (wanted.state === 'absent' && /Can't initialize ipvs/.test(message))
      return { kind: 'unchanged', message, fields };
    return { kind: 'failed', message };
  }
  const found = readServices(output.stdout).get(service);
  if (wanted.state === 'absent') {
    if (found === undefined) return { kind: 'unchanged', fields };
    return {
      kind: 'change',
      changes: { commands: [{ letter: 'D', words: '' }] },
      message: `delete ${service}`,
      diffs: [{ title: service, before: textOf(found), after: '' }],
      fields,
    };
  }
  return decidePresent(wanted, found);
}

function decidePresent(wanted: WantedService, found: Service | undefined): Verdict<ServiceChanges> {
  const { service } = wanted;
  const options: ServiceOptions = { ...NEW_SERVICE, ...found?.options, ...wanted.options };
  const there = new Map(found?.servers.map((each) => [each.server, each]));
  const servers = wanted.servers.map((each): RealServer => {
    const old = there.get(each.server);
    return {
      server: each.server,
      forwarding: each.forwarding ?? old?.forwarding ?? 'gatewaying',
      weight: each.weight ?? old?.weight ?? 1,
      others: old?.others ?? '',
    };
  });
  const foreign = [...there.values()].filter(({ server }) => servers.every((each) => each.server !== server));
  const commands: ServiceChanges['commands'][number][] = [];
  const said: string[] = [];
  if (found === undefined || optionWords(found.options) !== optionWords(options)) {
    commands.push({ letter: found === undefined ? 'A' : 'E', words: optionWords(options) });
    said.push(`${found === undefined ? 'add' : 'edit'} ${service} ${optionWords(options)}`);
  }
  for (const server of servers) {
    const old = there.get(server.server);
    if (old !== undefined && serverWords(old) === serverWords(server)) continue;
    commands.push({
      letter: old === undefined ? 'a' : 'e',
      words: `-r ${server.server} ${serverWords(server)}`,
    });
    said.push(`${old === undefined ? 'add' : 'edit'} ${server.server} ${serverWords(server)}`);
  }
  if (wanted.exclusive) {
    for (const { server } of foreign) {
      commands.push({ letter: 'd', words: `-r ${server}` });
      said.push(`delete ${server}`);
    }
  }
  const fields = { service };
  if (commands.length === 0) return { kind: 'unchanged', fields };
  const after = { service, options, servers: wanted.exclusive ? servers : [...foreign, ...servers] };
  const diff: Diff = {
    title: service,
    before: found === undefined ? '' : textOf(found),
    after: textOf(after),
  };
  return { kind: 'change', changes: { commands }, message: said.join(', '), diffs: [diff], fields };
}

const NEW_SERVICE: ServiceOptions = {
  scheduler: 'wlc',
  persistent: 0,
  netmask: '',
  schedFlags: [],
  ops: false,
  others: '',
};

/** Servers in one order: that of ipvsadm is by address, and new ones are not yet in it. */
function textOf({ service, options, servers }: Service): string {
  const lines = servers.map((server) => `${server.server} ${serverWords(server)}\n`).toSorted();
  return `${service} ${optionWords(options)}\n${lines.join('')}`;
}

/** What somebody else has added in the meantime is edited, and what is gone already is no failure. */
function changeScript(wanted: WantedService, changes: ServiceChanges): string {
  const service = wanted.service.split(' ').map(quote).join(' ');
  const lines = changes.commands.map(({ letter, words }) => {
    const quoted = words === '' ? '' : ` ${words.split(' ').map(quote).join(' ')}`;
    switch (letter) {
      case 'A':
        return `add A E ${service}${quoted}`;
      case 'a':
        return `add a e ${service}${quoted}`;
      case 'D':
      case 'd':
        return `drop -${letter} ${service}${quoted}`;
      default:
        return `ipvsadm -${letter} ${service}${quoted}`;
    }
  });
  return `${FIND_IPVSADM}
add() {
  add=$1 edit=$2
  shift 2
  if said=$(ipvsadm "-$add" "$@" 2>&1); then return 0; fi
  case $said in
    *'already exists'*) ipvsadm "-$edit" "$@" ;;
    *)
      printf '%s\\n' "$said" >&2
      return 1
      ;;
  esac
}
drop() {
  if said=$(ipvsadm "$@" 2>&1); then return 0; fi
  case $said in
    *'No such service'* | *'No such destination'*) return 0 ;;
  esac
  printf '%s\\n' "$said" >&2
  return 1
}
${lines.join('\n')}`;
}
