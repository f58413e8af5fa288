// One address on one device, now. What is to survive a reboot belongs into a boot script.
import { quote } from '../../shell.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { type Family, INTERFACE, prefixOf } from './addresses.ts';
import {
  beyondBusybox,
  CHANGE_BY_IP,
  familyFlag,
  type HostIp,
  INSPECT_IP,
  numberOf,
  numberOrFailure,
  readInspection,
  SCOPE_NAME,
} from './ip-command.ts';

interface Args {
  readonly address: string;
  readonly dev: string;
  readonly label?: string;
  readonly scope?: string | number;
  readonly nodad?: boolean;
  readonly wait_s?: number;
  readonly state?: 'present' | 'absent';
}

export interface WantedAddress {
  readonly family: Family;
  /** With its length, always. */
  readonly address: string;
  readonly network: string;
  readonly dev: string;
  readonly label: string | undefined;
  readonly scope: string | number | undefined;
  readonly nodad: boolean;
  readonly waitSeconds: number;
  readonly state: 'present' | 'absent';
}

export interface AddressChanges {
  /** Addresses that go first. */
  readonly remove: readonly string[];
  readonly add: boolean;
  readonly scope: number | undefined;
}

interface FoundAddress {
  readonly address: string;
  readonly network: string;
  readonly isPeer: boolean;
  readonly scope: number | undefined;
  readonly label: string | undefined;
  readonly flags: readonly string[];
}

export const ipAddress: HostModule<Args, WantedAddress, AddressChanges> = {
  kind: 'host',
  name: 'ip_address',
  summary:
    'Puts an address on a device or takes it away, now; boot_script is for what shall survive a reboot.',
  touchesNetwork: () => true,
  returns: { address: 'The address with its prefix length.', dev: 'The device.' },
  schema: {
    type: 'object',
    properties: {
      address: {
        type: 'string',
        anyOf: [{ format: 'cidr4' }, { format: 'cidr6' }],
        hint: 'write an address with its prefix length, such as 192.0.2.10/24 or 2001:db8::10/64',
        description: 'Address with its prefix length. A single one has /32 or /128.',
      },
      dev: { ...INTERFACE, description: 'Device.' },
      label: {
        type: 'string',
        minLength: 1,
        description: "IPv4: the device's name, a colon and more, as eth0:1. Unsaid: not compared.",
      },
      scope: {
        type: ['string', 'integer'],
        minimum: 0,
        maximum: 255,
        description: 'global, site, link, host, another name on the host, or a number. Unsaid: not compared.',
      },
      nodad: {
        type: 'boolean',
        default: false,
        description: 'IPv6: use a new address without asking the link whether somebody else has it.',
      },
      wait_s: {
        type: 'integer',
        minimum: 0,
        maximum: 600,
        default: 5,
        description:
          'IPv6: how many seconds a new address may stay tentative; after that it is a failure. 0 does not wait.',
      },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description:
          'absent takes this address with this prefix length away; routes that have it as src go along.',
      },
    },
    required: ['address', 'dev'],
    additionalProperties: false,
  },

  prepare(args) {
    const prefix = prefixOf(args.address);
    if (prefix === undefined) throw new ArgumentError('address', `${args.address} is no address`);
    const { family, network, length } = prefix;
    if (args.label !== undefined) {
      if (family === 'inet6') throw new ArgumentError('label', 'an IPv6 address has no label');
      if (args.label !== args.dev && !args.label.startsWith(`${args.dev}:`)) {
        throw new ArgumentError('label', `a label of ${args.dev} begins with ${args.dev}:`);
      }
      if (/[\s/]/.test(args.label) || args.label.length > 15) {
        throw new ArgumentError('label', 'a label has 15 characters at most, no blank and no slash');
      }
    }
    return {
      family,
      address: `${prefix.text.split('/')[0]}/${length}`,
      network: `${network}/${length}`,
      dev: args.dev,
      label: args.label,
      scope: args.scope,
      nodad: args.nodad ?? false,
      waitSeconds: args.wait_s ?? 5,
      state: args.state ?? 'present',
    };
  },

  reads: () => ['routing'],
  writes: () => ['routing'],
  inspect: (wanted) => ({ script: inspectScript(wanted) }),
  decide,
  change: (wanted, changes) => ({ script: changeScript(wanted, changes) }),
  conclude,
};

