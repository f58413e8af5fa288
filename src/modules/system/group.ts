// Groups of accounts, kept by groupadd and its family or by BusyBox's addgroup and delgroup.
import { quote } from '../../shell.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import {
  type AccountTools,
  accountId,
  accountName,
  beyondBusybox,
  DETECT_TOOLS,
  ID_TYPE,
  NO_TOOLS,
  SYSTEM_PATH,
  saidOf,
  toolsOf,
} from './accounts.ts';

interface Args {
  readonly name: string;
  readonly state?: 'present' | 'absent';
  readonly gid?: number | string;
  readonly system?: boolean;
  readonly non_unique?: boolean;
}

export interface WantedGroup {
  readonly name: string;
  readonly state: 'present' | 'absent';
  readonly gid: number | undefined;
  readonly system: boolean;
  readonly nonUnique: boolean;
}

export interface GroupChanges {
  readonly action: 'add' | 'modify' | 'remove';
  readonly tools: AccountTools;
}

export const group: HostModule<Args, WantedGroup, GroupChanges> = {
  kind: 'host',
  name: 'group',
  summary: 'Keeps a group of accounts.',
  returns: {
    name: 'The group.',
    state: 'present or absent.',
    system: 'Whether a group of the system was asked for.',
    gid: 'Its number.',
  },
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, description: 'Name of the group.' },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description: 'Whether the group shall be there.',
      },
      gid: {
        type: ID_TYPE,
        description: 'Its number. BusyBox cannot change that of a group that is there.',
      },
      system: {
        type: 'boolean',
        default: false,
        description: 'A new group gets a number of the range for system groups.',
      },
      non_unique: {
        type: 'boolean',
        default: false,
        description: 'With gid: another group may have that number already. Not with BusyBox.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    if (args.non_unique === true && args.gid === undefined) {
      throw new ArgumentError('non_unique', 'non_unique needs the gid that may be shared');
    }
    return {
      name: accountName('name', args.name, 'group'),
      state: args.state ?? 'present',
      gid: args.gid === undefined ? undefined : accountId('gid', args.gid),
      system: args.system ?? false,
      nonUnique: args.non_unique ?? false,
    };
  },

  reads: () => ['file:/etc/group'],
  writes: () => ['file:/etc/group', 'file:/etc/gshadow'],
  inspect: ({ name }) => ({
    script: `set +eu\n${DETECT_TOOLS}\nprintf 'tools=%s\\n' "$tools"\n${groupScript(name)}`,
  }),
  decide,

  change: (wanted, { action, tools }) => ({
    script: [SYSTEM_PATH, commandLine(wanted, action, tools), 'set +eu', groupScript(wanted.name)].join('\n'),
  }),

  conclude,
};

/** Prints `group=…`, the group's line in group(5). */
function groupScript(name: string): string {
  return `line=$(awk -F: -v name=${quote(name)} '$1 == name { print; exit }' /etc/group)
if [ -z "$line" ]; then line=$(getent group ${quote(name)} 2>/dev/null); fi
if [ -n "$line" ]; then printf 'group=%s\\n' "$line"; fi`;
}

function gidOf(output: Output): number | undefined {
  const gid = saidOf(output, 'group')[0]?.split(':')[2];
  return gid === undefined ? undefined : Number(gid);
}

function decide(wanted: WantedGroup, { output }: Inspected): Verdict<GroupChanges> {
  const { name, state } = wanted;
  const tools = toolsOf(output);
  const gid = gidOf(output);
  const fields = { name, state, system: wanted.system, ...(gid !== undefined && { gid }) };
  const to = wanted.gid === undefined ? '' : `, gid ${wanted.gid}`;
  let action: GroupChanges['action'];
  let message: string;
  if (state === 'absent') {
    if (gid === undefined) return { kind: 'unchanged', fields };
    action = 'remove';
    message = `remove the group ${name}`;
  } else if (gid === undefined) {
    action = 'add';
    message = `add the group ${name}${to}`;
  } else {
    if (wanted.gid === undefined || wanted.gid === gid) return { kind: 'unchanged', fields };
    action = 'modify';
    message = `${name}: gid ${gid} → ${wanted.gid}`;
  }
  if (tools === 'none') return NO_TOOLS;
  if (tools === 'busybox') {
    if (action === 'modify') return beyondBusybox(`change the gid of ${name} from ${gid} to ${wanted.gid}`);
    if (wanted.nonUnique && action === 'add') return beyondBusybox('give two groups one gid');
  }
  return {
    kind: 'change',
    changes: { action, tools },
    message,
    diffs: [
      {
        title: `group ${name}`,
        before: gid === undefined ? '' : `gid: ${gid}\n`,
        after: state === 'absent' ? '' : `gid: ${wanted.gid ?? '(the next one)'}\n`,
      },
    ],
    fields,
  };
}

function commandLine(wanted: WantedGroup, action: GroupChanges['action'], tools: AccountTools): string {
  const name = quote(wanted.name);
  const gid = wanted.gid === undefined ? '' : ` -g ${wanted.gid}`;
  const shared = wanted.nonUnique ? ' -o' : '';
  if (action === 'remove') return tools === 'busybox' ? `delgroup ${name} >&2` : `groupdel ${name} >&2`;
  if (action === 'modify') return `groupmod${gid}${shared} ${name} >&2`;
  return tools === 'busybox'
    ? `addgroup${wanted.system ? ' -S' : ''}${gid} ${name} >&2`
    : `groupadd${wanted.system ? ' -r' : ''}${gid}${shared} ${name} >&2`;
}

function conclude(wanted: WantedGroup, _changes: GroupChanges, output: Output): Conclusion {
  if (output.exitCode !== 0) {
    return { kind: 'failed', message: output.stderr.trim() || `exited ${output.exitCode}` };
  }
  const gid = gidOf(output);
  if ((gid === undefined) !== (wanted.state === 'absent')) {
    const found = gid === undefined ? 'is not there' : 'is still there';
    return { kind: 'failed', message: `the command succeeded, and the group ${wanted.name} ${found}` };
  }
  return { kind: 'changed', fields: gid === undefined ? {} : { gid } };
}
