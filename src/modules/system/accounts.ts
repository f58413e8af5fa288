// What group, user and authorized_key ask a host about its accounts: which programs keep them, and what the files in
// /etc say. Accounts from elsewhere (LDAP and its like) are found by getent, where the host has it.
import { quote } from '../../shell.ts';
import { ArgumentError, type Output, type PropertySchema } from '../module.ts';

/** `shadow`: useradd and its family; `busybox`: adduser, addgroup and so on, as BusyBox has them. */
export type AccountTools = 'shadow' | 'busybox' | 'none';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
}

export const ACCOUNT_FILES = ['file:/etc/passwd', 'file:/etc/group', 'file:/etc/shadow'] as const;

export const ID_TYPE: PropertySchema['type'] = ['integer', 'string'];

/** Throws an ArgumentError for what useradd would take for an option, or the files in /etc for something else. */
export function accountName(argument: string, name: string, what: 'user' | 'group'): string {
  if (/^[A-Za-z0-9_.][A-Za-z0-9_.@-]*\$?$/.test(name)) return name;
  throw new ArgumentError(argument, `${JSON.stringify(name)} cannot be the name of a ${what}`);
}

/** Of a uid or gid; a template gives text. Throws an ArgumentError. */
export function accountId(argument: string, value: number | string): number {
  const id = typeof value === 'number' ? value : /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1) return id;
  throw new ArgumentError(argument, `${JSON.stringify(value)} is not a number that a ${argument} can have`);
}

/** Lets PATH find what only root uses. */
export const SYSTEM_PATH = 'PATH=$PATH:/usr/sbin:/sbin';

/** Sets `$tools`. */
export const DETECT_TOOLS = `${SYSTEM_PATH}
if command -v useradd >/dev/null 2>&1; then tools=shadow
elif command -v adduser >/dev/null 2>&1; then tools=busybox
else tools=none
fi`;

/** Prints `passwd=…`, the account's line, and `local=no` where it is from elsewhere; nothing where there is none. */
export function accountScript(name: string): string {
  return `line=$(awk -F: -v name=${quote(name)} '$1 == name { print; exit }' /etc/passwd)
if [ -z "$line" ] && line=$(getent passwd ${quote(name)} 2>/dev/null) && [ -n "$line" ]; then echo local=no; fi
if [ -n "$line" ]; then printf 'passwd=%s\\n' "$line"; fi`;
}

/** The values of the lines `key=value` with that key. */
export function saidOf(output: Output, key: string): readonly string[] {
  const start = `${key}=`;
  return output.stdout
    .split('\n')
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length));
}

export function toolsOf(output: Output): AccountTools {
  const [said] = saidOf(output, 'tools');
  return said === 'shadow' || said === 'busybox' ? said : 'none';
}

/** The account of the line `passwd=…`, passwd(5); undefined where there is none. */
export function accountOf(output: Output): Account | undefined {
  const [line] = saidOf(output, 'passwd');
  if (line === undefined) return undefined;
  const [name = '', , uid = '', gid = '', comment = '', home = '', shell = ''] = line.split(':');
  return { name, uid: Number(uid), gid: Number(gid), comment, home, shell };
}

/** The failure where BusyBox has no program for it. */
export function beyondBusybox(what: string): {
  readonly kind: 'failed';
  readonly message: string;
  readonly hint: string;
} {
  return {
    kind: 'failed',
    message: `BusyBox has no program that can ${what}`,
    hint: 'with the package shadow on the host it can be done',
  };
}

export const NO_TOOLS = {
  kind: 'failed',
  message: 'the host has no program that keeps accounts: neither useradd nor adduser',
} as const;