function inspectScript(wanted: WantedAddress): string {
  const flag = familyFlag(wanted.family);
  // A 1 in either file counts: then the addresses of a network outlive the first of them. By cat, as with all of
  // /proc/sys: a shell reads byte by byte, and gets nothing.
  const promotion =
    wanted.family === 'inet6'
      ? ''
      : `case $(cat /proc/sys/net/ipv4/conf/all/promote_secondaries ${quote(`/proc/sys/net/ipv4/conf/${wanted.dev}/promote_secondaries`)} 2>/dev/null) in
  *1*) echo '== promotes' ;;
esac
`;
  return `${INSPECT_IP}
${promotion}echo '== addresses'
"$ip" -o ${flag} addr show dev ${quote(wanted.dev)}
echo "== status $?"
exit 0`;
}

function decide(wanted: WantedAddress, inspected: Inspected): Verdict<AddressChanges> {
  const read = readInspection(inspected);
  if (typeof read === 'string') return { kind: 'failed', message: read };
  const { host, sections } = read;
  const { address, dev } = wanted;
  const fields = { address, dev };
  if (!sections.has('status 0')) {
    const reason = inspected.output.stderr.trim();
    if (!/does not exist|can't find device|cannot find device/i.test(reason)) {
      return { kind: 'failed', message: reason || 'ip does not say which addresses there are' };
    }
    if (wanted.state === 'present') return { kind: 'failed', message: `there is no device ${dev}`, fields };
    return { kind: 'unchanged', message: `there is no device ${dev}`, fields };
  }
  const found = (sections.get('addresses') ?? []).flatMap((line) => readAddress(line, host) ?? []);
  const same = found.find((each) => each.address === address && !each.isPeer);
  const goesAlong = (leaving: FoundAddress) =>
    wanted.family === 'inet' && !sections.has('promotes') ? secondariesOf(leaving, found) : [];

  if (wanted.state === 'absent') {
    if (same === undefined) return { kind: 'unchanged', fields };
    const lost = goesAlong(same);
    if (lost.length > 0) return wouldLose(wanted, lost);
    const diff = { title: `addresses of ${dev}`, before: `${textOf(same)}\n`, after: '' };
    return {
      kind: 'change',
      changes: { remove: [address], add: false, scope: undefined },
      message: `remove ${address} from ${dev}`,
      diffs: [diff],
      fields,
    };
  }

  const scope =
    wanted.scope === undefined ? undefined : numberOrFailure(host.scopes, wanted.scope, SCOPE_NAME);
  if (typeof scope === 'object') return scope;
  if (wanted.nodad && host.kind === 'busybox') return beyondBusybox('nodad');
  // IPv6 has an address once on a device, whatever its prefix length.
  const bare = address.split('/')[0];
  const old =
    same ??
    (wanted.family === 'inet6' ? found.find((each) => each.address.split('/')[0] === bare) : undefined);
  const differs =
    same === undefined ||
    same.flags.includes('dadfailed') ||
    (scope !== undefined && same.scope !== scope) ||
    (wanted.label !== undefined && same.label !== wanted.label);
  if (!differs) {
    const notes = [
      ...(same.flags.includes('tentative') ? ['it is tentative still'] : []),
      ...(same.flags.includes('dynamic')
        ? ['it is dynamic: it ends when who gave it does not renew it']
        : []),
    ];
    return { kind: 'unchanged', ...(notes.length > 0 && { message: notes.join('; ') }), fields };
  }
  const lost = old === undefined ? [] : goesAlong(old);
  if (lost.length > 0) return wouldLose(wanted, lost);
  const after = [
    address,
    ...(wanted.scope === undefined ? [] : [`scope ${wanted.scope}`]),
    ...(wanted.label === undefined ? [] : [`label ${wanted.label}`]),
  ].join(' ');
  return {
    kind: 'change',
    changes: { remove: old === undefined ? [] : [old.address], add: true, scope },
    message: old === undefined ? `add ${after} to ${dev}` : `replace ${textOf(old)} on ${dev} by ${after}`,
    diffs: [
      {
        title: `addresses of ${dev}`,
        before: old === undefined ? '' : `${textOf(old)}\n`,
        after: `${after}\n`,
      },
    ],
    fields,
  };
}

/** The other addresses of its network, which the kernel takes away with the first of them. */
function secondariesOf(leaving: FoundAddress, found: readonly FoundAddress[]): readonly FoundAddress[] {
  if (leaving.flags.includes('secondary')) return [];
  return found.filter((each) => each.flags.includes('secondary') && each.network === leaving.network);
}

