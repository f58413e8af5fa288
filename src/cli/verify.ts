// fairlead verify: whether hosts are as playbooks want them, what differs, and who may have changed it.
import { Command, Option } from 'commander';
import { COLOURS, NO_COLOURS } from '../report/paint.ts';
import { widthFor } from '../report/text-report.ts';
import type { PreparedRun } from '../run/run.ts';
import { auditStatus } from '../verify/audit.ts';
import { verifiedText } from '../verify/verified-text.ts';
import { type Verified, verify } from '../verify/verify.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { prepareAnswered } from './prepare-runs.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'tasks', 'connection'] as const;

const HELP = `Usage: fairlead verify [OPTIONS] PLAYBOOK...

Compares hosts with what the playbooks want of them: files and the live kernel.
Changes nothing. Says what differs, and who may have changed it. Exit status 3
where something does, 1 where a host could not be asked.

Output:
  -o, --output FORM      text or json (default text)
  -v, --verbose          also how many tasks were found to be as wanted

${optionsHelp(OPTIONS)}`;

type VerifyFlags = Omit<RunFlags, 'output'> & { readonly output: 'text' | 'json' };

export function verifyCommand(context: CliContext): Command {
  return addOptions(new Command('verify'), OPTIONS)
    .addOption(new Option('-o, --output <form>').choices(['text', 'json']).default('text'))
    .option('-v, --verbose', '', (_: string, before: number) => before + 1, 0)
    .argument('<playbook...>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (playbooks: readonly string[], flags: VerifyFlags) => {
      context.exit(await withDiagnostics(context, () => verifyAll(playbooks, flags, context)));
    });
}

async function verifyAll(
  playbooks: readonly string[],
  { output, ...flags }: VerifyFlags,
  context: CliContext,
): Promise<number> {
  const options = await toRunOptions(flags, context);
  const audit = { ...options, mode: 'check', diff: true, audit: true } as const;
  const all = await prepareAnswered(playbooks, audit, { context });
  const environment = { signal: context.signal, agentSocket: context.environment.SSH_AUTH_SOCK };
  const statuses: number[] = [];
  const json: unknown[] = [];
  for (const [index, prepared] of all.entries()) {
    const playbook = playbooks[index] ?? '';
    const hosts = await verify(prepared, playbook, environment);
    statuses.push(auditStatus(hosts));
    if (output === 'json') json.push(jsonOf(playbook, hosts));
    else context.out(masked(prepared, textOf(hosts, { flags, context })));
    if (context.signal.aborted) break;
  }
  const [first] = all;
  if (output === 'json' && first !== undefined)
    context.out(masked(first, `${JSON.stringify(json, undefined, 2)}\n`));
  if (statuses.includes(130)) return 130;
  return statuses.includes(1) ? 1 : Math.max(0, ...statuses);
}

function masked({ options }: PreparedRun, text: string): string {
  return options.vault?.secrets.mask(text) ?? text;
}

function textOf(
  hosts: readonly Verified[],
  { flags, context }: { readonly flags: Omit<VerifyFlags, 'output'>; readonly context: CliContext },
): string {
  return verifiedText(hosts, {
    paint: context.terminal.outColours ? COLOURS : NO_COLOURS,
    hostWidth: widthFor(hosts.map(({ host }) => host)),
    verbosity: flags.verbose ?? 0,
  });
}

function jsonOf(playbook: string, hosts: readonly Verified[]): unknown {
  const byHost: Record<string, unknown> = Object.create(null);
  for (const { host, told, ...each } of hosts) byHost[host] = { ...each, ...(told && { ...told }) };
  return { playbook, hosts: byHost };
}
