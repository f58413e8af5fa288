// Accounts of users. What is wanted is in user-wish.ts, what differs in user-state.ts, and which programs make it so in
// user-commands.ts. A password's hash goes to the host to be compared there, and never comes back.
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import {
  ACCOUNT_FILES,
  type Account,
  accountOf,
  accountScript,
  beyondBusybox,
  ID_TYPE,
  NO_TOOLS,
  SYSTEM_PATH,
  toolsOf,
} from './accounts.ts';
import { beyondTools, type UserChanges, userScript } from './user-commands.ts';
import {
  dateOf,
  differencesOf,
  inspectScript,
  type KnownGroup,
  knownGroups,
  moves,
  namesOf,
} from './user-state.ts';
import { type UserArgs, type WantedUser, wantedUser } from './user-wish.ts';

export const user: HostModule<UserArgs, WantedUser, UserChanges> = {
  kind: 'host',
  name: 'user',
  summary: "Keeps a user's account.",
  returns: {
    name: 'The user.',
    state: 'present or absent.',
    uid: 'Its number.',
    group: 'Number of its first group.',
    groups: 'Further groups, as asked for.',
    append: 'Whether other groups stay.',
    home: 'Home folder.',
    shell: 'Login shell.',
    comment: 'Full name and so on.',
    password: 'Never the password.',
    create_home: 'As asked for.',
    move_home: 'As asked for.',
    system: 'As asked for.',
    remove: 'As asked for.',
    force: 'As asked for.',
  },
  schema: {
    type: 'object',
    properties: {
      name: { aliases: ['user'], type: 'string', minLength: 1, description: 'Name of the user.' },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description: 'Whether the account shall be there.',
      },
      uid: { type: ID_TYPE, description: 'Its number.' },
      non_unique: {
        type: 'boolean',
        default: false,
        description: 'With uid: another user may have that number already.',
      },
      group: { type: ['string', 'integer'], description: 'Primary group, by name or number.' },
      groups: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: ['string', 'integer'] } }],
        description:
          'The other groups that the user is in, as a list or with commas between. An empty one: none at all.',
      },
      append: {
        type: 'boolean',
        default: false,
        description: 'The user also stays in groups that are not listed.',
      },
      comment: { type: 'string', description: 'Full name or what the account is for.' },
      home: { type: 'string', description: 'Home folder.' },
      create_home: {
        aliases: ['createhome'],
        type: 'boolean',
        default: true,
        description: 'Make the home folder where it is missing, for an account that is there too.',
      },
      move_home: {
        type: 'boolean',
        default: false,
        description: 'When home changes, what is in the old folder moves along.',
      },
      skeleton: { type: 'string', description: 'Folder whose files a new home begins with.' },
      shell: { type: 'string', description: 'Login shell.' },
      password: {
        type: 'string',
        description: 'Hash of the password, as crypt(5) makes it; "!" or "*": no password fits.',
      },
      update_password: {
        enum: ['always', 'on_create'],
        default: 'always',
        description: 'Whether the password of an account that is there is changed too.',
      },
      password_lock: {
        type: 'boolean',
        description: 'Lock or unlock the password. Unsaid: it stays as it is.',
      },
      expires: {
        type: ['number', 'string'],
        description: 'When the account expires, in seconds since 1970; a negative number: never.',
      },
      system: {
        type: 'boolean',
        default: false,
        description: 'A new account gets a number of the range for system accounts.',
      },
      remove: {
        type: 'boolean',
        default: false,
        description: 'With state: absent, the home folder goes too.',
      },
      force: {
        type: 'boolean',
        default: false,
        description: 'With state: absent, also while the user is logged in. Not with BusyBox.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare: wantedUser,
  reads: (wanted) => [
    ...ACCOUNT_FILES,
    ...(wanted.home === undefined ? [] : [`file:${wanted.home}` as const]),
  ],
  writes: (wanted) => [
    ...ACCOUNT_FILES,
    'file:/etc/gshadow',
    // Where the home folder is, is only known on the host.
    ...(wanted.home !== undefined && !wanted.moveHome && !wanted.remove && wanted.uid === undefined
      ? ([`file:${wanted.home}`] as const)
      : (['*'] as const)),
  ],
  inspect: (wanted) => ({ script: inspectScript(wanted) }),
  decide,

  change: (wanted, changes) => ({
    script: [SYSTEM_PATH, userScript(wanted, changes), 'set +eu', accountScript(wanted.name)].join('\n'),
  }),

  conclude,
};

