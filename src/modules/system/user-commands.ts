// The commands that add, change and remove an account: useradd and its family, or BusyBox's applets, which can do less.
// Hashes of passwords go through a pipe, for everybody sees a command's words.
import { quote } from '../../shell.ts';
import type { Account, AccountTools } from './accounts.ts';
import { dateOf, type UserDifference } from './user-state.ts';
import type { WantedUser } from './user-wish.ts';

export type UserChanges = { readonly tools: Exclude<AccountTools, 'none'> } & (
  | {
      readonly kind: 'add';
      /** Name of the group asked for. */
      readonly primary: string | undefined;
      readonly groups: readonly string[];
    }
  | {
      readonly kind: 'modify';
      readonly account: Account;
      readonly differences: readonly UserDifference[];
      readonly movesHome: boolean;
    }
  | { readonly kind: 'remove' }
);

/** What BusyBox cannot do of these, in the words behind `a program that can`; undefined: all can be done. */
export function beyondTools(differences: readonly UserDifference[]): string | undefined {
  const able: readonly UserDifference['name'][] = ['groups', 'password', 'password_lock', 'home folder'];
  const beyond = differences.filter(({ name }) => !able.includes(name)).map(({ name }) => name);
  return beyond.length === 0 ? undefined : `change the ${beyond.join(', ')} of an account`;
}

/** Runs under `set -eu`, behind SYSTEM_PATH. */
export function userScript(wanted: WantedUser, changes: UserChanges): string {
  const isShadow = changes.tools === 'shadow';
  switch (changes.kind) {
    case 'add':
      return (isShadow ? addLines(wanted, changes) : busyboxAddLines(wanted, changes)).join('\n');
    case 'modify':
      return (isShadow ? modifyLines(wanted, changes) : busyboxModifyLines(wanted, changes)).join('\n');
    case 'remove':
      return isShadow
        ? `userdel${flag('-f', wanted.force)}${flag('-r', wanted.remove)} ${quote(wanted.name)} >&2`
        : `deluser${flag('--remove-home', wanted.remove)} ${quote(wanted.name)} >&2`;
  }
}

type Adding = Extract<UserChanges, { readonly kind: 'add' }>;
type Modifying = Extract<UserChanges, { readonly kind: 'modify' }>;

function addLines(wanted: WantedUser, { primary, groups }: Adding): readonly string[] {
  const { name, expires } = wanted;
  const options = [
    flag('-r', wanted.system),
    option('-u', wanted.uid),
    flag('-o', wanted.nonUnique),
    primary === undefined ? ' $own' : option('-g', primary),
    groups.length === 0 ? '' : option('-G', groups.join(',')),
    option('-c', wanted.comment),
    option('-d', wanted.home),
    option('-s', wanted.shell),
    expires == null ? '' : option('-e', dateOf(expires)),
    wanted.createHome ? ' -m' : ' -M',
    wanted.createHome ? option('-k', wanted.skeleton) : '',
  ];
  return [
    // A group of that name would be in the way of the one that useradd makes.
    ...(primary === undefined ? [`own=${ownGroupTest(name)}`] : []),
    ...parentLines(wanted),
    ...(primary === undefined ? ['# shellcheck disable=SC2086'] : []),
    `useradd${options.join('')} ${quote(name)} >&2`,
    ...passwordLines(wanted, wanted.lock ?? false),
  ];
}

function busyboxAddLines(wanted: WantedUser, { primary, groups }: Adding): readonly string[] {
  const name = quote(wanted.name);
  const options = [
    flag('-S', wanted.system),
    option('-u', wanted.uid),
    primary === undefined ? ' $own' : option('-G', primary),
    option('-g', wanted.comment),
    option('-h', wanted.home),
    option('-s', wanted.shell),
    flag('-H', !wanted.createHome),
    wanted.createHome ? option('-k', wanted.skeleton) : '',
  ];
  return [
    ...(primary === undefined
      ? [`own=${ownGroupTest(wanted.name)}`, `if [ -n "$own" ]; then own=${quote(`-G ${wanted.name}`)}; fi`]
      : []),
    ...parentLines(wanted),
    ...(primary === undefined ? ['# shellcheck disable=SC2086'] : []),
    `adduser -D${options.join('')} ${name} >&2`,
    ...groups.map((group) => `addgroup ${name} ${quote(group)} >&2`),
    ...passwordLines(wanted, wanted.lock ?? false),
  ];
}

