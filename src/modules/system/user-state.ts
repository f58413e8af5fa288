// What a user's account is like on a host, and in what that differs from what is wanted.
import { quote, words } from '../../shell.ts';
import type { Output } from '../module.ts';
import { type Account, accountScript, DETECT_TOOLS, saidOf } from './accounts.ts';
import { DAY_SECONDS, type WantedUser } from './user-wish.ts';

export interface UserDifference {
  readonly name:
    | 'uid'
    | 'group'
    | 'groups'
    | 'comment'
    | 'home'
    | 'shell'
    | 'password'
    | 'password_lock'
    | 'expires'
    | 'home folder';
  /** For people, and so without anything secret. */
  readonly from: string;
  readonly to: string;
}

/**
 * Prints, of an account that is there: `passwd=`, `member=GROUP` for each of its other groups, `home=yes` and
 * `folder=yes` where its home, and the one that is wanted, are folders, and from
 * shadow(5) `password=same|differs`, `lock=locked|open|closed|none` (closed: locked, with no
 * hash behind the mark), `expires=DAYS`. `known=ASKED:NAME:GID` for each group asked for
 * that there is. In the wake of crypt(5), `!` in front of a hash locks it.
 */
export function inspectScript(wanted: WantedUser): string {
  const asked = [
    ...new Set([...(wanted.group === undefined ? [] : [wanted.group]), ...(wanted.groups ?? [])]),
  ];
  return `set +eu
${DETECT_TOOLS}
printf 'tools=%s\\n' "$tools"
${accountScript(wanted.name)}
set -- /etc/group
if [ -r /etc/shadow ]; then set -- "$@" /etc/shadow; fi
wish=${quote(wanted.password ?? '')}
groups=$(WISH=$wish awk -F: -v name=${quote(wanted.name)} -v asked=${quote(asked.join(' '))} '
  BEGIN { count = split(asked, wanted, " "); wish = ENVIRON["WISH"]; sub(/^!+/, "", wish) }
  FILENAME == "/etc/group" {
    for (i = 1; i <= count; i++) if (wanted[i] == $1 || wanted[i] == $3) print "known=" wanted[i] ":" $1 ":" $3
    members = split($4, member, ",")
    for (i = 1; i <= members; i++) if (member[i] == name) print "member=" $1
  }
  FILENAME == "/etc/shadow" && $1 == name {
    lock = "open"
    if (sub(/^!+/, "", $2)) lock = "locked"
    if ($2 == "" || $2 ~ /^[*!]/) lock = lock == "locked" ? "closed" : "none"
    print "lock=" lock
    print "password=" (("x" $2) == ("x" wish) ? "same" : "differs")
    print "expires=" $8
  }' "$@")
printf '%s\\n' "$groups"
set -- ${words(...asked)}
for one do
  case "$groups" in
    *"known=$one:"*) ;;
    *) if said=$(getent group "$one" 2>/dev/null); then
      said=\${said%:*}
      printf 'known=%s:%s:%s\\n' "$one" "\${said%%:*}" "\${said##*:}"
    fi ;;
  esac
done
if [ -n "$line" ]; then
  line=\${line%:*}
  home=\${line##*:}
  folder=${quote(wanted.home ?? '')}
  if [ -d "$home" ]; then echo home=yes; fi
  if [ -d "\${folder:-$home}" ]; then echo folder=yes; fi
fi`;
}

export interface KnownGroup {
  readonly asked: string;
  readonly name: string;
  readonly gid: number;
}

export function knownGroups(output: Output): readonly KnownGroup[] {
  return saidOf(output, 'known').map((line) => {
    const [asked = '', name = '', gid = ''] = line.split(':');
    return { asked, name, gid: Number(gid) };
  });
}

