// One rule of the routing policy, now. What is to survive a reboot belongs into a boot script.
//
// A rule is what all of its words say, its proto among them: the kernel holds rules side by side that differ in one of
// them, and kernels before 4.8 even rules that differ in none. So nothing is added that is there, and what is there
// twice goes once.
import { words } from '../../shell.ts';
import type { HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { destinationArgument, type Family, familyName, INTERFACE, oneFamily } from './addresses.ts';
import {
  BUSYBOX_LAST_TABLE,
  beyondBusybox,
  CHANGE_BY_IP,
  familyFlag,
  type HostIp,
  INSPECT_IP,
  type NameFailure,
  numberOrFailure,
  PROTO_NAME,
  readInspection,
  TABLE_NAME,
} from './ip-command.ts';
import {
  fitsAddition,
  fitsDeletion,
  markOf,
  RULE_ACTIONS,
  type Rule,
  readRule,
  ruleWords,
  sameButProto,
} from './rule-text.ts';

interface Args {
  readonly priority: number;
  readonly family?: Family;
  readonly not?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: string | number;
  readonly ipproto?: string | number;
  readonly sport?: string | number;
  readonly dport?: string | number;
  readonly action?: (typeof RULE_ACTIONS)[number];
  readonly table?: string | number;
  readonly suppress_prefixlength?: number;
  readonly proto?: string | number;
  readonly state?: 'present' | 'absent';
}

/** The rule as far as it is known without the host, which knows names. */
export interface WantedRule {
  readonly family: Family;
  readonly rule: Rule;
  readonly table: string | number | undefined;
  readonly ipproto: string | number | undefined;
  readonly proto: string | number | undefined;
  readonly state: 'present' | 'absent';
}

export interface RuleChanges {
  /** Words of ip after `rule`: `add` or `del` first. */
  readonly commands: readonly (readonly string[])[];
}

// 65535 is no port to the rules of the kernel (fib_rule_port_range_valid in net/fib_rules.h).
const LAST_PORT = 65534;

const PORTS = {
  type: ['string', 'integer'],
  minimum: 1,
  maximum: LAST_PORT,
};

export const ipRule: HostModule<Args, WantedRule, RuleChanges> = {
  kind: 'host',
  name: 'ip_rule',
  summary:
    'Adds or deletes one rule of the routing policy, now; boot_script is for what shall survive a reboot.',
  touchesNetwork: () => true,
  returns: { rule: 'The rule, in the words of ip.' },
  schema: {
    type: 'object',
    properties: {
      priority: {
        type: 'integer',
        minimum: 0,
        maximum: 4294967295,
        description:
          'Place in the order of the rules. Always needed: without it the kernel would choose one.',
      },
      family: {
        enum: ['inet', 'inet6'],
        description: 'Unsaid, from and to tell; where neither does, inet.',
      },
      not: { type: 'boolean', default: false, description: 'The rule is for what does not match.' },
      from: { type: 'string', description: 'Source: a prefix, an address, or all.' },
      to: { type: 'string', description: 'Destination: a prefix, an address, or all.' },
      iif: {
        ...INTERFACE,
        description: 'Device that the packet came in by; lo for packets of the host itself.',
      },
      oif: { ...INTERFACE, description: 'Device that a socket of the host is bound to.' },
      fwmark: {
        type: ['string', 'integer'],
        minimum: 0,
        maximum: 4294967295,
        description: 'Mark, or MARK/MASK, as 0x100/0xff00.',
      },
      ipproto: {
        type: ['string', 'integer'],
        minimum: 1,
        maximum: 255,
        description: 'Protocol above IP, by number or by a name that the host knows, as tcp.',
      },
      sport: { ...PORTS, description: 'Source port or range, as 1000-2000.' },
      dport: { ...PORTS, description: 'Destination port or range, as 1000-2000.' },
      action: {
        enum: RULE_ACTIONS,
        default: 'lookup',
        description: 'What becomes of the packet; lookup goes on in the table.',
      },
      table: {
        type: ['string', 'integer'],
        minimum: 1,
        maximum: 4294967295,
        description: 'Table for lookup, by number or by a name that the host knows.',
      },
      suppress_prefixlength: {
        type: 'integer',
        minimum: 0,
        maximum: 128,
        description: 'Routes of the table with a prefix of this length or a shorter one are passed over.',
      },
      proto: {
        type: ['string', 'integer'],
        minimum: 1,
        maximum: 255,
        description:
          'Whose rule it is, by number or by a name that the host knows (kernel 4.17). Unsaid: nobody’s. Rules that differ in it are different ones.',
      },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description: 'absent deletes the rule that has all of these words and no others.',
      },
    },
    required: ['priority'],
    additionalProperties: false,
  },

  prepare,
  reads: () => ['routing'],
  writes: () => ['routing'],

  inspect: (wanted) => ({
    // With details it says of each rule whose it is, where the kernel knows that.
    script: `${INSPECT_IP}
details=
if [ "$kind" = iproute2 ]; then details=-d; fi
echo '== rules'
"$ip" $details -o ${familyFlag(wanted.family)} rule show
echo "== status $?"
exit 0`,
  }),

  decide,
  change: (wanted, changes) => ({ script: changeScript(wanted, changes) }),
};