function decide(wanted: WantedUser, { output }: Inspected): Verdict<UserChanges> {
  const account = accountOf(output);
  const tools = toolsOf(output);
  const fields = { ...fieldsOf(wanted, account), append: wanted.append };
  if (wanted.state === 'absent') {
    if (account === undefined) return { kind: 'unchanged', fields };
    if (tools === 'none') return NO_TOOLS;
    if (tools === 'busybox' && wanted.force) return beyondBusybox('remove a user who is logged in');
    const also = wanted.remove ? ` and ${account.home}` : '';
    return {
      kind: 'change',
      changes: { kind: 'remove', tools },
      message: `remove the user ${wanted.name}${also}`,
      diffs: [{ title: `user ${wanted.name}`, before: accountText(account), after: '' }],
      fields,
    };
  }
  const known = knownGroups(output);
  const asked = [...(wanted.group === undefined ? [] : [wanted.group]), ...(wanted.groups ?? [])];
  const missing = asked.find((one) => !known.some((group) => group.asked === one));
  if (missing !== undefined) {
    const hint = 'make it in a task before, with group';
    return { kind: 'failed', message: `there is no group ${missing} on the host`, hint };
  }
  if (tools === 'none') return NO_TOOLS;
  if (account === undefined) return decideNew(wanted, { tools, known });
  const differences = differencesOf(wanted, { account, output, known });
  if (differences.length === 0) return { kind: 'unchanged', fields };
  const beyond = tools === 'busybox' ? beyondTools(differences) : undefined;
  if (beyond !== undefined) return beyondBusybox(beyond);
  return {
    kind: 'change',
    changes: { kind: 'modify', tools, account, differences, movesHome: moves(wanted, account, output) },
    message: `${wanted.name}: ${differences.map(({ name, from, to }) => `${name} ${shown(from)} → ${shown(to)}`).join(', ')}`,
    diffs: [
      {
        title: `user ${wanted.name}`,
        before: differences.map(({ name, from }) => `${name}: ${from}\n`).join(''),
        after: differences.map(({ name, to }) => `${name}: ${to}\n`).join(''),
      },
    ],
    fields,
  };
}

function decideNew(
  wanted: WantedUser,
  host: { readonly tools: UserChanges['tools']; readonly known: readonly KnownGroup[] },
): Verdict<UserChanges> {
  const { tools, known } = host;
  if (tools === 'busybox') {
    if (wanted.expires !== undefined && wanted.expires !== null)
      return beyondBusybox('let an account expire');
    if (wanted.nonUnique) return beyondBusybox('give two users one uid');
  }
  const groupNames = namesOf(wanted.groups, known);
  const primary = wanted.group === undefined ? undefined : namesOf([wanted.group], known)[0];
  const told = {
    uid: wanted.uid,
    group: primary,
    groups: groupNames.length === 0 ? undefined : groupNames.join(','),
    comment: wanted.comment,
    home: wanted.home,
    shell: wanted.shell,
    password: wanted.password === undefined ? undefined : '(set)',
    expires: wanted.expires == null ? undefined : dateOf(wanted.expires),
  };
  const after = Object.entries({ name: wanted.name, ...told })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\n`);
  return {
    kind: 'change',
    changes: { kind: 'add', tools, primary, groups: groupNames },
    message: `add the user ${wanted.name}`,
    diffs: [{ title: `user ${wanted.name}`, before: '', after: after.join('') }],
    fields: { ...fieldsOf(wanted, undefined), append: wanted.append },
  };
}

function shown(value: string): string {
  return value === '' ? '(none)' : value;
}

function accountText({ uid, gid, comment, home, shell }: Account): string {
  return `uid: ${uid}\ngroup: ${gid}\ncomment: ${comment}\nhome: ${home}\nshell: ${shell}\n`;
}

function fieldsOf(wanted: WantedUser, account: Account | undefined) {
  const { name, state, createHome, moveHome, system, remove, force, groups } = wanted;
  const { uid, gid: group, comment, home, shell } = account ?? {};
  const common = { name, state, ...(wanted.password !== undefined && { password: 'NOT_LOGGING_PASSWORD' }) };
  if (state === 'absent') return { ...common, remove, force };
  return {
    ...common,
    create_home: createHome,
    move_home: moveHome,
    system,
    ...(groups !== undefined && { groups: groups.join(',') }),
    ...(account !== undefined && { uid, group, comment, home, shell }),
  };
}

function conclude(wanted: WantedUser, _changes: UserChanges, output: Output): Conclusion {
  if (output.exitCode !== 0) {
    return { kind: 'failed', message: output.stderr.trim() || `exited ${output.exitCode}` };
  }
  const account = accountOf(output);
  if ((account === undefined) !== (wanted.state === 'absent')) {
    const found = account === undefined ? 'is not there' : 'is still there';
    return { kind: 'failed', message: `the command succeeded, and the user ${wanted.name} ${found}` };
  }
  return { kind: 'changed', fields: fieldsOf(wanted, account) };
}