function modifyLines(wanted: WantedUser, { account, differences, movesHome }: Modifying): readonly string[] {
  const to = changeTo(differences);
  const lock = to('password_lock');
  const options = [
    option('-u', to('uid')),
    flag('-o', wanted.nonUnique && to('uid') !== undefined),
    option('-g', to('group')),
    option('-G', to('groups')),
    option('-c', to('comment')),
    option('-d', to('home')),
    flag('-m', movesHome),
    option('-s', to('shell')),
    to('expires') === undefined ? '' : option('-e', wanted.expires == null ? '' : dateOf(wanted.expires)),
    flag('-L', lock === 'true'),
    flag('-U', lock === 'false'),
  ].join('');
  return [
    ...(options === ''
      ? []
      : [...(movesHome ? parentLines(wanted) : []), `usermod${options} ${quote(wanted.name)} >&2`]),
    ...changedPasswordLines(wanted, differences),
    ...homeLines(wanted, account, differences),
  ];
}

function busyboxModifyLines(wanted: WantedUser, { account, differences }: Modifying): readonly string[] {
  const name = quote(wanted.name);
  const groups = differences.find((each) => each.name === 'groups');
  const before = namesIn(groups?.from);
  const after = namesIn(groups?.to);
  const lock = changeTo(differences)('password_lock');
  return [
    ...before.filter((one) => !after.includes(one)).map((one) => `delgroup ${name} ${quote(one)} >&2`),
    ...after.filter((one) => !before.includes(one)).map((one) => `addgroup ${name} ${quote(one)} >&2`),
    ...(lock === undefined ? [] : [`passwd ${lock === 'true' ? '-l' : '-u'} ${name} >&2`]),
    ...changedPasswordLines(wanted, differences),
    ...homeLines(wanted, account, differences),
  ];
}

function changedPasswordLines(wanted: WantedUser, differences: readonly UserDifference[]): readonly string[] {
  const to = changeTo(differences)('password');
  return to === undefined ? [] : passwordLines(wanted, to === '(new, locked)');
}

/** A hash behind `!` is locked, and can be unlocked. */
function passwordLines({ name, password }: WantedUser, isLocked: boolean): readonly string[] {
  if (password === undefined) return [];
  const hash = isLocked && !password.startsWith('!') ? `!${password}` : password;
  return [`printf '%s\\n' ${quote(`${name}:${hash}`)} | chpasswd -e >&2`];
}

/** As useradd makes a home: a copy of the skeleton, with the mode that login.defs(5) says. */
function homeLines(
  wanted: WantedUser,
  account: Account,
  differences: readonly UserDifference[],
): readonly string[] {
  const to = changeTo(differences);
  const home = to('home folder');
  if (home === undefined) return [];
  const owner = `${to('uid') ?? account.uid}:${to('group') ?? account.gid}`;
  return [
    `home=${quote(home)} skeleton=${quote(wanted.skeleton ?? '/etc/skel')}`,
    'mkdir -p "$home"',
    'chmod 0700 "$home"',
    'if [ -d "$skeleton" ]; then cp -R "$skeleton/." "$home/"; fi',
    `chown -Rh ${quote(owner)} "$home"`,
    'mode=0755 mask=',
    'if [ -r /etc/login.defs ]; then',
    `  mode=$(awk '$1 == "HOME_MODE" { mode = $2 } END { print mode }' /etc/login.defs)`,
    `  mask=$(awk '$1 == "UMASK" { mask = $2 } END { print mask }' /etc/login.defs)`,
    'fi',
    'if [ -z "$mode" ]; then mode=$(printf %o "$((0777 & ~0${mask:-22}))"); fi',
    'chmod "$mode" "$home"',
  ];
}

/** Neither family makes more than the last folder of a path. */
function parentLines({ home, createHome, moveHome }: WantedUser): readonly string[] {
  const parent = home?.slice(0, home.lastIndexOf('/')) ?? '';
  return parent === '' || !(createHome || moveHome) ? [] : [`mkdir -p ${quote(parent)}`];
}

/** A word of sh: `-N` where there is a group of that name, else nothing. */
function ownGroupTest(name: string): string {
  return `$(awk -F: -v name=${quote(name)} '$1 == name { print "-N"; exit }' /etc/group)`;
}

function changeTo(
  differences: readonly UserDifference[],
): (name: UserDifference['name']) => string | undefined {
  return (name) => differences.find((each) => each.name === name)?.to;
}

function namesIn(list: string | undefined): readonly string[] {
  return list === undefined || list === '' ? [] : list.split(',');
}

function option(letter: string, value: string | number | undefined): string {
  return value === undefined ? '' : ` ${letter} ${quote(String(value))}`;
}

function flag(letter: string, isSet: boolean): string {
  return isSet ? ` ${letter}` : '';
}
