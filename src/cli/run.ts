// fairlead run: a playbook onto a fleet.
import { Command } from 'commander';
import type { HostRecap } from '../event.ts';
import { JsonReport } from '../report/json-report.ts';
import type { Report } from '../report/report.ts';
import { exitCodeOf, TextReport } from '../report/text-report.ts';
import { type PreparedRun, preparePlaybook, runPrepared } from '../run.ts';
import { type CliContext, withDiagnostics } from './context.ts';
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

/** Runs with the report that was asked for. */
export async function reportRun(
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
    verbosity: flags.verbose,
    diff: flags.diff === true,
  };
  if (form !== 'live' || !isLive) return new TextReport(options);
  const { LiveReport } = await import('../report/live-report.ts');
  return new LiveReport(options);
}
