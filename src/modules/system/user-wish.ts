// What a task wants of a user's account, found to make sense before any host is contacted.
import { absoluteFilePath } from '../file/file-attributes.ts';
import { ArgumentError } from '../module.ts';
import { accountId, accountName } from './accounts.ts';

export interface UserArgs {
  readonly name: string;
  readonly state?: 'present' | 'absent';
  readonly uid?: number | string;
  readonly non_unique?: boolean;
  readonly group?: string | number;
  readonly groups?: string | readonly (string | number)[];
  readonly append?: boolean;
  readonly comment?: string;
  readonly home?: string;
  readonly create_home?: boolean;
  readonly move_home?: boolean;
  readonly skeleton?: string;
  readonly shell?: string;
  readonly password?: string;
  readonly update_password?: 'always' | 'on_create';
  readonly password_lock?: boolean;
  readonly expires?: number | string;
  readonly system?: boolean;
  readonly remove?: boolean;
  readonly force?: boolean;
}

export interface WantedUser {
  readonly name: string;
  readonly state: 'present' | 'absent';
  readonly uid: number | undefined;
  readonly nonUnique: boolean;
  /** Name or number of the primary group. */
  readonly group: string | undefined;
  /** The other groups; undefined: as they are. */
  readonly groups: readonly string[] | undefined;
  readonly append: boolean;
  readonly comment: string | undefined;
  readonly home: string | undefined;
  readonly createHome: boolean;
  readonly moveHome: boolean;
  readonly skeleton: string | undefined;
  readonly shell: string | undefined;
  readonly password: string | undefined;
  readonly updatePassword: 'always' | 'on_create';
  readonly lock: boolean | undefined;
  /** Days since 1970, as shadow(5) has them; null: never. */
  readonly expires: number | null | undefined;
  readonly system: boolean;
  readonly remove: boolean;
  readonly force: boolean;
}

export const DAY_SECONDS = 86_400;

/** Throws ArgumentError. */
export function wantedUser(args: UserArgs): WantedUser {
  const { group: primary, groups, comment, shell } = args;
  for (const [argument, text] of Object.entries({ comment, shell })) {
    if (text !== undefined && /[:\0-\x1f\x7f]/.test(text)) {
      throw new ArgumentError(argument, `${argument} has a colon or a control character in it`);
    }
  }
  if (args.password !== undefined) refusePassword(args.password);
  if (args.non_unique === true && args.uid === undefined) {
    throw new ArgumentError('non_unique', 'non_unique needs the uid that may be shared');
  }
  if (args.append === true && groups === undefined) {
    throw new ArgumentError('append', 'append needs groups', 'say with groups what to add the user to');
  }
  const list = typeof groups === 'string' ? groups.split(',').map((each) => each.trim()) : groups;
  return {
    name: accountName('name', args.name, 'user'),
    state: args.state ?? 'present',
    uid: args.uid === undefined ? undefined : accountId('uid', args.uid),
    nonUnique: args.non_unique ?? false,
    group: primary === undefined ? undefined : accountName('group', String(primary), 'group'),
    groups: list
      ?.map(String)
      .filter((each) => each !== '')
      .map((each) => accountName('groups', each, 'group')),
    append: args.append ?? false,
    comment,
    home: args.home === undefined ? undefined : homePath(args.home),
    createHome: args.create_home ?? true,
    moveHome: args.move_home ?? false,
    skeleton: args.skeleton === undefined ? undefined : absoluteFilePath('skeleton', args.skeleton),
    shell,
    password: args.password,
    updatePassword: args.update_password ?? 'always',
    lock: args.password_lock,
    expires: args.expires === undefined ? undefined : expiryDays(args.expires),
    system: args.system ?? false,
    remove: args.remove ?? false,
    force: args.force ?? false,
  };
}

function homePath(home: string): string {
  if (/[:\0-\x1f\x7f]/.test(home)) {
    throw new ArgumentError('home', 'home has a colon or a control character in it');
  }
  return absoluteFilePath('home', home);
}

/** Whoever writes the password itself where its hash belongs has published it, and locked the user out. */
function refusePassword(password: string): void {
  if (/[:\0-\x20\x7f]/.test(password)) {
    throw new ArgumentError('password', 'password is no hash: it has a blank, a colon or a line break in it');
  }
  if (password === '' || /^[!*x]*$/.test(password) || /^!*\$[^$]+\$/.test(password)) return;
  if (/^!*(?:_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13})$/.test(password)) return;
  throw new ArgumentError(
    'password',
    'password is not the hash of one',
    'mkpasswd -m sha-512, or openssl passwd -6, makes one',
  );
}

function expiryDays(value: number | string): number | null {
  const seconds =
    typeof value === 'number' ? value : /^-?[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(seconds)) {
    throw new ArgumentError('expires', 'expires is no time in seconds since 1970', 'date +%s -d 2030-12-31');
  }
  return seconds < 0 ? null : Math.floor(seconds / DAY_SECONDS);
}
