// Loads chains of its own in one atomic step and jumps to them from the built-in ones; nobody else's rules are touched.
//
// Is what is live what is wished? The kernel prints rules in another spelling than people type them. So what it
// printed right after a load is kept on the host beside the hash of the file that was loaded, and both are compared:
//   same hash and same live rules → unchanged · anything else → load again, which is atomic and does no harm
import { Buffer } from 'node:buffer';
import { quote } from '../../shell.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import { sha256Of } from '../file/file-probe.ts';
import { type FileWrite, writeFiles } from '../file/file-write.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import {
  chainNameProblem,
  readRules,
  ruleCount,
  TABLES,
  type TableRules,
  withoutCounters,
} from './iptables-rules.ts';

interface JumpArgs {
  readonly table: string;
  readonly chain: string;
  readonly target: string;
  readonly rule?: string;
  readonly position?: 'first' | 'last';
}

interface Args {
  readonly src?: string;
  readonly content?: string;
  readonly family?: 'ipv4' | 'ipv6';
  readonly backend?: 'auto' | 'nft' | 'legacy';
  readonly noflush?: boolean;
  readonly flush_everything?: boolean;
  readonly jumps?: readonly JumpArgs[];
  readonly wait_s?: number;
  readonly path?: string;
}

export interface WantedRules {
  readonly text: string;
  readonly tables: readonly TableRules[];
  readonly program: 'iptables' | 'ip6tables';
  readonly backend: 'auto' | 'nft' | 'legacy';
  readonly noflush: boolean;
  readonly jumps: readonly Jump[];
  readonly waitSeconds: number;
  readonly path: string | undefined;
  /** Folder-less name of the record of the last load. */
  readonly record: string;
}

interface Jump {
  readonly table: string;
  readonly chain: string;
  /** Words behind `-C CHAIN`, `-I CHAIN` or `-A CHAIN`. */
  readonly rule: readonly string[];
  readonly position: 'first' | 'last';
}

export interface RulesChanges {
  readonly load: boolean;
  readonly writePath: boolean;
  /** Indices of the jumps that are missing. */
  readonly jumps: readonly number[];
}

const RECORDS = '/var/lib/fairlead/iptables';