function wouldLose(wanted: WantedAddress, lost: readonly FoundAddress[]): Verdict<never> {
  return {
    kind: 'failed',
    message: `${lost.map(({ address }) => address).join(' and ')} would go from ${wanted.dev} along with ${wanted.address}, the first of the network`,
    hint: `set net.ipv4.conf.${wanted.dev}.promote_secondaries to 1 first`,
  };
}

const VALUED = ['brd', 'broadcast', 'any', 'scope', 'metric', 'proto', 'protocol'];

/** `2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global secondary eth0:1\       valid_lft …`. */
function readAddress(line: string, host: HostIp): FoundAddress | undefined {
  const words = (line.split('\\')[0] ?? '').trim().split(/\s+/);
  const family = words[2];
  let local = words[3] ?? '';
  if (family !== 'inet' && family !== 'inet6') return undefined;
  let at = 4;
  let isPeer = false;
  if (words[at] === 'peer') {
    isPeer = true;
    // The length is said with the other end.
    local = `${local.split('/')[0]}/${words[at + 1]?.split('/')[1] ?? ''}`;
    at += 2;
  }
  const prefix = prefixOf(local);
  if (prefix === undefined) return undefined;
  const flags: string[] = [];
  let scope: number | undefined;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!VALUED.includes(word)) flags.push(word);
    else {
      at++;
      if (word === 'scope') scope = numberOf(host.scopes, words[at] ?? '');
    }
  }
  return {
    address: `${prefix.text.split('/')[0]}/${prefix.length}`,
    network: `${prefix.network}/${prefix.length}`,
    isPeer,
    scope,
    label: family === 'inet' ? flags.pop() : undefined,
    flags,
  };
}

function textOf(found: FoundAddress): string {
  return [
    found.address,
    ...(found.scope === undefined || found.scope === 0 ? [] : [`scope ${found.scope}`]),
    ...(found.label === undefined ? [] : [`label ${found.label}`]),
    ...found.flags,
  ].join(' ');
}

function changeScript(wanted: WantedAddress, changes: AddressChanges): string {
  const flag = familyFlag(wanted.family);
  const dev = quote(wanted.dev);
  const parts = [CHANGE_BY_IP];
  for (const address of changes.remove) parts.push(`drop ${flag} addr del ${quote(address)} dev ${dev}`);
  if (!changes.add) return parts.join('\n');
  const words = [
    quote(wanted.address),
    `dev ${dev}`,
    ...(wanted.label === undefined ? [] : [`label ${quote(wanted.label)}`]),
    ...(changes.scope === undefined ? [] : [`scope ${changes.scope}`]),
    ...(wanted.nodad && wanted.family === 'inet6' ? ['nodad'] : []),
  ].join(' ');
  parts.push(`if ! said=$("$ip" ${flag} addr add ${words} 2>&1); then
  case $said in
    *'File exists'* | *'already assigned'*) ;;
    *)
      printf '%s\\n' "$said" >&2
      exit 1
      ;;
  esac
fi`);
  if (wanted.family === 'inet6' && wanted.waitSeconds > 0) parts.push(waitForDad(wanted));
  return parts.join('\n');
}

/** Status 3: somebody else on the link has it, 4: nobody knows yet. */
function waitForDad(wanted: WantedAddress): string {
  // Which spelling of an address ip prints is its own affair; ip finds it by any.
  return `left=${wanted.waitSeconds}
while :; do
  said=$("$ip" -o -6 addr show dev ${quote(wanted.dev)} to ${quote(wanted.address.split('/')[0] ?? '')})
  case $said in
    *dadfailed*) exit 3 ;;
    *tentative*) ;;
    *) break ;;
  esac
  if [ "$left" -eq 0 ]; then exit 4; fi
  sleep 1
  left=$((left - 1))
done`;
}

function conclude(wanted: WantedAddress, changes: AddressChanges, output: Output): Conclusion {
  const { exitCode } = output;
  if (exitCode === 0) return { kind: 'changed' };
  if (exitCode === 3 && changes.add) {
    return { kind: 'failed', message: `somebody else on the link of ${wanted.dev} has ${wanted.address}` };
  }
  if (exitCode === 4 && changes.add) {
    return {
      kind: 'failed',
      message: `${wanted.address} is tentative still after ${wanted.waitSeconds} s`,
      hint: `is ${wanted.dev} up, and has it a carrier? wait_s: 0 does not wait`,
    };
  }
  return { kind: 'failed', message: output.stderr.trim() || `ip exited ${exitCode}` };
}