/** What an account has otherwise than wanted, in the order in which it is put right. */
export function differencesOf(
  wanted: WantedUser,
  host: { readonly account: Account; readonly output: Output; readonly known: readonly KnownGroup[] },
): readonly UserDifference[] {
  const { account, output, known } = host;
  const found: UserDifference[] = [];
  const compare = (name: 'uid' | 'comment' | 'home' | 'shell', to: string | number | undefined) => {
    if (to !== undefined && to !== account[name])
      found.push({ name, from: String(account[name]), to: String(to) });
  };
  compare('uid', wanted.uid);
  const primary = known.find(({ asked }) => asked === wanted.group);
  if (primary !== undefined && primary.gid !== account.gid) {
    found.push({ name: 'group', from: String(account.gid), to: primary.name });
  }
  if (wanted.groups !== undefined) {
    const actual = saidOf(output, 'member');
    const asked = namesOf(wanted.groups, known).filter((name) => name !== primary?.name);
    const groups = [...new Set(wanted.append ? [...actual, ...asked] : asked)];
    const ownGroup = known.find(({ gid }) => gid === account.gid)?.name;
    const differs = (one: string) => !actual.includes(one) && one !== (primary?.name ?? ownGroup);
    if (groups.some(differs) || (!wanted.append && actual.some((one) => !groups.includes(one)))) {
      found.push({ name: 'groups', from: actual.join(','), to: groups.join(',') });
    }
  }
  compare('comment', wanted.comment);
  compare('home', wanted.home);
  compare('shell', wanted.shell);
  found.push(...shadowDifferences(wanted, output));
  if (wanted.createHome && !hasFolder(output) && !moves(wanted, account, output)) {
    found.push({ name: 'home folder', from: '(missing)', to: wanted.home ?? account.home });
  }
  return found;
}

/** Whether the old home folder goes to the new place: there is one, and the place is free. */
export function moves(wanted: WantedUser, account: Account, output: Output): boolean {
  const isElsewhere = wanted.home !== undefined && wanted.home !== account.home;
  return wanted.moveHome && isElsewhere && saidOf(output, 'home')[0] === 'yes' && !hasFolder(output);
}

/** Whether the home folder that is wanted is there. */
function hasFolder(output: Output): boolean {
  return saidOf(output, 'folder')[0] === 'yes';
}

function shadowDifferences(wanted: WantedUser, output: Output): readonly UserDifference[] {
  const found: UserDifference[] = [];
  const [lock] = saidOf(output, 'lock');
  const isLocked = lock === 'locked' || lock === 'closed';
  const locks = wanted.lock === true && !isLocked;
  const unlocks = wanted.lock === false && lock === 'locked';
  if (
    wanted.password !== undefined &&
    wanted.updatePassword === 'always' &&
    saidOf(output, 'password')[0] !== 'same'
  ) {
    const staysLocked = wanted.lock ?? lock === 'locked';
    found.push({ name: 'password', from: '(another)', to: staysLocked ? '(new, locked)' : '(new)' });
  } else if (locks || unlocks) {
    found.push({ name: 'password_lock', from: String(isLocked), to: String(locks) });
  }
  if (wanted.expires !== undefined) {
    const [actual = ''] = saidOf(output, 'expires');
    const to = wanted.expires === null ? '' : String(wanted.expires);
    if (actual !== to) found.push({ name: 'expires', from: dateText(actual), to: dateText(to) });
  }
  return found;
}

export function namesOf(
  asked: readonly string[] | undefined,
  known: readonly KnownGroup[],
): readonly string[] {
  const names = (asked ?? []).map((one) => known.find((group) => group.asked === one)?.name ?? one);
  return [...new Set(names)];
}

function dateText(days: string): string {
  return /^-?[0-9]+$/.test(days) ? dateOf(Number(days)) : 'never';
}

/** `2030-12-31`, which is what usermod and chage take. */
export function dateOf(days: number): string {
  return new Date(days * DAY_SECONDS * 1000).toISOString().slice(0, 10);
}