function prepare(args: Args): WantedRule {
  const from = args.from === undefined ? undefined : destinationArgument('from', args.from);
  const to = args.to === undefined ? undefined : destinationArgument('to', args.to);
  const action = args.action ?? 'lookup';
  if (action === 'lookup' && args.table === undefined) {
    throw new ArgumentError('table', 'lookup needs a table', 'main is the usual one');
  }
  if (action !== 'lookup') {
    const wrong = args.table !== undefined ? 'table' : 'suppress_prefixlength';
    if (args[wrong] !== undefined) throw new ArgumentError(wrong, `${action} looks into no table`);
  }
  const all = (text: string | undefined) => (text === 'default' ? undefined : text);
  return {
    family: oneFamily([
      { argument: 'family', family: args.family },
      { argument: 'from', family: from?.family },
      { argument: 'to', family: to?.family },
    ]),
    table: args.table,
    ipproto: args.ipproto,
    proto: args.proto,
    state: args.state ?? 'present',
    rule: {
      priority: args.priority,
      not: args.not ?? false,
      from: all(from?.text),
      to: all(to?.text),
      iif: args.iif,
      oif: args.oif,
      fwmark: markArgument(args.fwmark),
      ipproto: undefined,
      sport: portArgument('sport', args.sport),
      dport: portArgument('dport', args.dport),
      action,
      suppress_prefixlength: args.suppress_prefixlength,
      proto: 0,
      others: '',
    },
  };
}

function markArgument(said: string | number | undefined): string | undefined {
  if (said === undefined) return undefined;
  const text = markOf(String(said));
  if (text === undefined) {
    throw new ArgumentError('fwmark', `${said} is no mark`, 'write it as 0x100 or 0x100/0xff00');
  }
  const [mark, mask] = text.split('/').map(BigInt);
  if (mark === 0n && mask === undefined) {
    throw new ArgumentError(
      'fwmark',
      'the kernel takes a mark of 0 without a mask for no mark at all',
      'write 0/0xffffff00, with the bits that have to be 0',
    );
  }
  if (mask === 0n) {
    throw new ArgumentError('fwmark', `${said} is no selector: the kernel takes any mark for it`);
  }
  if (mark !== undefined && mask !== undefined && (mark & ~mask) !== 0n) {
    throw new ArgumentError('fwmark', `${said} never matches: the mark has bits outside of its mask`);
  }
  return text;
}

function portArgument(argument: string, said: string | number | undefined): string | undefined {
  if (said === undefined) return undefined;
  const [first = 0, last = first] = String(said).split('-').map(Number);
  if (!/^\d+(-\d+)?$/.test(String(said)) || first < 1 || last > LAST_PORT || first > last) {
    throw new ArgumentError(argument, `${said} is no port and no range of ports from 1 to ${LAST_PORT}`);
  }
  return first === last ? String(first) : `${first}-${last}`;
}

function decide(wanted: WantedRule, inspected: Inspected): Verdict<RuleChanges> {
  const read = readInspection(inspected);
  if (typeof read === 'string') return { kind: 'failed', message: read };
  const { host, sections } = read;
  if (!sections.has('status 0')) {
    return {
      kind: 'failed',
      message: inspected.output.stderr.trim() || 'ip does not say which rules there are',
    };
  }
  const lines = sections.get('rules') ?? [];
  const tagged = lines.some((line) => / proto \S/.test(line));
  const rule = ruleOf(wanted, host);
  if ('kind' in rule) return rule;
  const beyond = host.kind === 'busybox' ? busyboxLimit(rule) : undefined;
  if (beyond !== undefined) return beyond;
  if (!tagged && rule.proto !== 0) {
    return {
      kind: 'failed',
      message: 'rules on this host say not whose they are: proto needs kernel 4.17 and an iproute2 as new',
      hint: 'leave proto out, and keep priorities of its own for each owner',
    };
  }
  const there = lines.flatMap((line) => readRule(line, host) ?? []);
  return verdictOf(wanted, rule, there);
}

function ruleOf(wanted: WantedRule, host: HostIp): Rule | NameFailure {
  const { rule } = wanted;
  const known = (
    names: ReadonlyMap<string, number>,
    said: string | number | undefined,
    what: typeof TABLE_NAME,
  ) => (said === undefined ? undefined : numberOrFailure(names, said, what));
  const table = known(host.tables, wanted.table, TABLE_NAME);
  if (typeof table === 'object') return table;
  const proto = known(host.protocols, wanted.proto, PROTO_NAME);
  if (typeof proto === 'object') return proto;
  const ipproto = known(host.transports, wanted.ipproto, { name: 'ipproto', file: '/etc/protocols' });
  if (typeof ipproto === 'object') return ipproto;
  const action = table === undefined ? rule.action : `${rule.action} ${table}`;
  return { ...rule, action, ipproto, proto: proto ?? 0 };
}

