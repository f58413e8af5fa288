// fairlead run: a playbook onto a fleet.
import { Command } from 'commander';
import { DiagnosticError } from '../diagnostic.ts';
import type { HostRecap } from '../event.ts';
import { JsonReport } from '../report/json-report.ts';
import { LiveReport } from '../report/live-report.ts';
import type { Report } from '../report/report.ts';
import { exitCodeOf, TextReport } from '../report/text-report.ts';
import { type PreparedRun, preparePlaybook, runPrepared } from '../run.ts';
import { type CliContext, showDiagnostics } from './context.ts';
import { addRunOptions, RUN_OPTIONS_HELP, type RunFlags, toRunOptions } from './run-options.ts';

const HELP = `Usage: fairlead run [OPTIONS] PLAYBOOK...

Checks the playbooks, then runs them on their hosts. Nothing is contacted
before every name, argument and variable has been checked.

${RUN_OPTIONS_HELP}`;

export function runCommand(context: CliContext): Command {
  return addRunOptions(new Command('run'))
    .argument('<playbook...>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (playbooks: readonly string[], flags: RunFlags) => {
      context.exit(
        await withDiagnostics(context, async () => {
          const options = toRunOptions(flags, context);
          const prepared = playbooks.map((path) => preparePlaybook(path, options));
          let status = 0;
          for (const each of prepared) {
            status = exitCodeOf(await reportRun(each, flags, context), options.mode ?? 'apply');
            if (status === 1 || status === 130) break;
          }
          return status;
        }),
      );
    });
}

/** The status of `work`, or 2 where the user's files are wrong. */
export async function withDiagnostics(context: CliContext, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    showDiagnostics(context, error);
    return 2;
  }
}

/** Runs with the report that was asked for. */
export async function reportRun(
  prepared: PreparedRun,
  flags: RunFlags,
  context: CliContext,
): Promise<readonly HostRecap[]> {
  const report = reportFor(flags, context);
  const recap = await runPrepared(prepared, {
    emit: (event) => report.tell(event),
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  await report.end();
  return recap;
}

function reportFor(flags: RunFlags, context: CliContext): Report {
  const { isLive, outColours } = context.terminal;
  const form = flags.output ?? (isLive ? 'live' : 'text');
  if (form === 'json') return new JsonReport(context.out);
  const options = {
    write: context.out,
    isColoured: outColours,
    verbosity: flags.verbose,
    diff: flags.diff === true,
  };
  return form === 'live' && isLive ? new LiveReport(options) : new TextReport(options);
}
