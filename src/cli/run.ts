// fairlead run: a playbook onto a fleet.
import { Command } from 'commander';
import { DiagnosticError, Problems } from '../diagnostic.ts';
import type { HostRecap } from '../event.ts';
import { JsonReport } from '../report/json-report.ts';
import type { Report } from '../report/report.ts';
import { exitCodeOf, TextReport } from '../report/text-report.ts';
import { type PreparedRun, preparePlaybook, type RunOptions, runPrepared } from '../run.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'tasks', 'changes', 'connection', 'output'] as const;

const HELP = `Usage: fairlead run [OPTIONS] PLAYBOOK...

Checks the playbooks, then runs them on their hosts. Nothing is contacted
before every name, argument and variable has been checked.

${optionsHelp(OPTIONS)}`;

export function runCommand(context: CliContext): Command {
  return addOptions(new Command('run'), OPTIONS)
    .argument('<playbook...>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (playbooks: readonly string[], flags: RunFlags) => {
      context.exit(await withDiagnostics(context, () => run(playbooks, flags, context)));
    });
}

async function run(playbooks: readonly string[], flags: RunFlags, context: CliContext): Promise<number> {
  const options = await toRunOptions(flags, context);
  const statuses: number[] = [];
  for (const each of prepareAll(playbooks, options)) {
    const status = exitCodeOf(await reportRun(each, flags, context), options.mode ?? 'apply');
    statuses.push(status);
    // What comes next may rest on what has not come about.
    if (status === 1 || status === 130) return status;
  }
  return Math.max(0, ...statuses);
}

/** All playbooks are checked before the first one runs, and what is wrong with them is shown together. */
function prepareAll(playbooks: readonly string[], options: RunOptions): readonly PreparedRun[] {
  const problems = new Problems();
  const prepared: PreparedRun[] = [];
  for (const path of playbooks) {
    try {
      prepared.push(preparePlaybook(path, options));
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      for (const each of error.diagnostics) problems.add(each);
    }
  }
  problems.throwIfAny();
  return prepared;
}

async function reportRun(
  prepared: PreparedRun,
  flags: RunFlags,
  context: CliContext,
): Promise<readonly HostRecap[]> {
  const report = await reportFor(flags, context);
  const recap = await runPrepared(prepared, {
    emit: (event) => report.tell(event),
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  await report.end();
  return recap;
}

async function reportFor(flags: RunFlags, context: CliContext): Promise<Report> {
  const { isLive, outColours } = context.terminal;
  const form = flags.output ?? (isLive ? 'live' : 'text');
  if (form === 'json') return new JsonReport(context.out);
  const options = {
    write: context.out,
    isColoured: outColours,
    verbosity: flags.verbose ?? 0,
    diff: flags.diff === true,
  };
  if (form !== 'live' || !isLive) return new TextReport(options);
  const { LiveReport } = await import('../report/live-report.ts');
  return new LiveReport(options);
}