export const iptablesRestore: HostModule<Args, WantedRules, RulesChanges> = {
  kind: 'host',
  name: 'iptables_restore',
  summary: 'Loads iptables chains of its own atomically and jumps to them, without touching other rules.',
  touchesNetwork: () => true,
  schema: {
    type: 'object',
    properties: {
      src: { type: 'string', template: true, description: 'Template of a file in iptables-restore format.' },
      content: { type: 'string', description: 'The rules themselves, in place of src.' },
      family: { enum: ['ipv4', 'ipv6'], default: 'ipv4', description: 'iptables or ip6tables.' },
      backend: {
        enum: ['auto', 'nft', 'legacy'],
        default: 'auto',
        description: 'auto is what the host calls iptables; nft and legacy ask for that variant of it.',
      },
      noflush: {
        type: 'boolean',
        default: true,
        description: 'Leave all other chains alone. false needs flush_everything: true.',
      },
      flush_everything: {
        type: 'boolean',
        default: false,
        description:
          'With noflush: false, the file replaces its tables whole, foreign chains and rules included.',
      },
      jumps: {
        type: 'array',
        description: 'Rules in built-in chains that lead to the own ones; added where they are missing.',
        items: {
          type: 'object',
          properties: {
            table: { enum: TABLES, description: 'Table.' },
            chain: { type: 'string', description: 'Chain that the jump is in, as PREROUTING.' },
            target: { type: 'string', description: 'Chain that is jumped to.' },
            rule: { type: 'string', description: 'What is to be matched, as `-i eth0 -p tcp`.' },
            position: {
              enum: ['first', 'last'],
              default: 'first',
              description: 'Where a missing jump goes.',
            },
          },
          required: ['table', 'chain', 'target'],
          additionalProperties: false,
        },
      },
      wait_s: {
        type: 'integer',
        minimum: 0,
        default: 5,
        description: 'How many seconds to wait for the lock of iptables.',
      },
      path: { type: 'string', description: 'Where to keep the file on the host; unsaid, it is not kept.' },
    },
    additionalProperties: false,
  },

  prepare(args, controller) {
    if ((args.src === undefined) === (args.content === undefined)) {
      throw new ArgumentError(
        args.src === undefined ? 'content' : 'src',
        'exactly one of src and content is needed',
      );
    }
    const source = args.src === undefined ? 'content' : 'src';
    const raw = args.src === undefined ? (args.content ?? '') : controller.renderFile(args.src);
    const text = raw.endsWith('\n') ? raw : `${raw}\n`;
    const noflush = args.noflush ?? true;
    if (!noflush && args.flush_everything !== true) {
      throw new ArgumentError(
        'noflush',
        'noflush: false deletes the rules of everybody else in these tables',
        'if that is meant, add flush_everything: true',
      );
    }
    const { tables, problems } = readRules(text, { ownChainsOnly: noflush });
    const first = problems[0];
    if (first !== undefined) {
      const hint = noflush ? 'a jump from a built-in chain belongs into jumps' : undefined;
      throw new ArgumentError(source, `line ${first.line}: ${first.message}`, hint);
    }
    if (tables.length === 0) throw new ArgumentError(source, 'there is no table in it');
    const program = args.family === 'ipv6' ? 'ip6tables' : 'iptables';
    const backend = args.backend ?? 'auto';
    const owner = JSON.stringify([
      program,
      backend,
      tables.map(({ table, chains }) => [table, chains.map(({ name }) => name)]),
    ]);
    return {
      text,
      tables,
      program,
      backend,
      noflush,
      jumps: (args.jumps ?? []).map(jumpOf),
      waitSeconds: args.wait_s ?? 5,
      path: args.path === undefined ? undefined : absoluteFilePath('path', args.path),
      record: sha256Of(Buffer.from(owner)).slice(0, 16),
    };
  },

  reads: (wanted) => ['netfilter', ...(wanted.path === undefined ? [] : [`file:${wanted.path}` as const])],
  writes: (wanted) => ['netfilter', ...(wanted.path === undefined ? [] : [`file:${wanted.path}` as const])],

  inspect: (wanted) => ({
    ...(wanted.path !== undefined && {
      files: [{ path: wanted.path, follow: 'target' as const, depth: 'hash' as const }],
    }),
    script: inspectScript(wanted),
  }),

  decide,
  change,
  conclude,
};

