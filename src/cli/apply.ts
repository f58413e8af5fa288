// fairlead apply: carries out a plan, where hosts are as they were when it was made.
import { Command } from 'commander';
import { escapeLine } from '../report/escape.ts';
import { exitCodeOf } from '../report/text-report.ts';
import { applyPlan, hostsOfPlan } from '../run/run-plan.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { limitPattern } from './limit.ts';
import { changedSources, readPlan } from './plan-file.ts';
import { reportFor } from './report-for.ts';
import { addOptions, forksOption, optionsHelp, type RunFlags } from './run-options.ts';
import { vaultFrom } from './vault-keys.ts';

const OPTIONS = ['vault', 'output'] as const;

const HELP = `Usage: fairlead apply [OPTIONS] FILE

Carries out a plan of "fairlead plan". Each host is looked at again first: where
what the plan was made on has moved, nothing is changed there, and it is told
what has. The playbook is not read again.

  -l, --limit PATTERN    only these of the plan's hosts
  -f, --forks N          hosts at work at the same time (default 50)
  -D, --diff             show how files differ

${optionsHelp(OPTIONS)}`;

export function applyCommand(context: CliContext): Command {
  return forksOption(addOptions(new Command('apply'), OPTIONS))
    .option('-l, --limit <pattern>')
    .option('-D, --diff')
    .argument('<file>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (file: string, flags: RunFlags) => {
      context.exit(await withDiagnostics(context, () => apply(file, flags, context)));
    });
}

async function apply(file: string, flags: RunFlags, context: CliContext): Promise<number> {
  const vault = await vaultFrom(flags, context);
  const { head, body } = readPlan(file, vault);
  const limit = flags.limit === undefined ? undefined : limitPattern(flags.limit);
  const hosts = hostsOfPlan(body, limit);
  const changed = changedSources(head);
  if (changed.length > 0) {
    const names = changed.map(escapeLine).join(', ');
    context.err(`note: changed since the plan was made, which is what counts: ${names}\n`);
  }
  const report = await reportFor(flags, context);
  const recap = await applyPlan(body, hosts, {
    emit: (event) => report.tell(event),
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
    vault,
    ...(flags.forks !== undefined && { forks: flags.forks }),
  });
  await report.end();
  return exitCodeOf(recap, 'apply');
}