/** It also prints less of a rule than there is; what it cannot say it cannot find either. */
function busyboxLimit(rule: Rule): NameFailure | undefined {
  const unknown = (['not', 'oif', 'ipproto', 'sport', 'dport', 'proto'] as const).find((name) => rule[name]);
  if (unknown !== undefined) return beyondBusybox(`rules with ${unknown}`);
  const [action = '', table = '0'] = rule.action.split(' ');
  if (action !== 'lookup') return beyondBusybox(`rules of type ${action}`);
  if (Number(table) > BUSYBOX_LAST_TABLE) return beyondBusybox(`tables beyond ${BUSYBOX_LAST_TABLE}`);
  return undefined;
}

function verdictOf(wanted: WantedRule, rule: Rule, there: readonly Rule[]): Verdict<RuleChanges> {
  const text = textOf(rule);
  const fields = { rule: text };
  const count = there.filter((each) => sameButProto(each, rule) && each.proto === rule.proto).length;
  const title = `${familyName(wanted.family)} rules`;
  if (wanted.state === 'present' && count === 1) return { kind: 'unchanged', fields };
  if (wanted.state === 'absent' && count === 0) {
    const other = there.find((each) => sameButProto(each, rule));
    if (other === undefined) return { kind: 'unchanged', fields };
    const message = `it is there with ${other.proto === 0 ? 'no proto' : `proto ${other.proto}`}, which is another rule`;
    return { kind: 'unchanged', message, fields };
  }
  if (wanted.state === 'present' && count === 0) {
    const rival = there.find((each) => fitsAddition(rule, each));
    if (rival !== undefined) {
      return {
        kind: 'failed',
        message: `the kernel takes it for a rule of the same priority that is there: ${textOf(rival)}`,
        hint: 'give it another priority',
        fields,
      };
    }
    return {
      kind: 'change',
      changes: { commands: [['add', ...ruleWords(rule)]] },
      message: `add ${text}`,
      diffs: [{ title, before: '', after: `${text}\n` }],
      fields,
    };
  }
  // The kernel deletes the first rule that has what is said, whatever else that one has.
  const first = there.findIndex((each) => sameButProto(each, rule) && each.proto === rule.proto);
  const inFront = there.slice(0, first).filter((each) => fitsDeletion(rule, each));
  const inTheWay = inFront.find((each) => !sameButProto(each, rule));
  if (inTheWay !== undefined) {
    return {
      kind: 'failed',
      message: `ip would delete another rule in its place, which has the same priority and stands before it: ${textOf(inTheWay)}`,
      hint: 'give one of the two another priority',
      fields,
    };
  }
  // Twins with a proto go behind: while one of them is there, no packet notices that the other is not.
  const behind = inFront.flatMap((twin) => [
    ['del', ...ruleWords(twin)],
    ['add', ...ruleWords(twin)],
  ]);
  const surplus = wanted.state === 'absent' ? count : count - 1;
  const deletions = Array.from({ length: surplus }, () => ['del', ...ruleWords(rule)]);
  return {
    kind: 'change',
    changes: { commands: [...behind, ...deletions] },
    message: wanted.state === 'absent' ? `delete ${text}` : `delete what is there twice: ${text}`,
    diffs: [{ title, before: `${text}\n`.repeat(count), after: `${text}\n`.repeat(count - surplus) }],
    fields,
  };
}

function textOf(rule: Rule): string {
  return ruleWords(rule).join(' ');
}

/** Adding what is there already: newer kernels refuse, older ones add it once more, and then that goes again. */
function changeScript(wanted: WantedRule, changes: RuleChanges): string {
  const flag = familyFlag(wanted.family);
  const lines = changes.commands.map((command) =>
    command[0] === 'add' ? `add ${words(...command.slice(1))}` : `drop ${flag} rule ${words(...command)}`,
  );
  if (!changes.commands.some(([what]) => what === 'add')) return [CHANGE_BY_IP, ...lines].join('\n');
  return [
    CHANGE_BY_IP,
    `add() {
  if said=$("$ip" ${flag} rule add "$@" 2>&1); then
    # A new rule is the last of its priority.
    if "$ip" ${flag} -o rule show | awk -v at="$2:" '$1 == at { times[$0]++; last = $0 } END { exit times[last] < 2 }'; then
      drop ${flag} rule del "$@"
    fi
    return 0
  fi
  case $said in *'File exists'*) return 0 ;; esac
  printf '%s\\n' "$said" >&2
  return 1
}`,
    ...lines,
  ].join('\n');
}
