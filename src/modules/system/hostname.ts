// The host's name: the one it has now, and the one it has after a boot. Where systemd runs, hostnamectl is asked, so
// that others hear of it; elsewhere, and where it cannot, /etc/hostname is written, which SysV, OpenRC and BusyBox read.
import { Buffer } from 'node:buffer';
import { DETECT_INIT } from '../../init-system.ts';
import { quote } from '../../shell.ts';
import { writeFiles } from '../file/file-write.ts';
import type { HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';

interface Args {
  readonly name: string;
}

export interface HostnameChanges {
  readonly write: boolean;
  readonly mode: number;
}

const FILE = '/etc/hostname';
const LIVE = '/proc/sys/kernel/hostname';

export const hostname: HostModule<Args, Args, HostnameChanges> = {
  kind: 'host',
  name: 'hostname',
  summary: 'Sets the name of the host, now and for the next boot.',
  returns: { name: 'The name.' },
  schema: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        minLength: 1,
        description:
          'The name, short or in full. /etc/hosts is not changed. Which way it is set the host decides.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    const isLabel = (label: string) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label);
    if (args.name.length > 64)
      throw new ArgumentError('name', 'name is longer than the 64 bytes Linux has room for');
    if (!args.name.split('.').every(isLabel)) {
      throw new ArgumentError(
        'name',
        `${JSON.stringify(args.name)} cannot be the name of a host`,
        'letters, digits and - between them, in parts with dots between',
      );
    }
    return args;
  },

  reads: () => [`file:${FILE}`, 'sysctl:kernel/hostname'],
  writes: () => [`file:${FILE}`, 'sysctl:kernel/hostname'],
  inspect: () => ({ files: [{ path: FILE, follow: 'target', depth: 'content' }], script: `cat ${LIVE}` }),
  decide,
  change,
};

function decide({ name }: Args, { files, output }: Inspected): Verdict<HostnameChanges> {
  const file = files.get(FILE) ?? { kind: 'absent' };
  if (file.kind !== 'absent' && file.kind !== 'file') {
    const message = file.kind === 'unreadable' ? file.message : `it is a ${file.kind}`;
    return { kind: 'failed', message: `${FILE} cannot be read: ${message}` };
  }
  const live = output.stdout.trim();
  const stored = file.kind === 'file' ? storedName(Buffer.from(file.content ?? []).toString()) : '';
  if (live === name && stored === name) return { kind: 'unchanged', fields: { name } };
  const text = (now: string, later: string) => `name: ${now}\n${FILE}: ${later}\n`;
  return {
    kind: 'change',
    changes: { write: stored !== name, mode: file.kind === 'file' ? file.mode : 0o644 },
    message: [
      ...(live === name ? [] : [`host name ${live} → ${name}`]),
      ...(stored === name ? [] : [`write ${FILE}`]),
    ].join(', '),
    diffs: [{ title: 'hostname', before: text(live, stored), after: text(name, name) }],
    fields: { name },
  };
}

/** The first line that is no comment, hostname(5). */
function storedName(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => !/^\s*(?:#|$)/.test(line))
      ?.trim() ?? ''
  );
}

/** hostnamectl needs D-Bus, which small hosts and containers have not got. The kernel's word is the last one. */
function change({ name }: Args, { write, mode }: HostnameChanges): { readonly script: string } {
  const wanted = quote(name);
  const file = write
    ? `  (\n${writeFiles([{ path: FILE, bytes: Buffer.from(`${name}\n`), mode, links: 'follow' }]).script}\n)\n`
    : '';
  return {
    script: `${DETECT_INIT}
done=no
if [ "$init" = systemd ] && command -v hostnamectl >/dev/null 2>&1 && hostnamectl set-hostname ${wanted} >/dev/null 2>&1; then
  done=yes
fi
if [ "$done" = no ]; then
${file}  if [ "$(cat ${LIVE})" != ${wanted} ]; then printf '%s\\n' ${wanted} >${LIVE}; fi
fi
if [ "$(cat ${LIVE})" != ${wanted} ]; then
  echo "the host is still called $(cat ${LIVE})" >&2
  exit 1
fi`,
  };
}