function jumpOf(jump: JumpArgs): Jump {
  const wrong = chainNameProblem(jump.chain) ?? chainNameProblem(jump.target);
  if (wrong !== undefined) throw new ArgumentError('jumps', wrong);
  if (/["'\\]/.test(jump.rule ?? '')) {
    throw new ArgumentError('jumps', 'quotes are not possible in the rule of a jump');
  }
  const matches = (jump.rule ?? '').split(/\s+/).filter((word) => word !== '');
  return {
    table: jump.table,
    chain: jump.chain,
    rule: [...matches, '-j', jump.target],
    position: jump.position ?? 'first',
  };
}

function chainsOf(wanted: WantedRules) {
  return wanted.tables.flatMap(({ table, chains }) => chains.map((chain) => ({ table, ...chain })));
}

/** Sets `$ipt`, or says on stderr what is missing and exits 5. */
function chooseProgram(wanted: WantedRules): string {
  const { program, backend } = wanted;
  const chosen = backend === 'auto' ? program : `${program}-${backend}`;
  // Before 1.8 legacy was the only one, and had no suffix.
  const fallback =
    backend === 'legacy'
      ? `if ! command -v "$ipt" >/dev/null 2>&1; then
  case $(${program} -V 2>/dev/null) in *nf_tables*) ;; *) ipt=${program} ;; esac
fi\n`
      : '';
  return `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
ipt=${chosen}
${fallback}if ! command -v "$ipt-restore" >/dev/null 2>&1; then
  echo "$ipt-restore is not on this host" >&2
  exit 5
fi`;
}

/** Defines `live`: prints the tables of the file as iptables-save does, own chains only. */
function liveFunction(wanted: WantedRules): string {
  const saves = wanted.tables.map(({ table }) => `"$ipt-save" -t ${table}`);
  if (!wanted.noflush) return `live() { ${saves.join(' && ')}; }`;
  const own = chainsOf(wanted).map(({ table, name }) => `${table}/${name}`);
  return `live() {
  { ${saves.join(' && ')}; } | awk -v own=${quote(own.join(' '))} '
    BEGIN { count = split(own, names, " "); for (i = 1; i <= count; i++) is_own[names[i]] = 1 }
    /^\\*/ { table = substr($1, 2); print }
    /^:/ && ((table "/" substr($1, 2)) in is_own) { print }
    /^-A / && ((table "/" $2) in is_own) { print }'
}`;
}

function inspectScript(wanted: WantedRules): string {
  const jumps = wanted.jumps.map(
    (jump, index) =>
      `"$ipt" -t ${jump.table} -C ${quote(jump.chain)} ${jump.rule.map(quote).join(' ')} >/dev/null 2>&1 || echo '== jump ${index}'`,
  );
  return `set +eu
${chooseProgram(wanted)}
${liveFunction(wanted)}
${jumps.join('\n')}
echo '== live'
live
echo '== loaded'
if [ -r ${RECORDS}/${wanted.record} ]; then cat ${RECORDS}/${wanted.record}; fi
exit 0`;
}

function decide(wanted: WantedRules, inspected: Inspected): Verdict<RulesChanges> {
  if (inspected.output.exitCode !== 0) {
    const reason = inspected.output.stderr.trim() || `the inspection exited ${inspected.output.exitCode}`;
    return { kind: 'failed', message: reason };
  }
  const { missing, live, loaded } = sections(inspected.output.stdout);
  const bytes = Buffer.from(wanted.text);
  const load = loaded.hash !== sha256Of(bytes) || loaded.rules !== live;
  const kept = wanted.path === undefined ? undefined : inspected.files.get(wanted.path);
  const writePath = kept !== undefined && !(kept.kind === 'file' && kept.sha256 === sha256Of(bytes));
  if (!load && !writePath && missing.length === 0) return { kind: 'unchanged' };
  const names = chainsOf(wanted)
    .map(({ name }) => name)
    .join(', ');
  const jumps = missing.map((index) => wanted.jumps[index]).filter((jump) => jump !== undefined);
  const message = [
    ...(load ? [`load ${names || 'the tables'}`] : []),
    ...jumps.map((jump) => `add ${jumpText(jump)}`),
    ...(writePath ? [`write ${wanted.path}`] : []),
  ].join(', ');
  const jumpLines = jumps.map((jump) => `${jumpText(jump)}\n`).join('');
  return {
    kind: 'change',
    changes: { load, writePath, jumps: missing },
    message,
    diffs: [
      ...(load
        ? [{ title: `${wanted.program} rules`, before: live, after: withoutCounters(wanted.text) }]
        : []),
      ...(jumps.length > 0 ? [{ title: `${wanted.program} jumps`, before: '', after: jumpLines }] : []),
    ],
  };
}

function jumpText(jump: Jump): string {
  return `${jump.table}: -A ${jump.chain} ${jump.rule.join(' ')}`;
}

interface Sections {
  readonly missing: readonly number[];
  readonly live: string;
  readonly loaded: { readonly hash: string; readonly rules: string };
}

function sections(stdout: string): Sections {
  const [head = '', rest = ''] = splitOnce(stdout, '== live\n');
  const [live, loaded] = splitOnce(rest, '== loaded\n');
  const missing = [...head.matchAll(/^== jump (\d+)$/gm)].map((match) => Number(match[1]));
  const hash = /^# loaded ([0-9a-f]{64})\n/.exec(loaded)?.[1] ?? '';
  return { missing, live: withoutCounters(live), loaded: { hash, rules: withoutCounters(loaded) } };
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

function change(wanted: WantedRules, changes: RulesChanges): { readonly script: string } {
  const parts = [chooseProgram(wanted), liveFunction(wanted)];
  const text = quote(wanted.text);
  const flush = wanted.noflush ? '--noflush' : '';
  // Older than 1.6.2: no -w for restore, and none is needed by its own rules.
  parts.push(`wait=
case $("$ipt-restore" -h 2>&1 || :) in *--wait*) wait='-w ${wanted.waitSeconds}' ;; esac
rules=${text}`);
  if (changes.load) {
    parts.push(`# shellcheck disable=SC2086
printf '%s' "$rules" | "$ipt-restore" $wait ${flush} --test
# shellcheck disable=SC2086
printf '%s' "$rules" | "$ipt-restore" $wait ${flush}`);
  }
  for (const index of changes.jumps) {
    const jump = wanted.jumps[index];
    if (jump === undefined) continue;
    const chain = quote(jump.chain);
    const rule = jump.rule.map(quote).join(' ');
    const add = jump.position === 'first' ? '-I' : '-A';
    parts.push(`# shellcheck disable=SC2086
"$ipt" $wait -t ${jump.table} -C ${chain} ${rule} 2>/dev/null || "$ipt" $wait -t ${jump.table} ${add} ${chain} ${rule}`);
  }
  const writes: FileWrite[] =
    changes.writePath && wanted.path !== undefined
      ? [{ path: wanted.path, bytes: Buffer.from(wanted.text), mode: 0o600, links: 'follow' }]
      : [];
  if (writes.length > 0) parts.push(`(\n${writeFiles(writes).script}\n)`);
  if (changes.load) {
    const record = `${RECORDS}/${wanted.record}`;
    const hash = sha256Of(Buffer.from(wanted.text));
    parts.push(`umask 077
mkdir -p ${RECORDS}
{ echo '# loaded ${hash}'; live; } >${record}.new
mv -f ${record}.new ${record}
cat ${record}`);
  }
  return { script: parts.join('\n') };
}

/** The rules are read back: a chain that has fewer rules than the file is a failure. */
function conclude(wanted: WantedRules, changes: RulesChanges, output: Output): Conclusion {
  if (output.exitCode !== 0) return { kind: 'failed', ...explained(wanted, output) };
  if (!changes.load) return { kind: 'changed' };
  const live = withoutCounters(output.stdout);
  for (const { table, name, rules } of chainsOf(wanted)) {
    const there = ruleCount(live, table, name);
    if (there !== undefined && there >= rules) continue;
    const found = there === undefined ? 'is not there' : `has ${there} rules instead of ${rules}`;
    return { kind: 'failed', message: `after the load the chain ${name} of the table ${table} ${found}` };
  }
  return { kind: 'changed' };
}

/** The message of iptables-restore, with the text of the line that it complains about. */
function explained(
  wanted: WantedRules,
  output: Output,
): { readonly message: string; readonly hint?: string } {
  const said = output.stderr
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('Try `') && !/^# Warning/.test(line))
    .join('\n');
  const number = /(?:error occurred at line:|line:?)\s*(\d+)/i.exec(said)?.[1];
  const text = number === undefined ? undefined : wanted.text.split('\n')[Number(number) - 1];
  if (text === undefined) return { message: said || `iptables-restore exited ${output.exitCode}` };
  return { message: `line ${number}: ${text.trim()}\n${said}`, hint: 'the chains are as they were' };
}
