// fairlead run: a playbook onto a fleet.
import { Command } from 'commander';
import type { HostRecap } from '../event.ts';
import { exitCodeOf } from '../report/text-report.ts';
import { type PreparedRun, runPrepared } from '../run/run.ts';
import { startingAt } from '../run/start-run.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { isAsking, list } from './list.ts';
import { type OnlyFor, prepareAnswered } from './prepare-runs.ts';
import { reportFor } from './report-for.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';
import { hostsToRetry, recordRun } from './run-record.ts';
import { personAtTerminal } from './terminal-person.ts';

const OPTIONS = [
  'hosts',
  'retry',
  'variables',
  'vault',
  'tasks',
  'start',
  'changes',
  'connection',
  'output',
  'questions',
] as const;

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
  const all = await prepareAnswered(playbooks, options, {
    context,
    onlyFor: retrying(flags, context),
    asks: !isAsking(flags),
  });
  const runs = flags.startAtTask === undefined ? all : startingAt(all, flags.startAtTask);
  if (isAsking(flags)) {
    const left = playbooks.slice(-runs.length);
    list(
      runs.map((prepared, index) => ({ name: left[index] ?? '', prepared })),
      flags,
      context,
    );
    return 0;
  }
  if (flags.step === true && context.interrupt === undefined) {
    throw usageError('there is no terminal on which --step could ask', 'leave --step out');
  }
  const names = playbooks.slice(-runs.length);
  const statuses: number[] = [];
  for (const [index, each] of runs.entries()) {
    const name = names[index] ?? '';
    if (flags.retry !== undefined && !each.plays.some(({ play }) => play.hosts.length > 0)) {
      context.err(`${name}: nothing to retry\n`);
      continue;
    }
    const isRecorded = options.mode !== 'check';
    // Should fairlead itself be killed, nobody is done.
    if (isRecorded) recordAsToDo([each], [name], context);
    const recap = await reportRun(each, flags, context);
    if (isRecorded) recordRun(name, recap, context);
    const status = exitCodeOf(recap, options.mode ?? 'apply');
    statuses.push(status);
    // What comes next may rest on what has not come about.
    if (status !== 1 && status !== 130) continue;
    if (isRecorded) recordAsToDo(runs.slice(index + 1), names.slice(index + 1), context);
    return status;
  }
  return Math.max(0, ...statuses);
}

/** Playbooks of which all hosts are still to come. */
function recordAsToDo(runs: readonly PreparedRun[], names: readonly string[], context: CliContext): void {
  for (const [index, { plays }] of runs.entries()) {
    const hosts = [...new Set(plays.flatMap(({ play }) => play.hosts))];
    const recap = hosts.map((host) => ({ host, status: 'not-started' as const }));
    recordRun(names[index] ?? '', recap, context);
  }
}

/** With --retry: the hosts that its last run has left over. */
function retrying({ retry }: RunFlags, context: CliContext): OnlyFor {
  if (retry === undefined) return () => ({});
  return (playbook) => ({ onlyHosts: new Set(hostsToRetry(playbook, context)) });
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
    step: flags.step === true,
    agentSocket: context.environment.SSH_AUTH_SOCK,
    ...(context.interrupt !== undefined && {
      person: personAtTerminal({ report, interrupt: context.interrupt }),
    }),
  });
  await report.end();
  return recap;
}
