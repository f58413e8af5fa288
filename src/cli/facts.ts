// fairlead facts: what the hosts of a pattern say about themselves, as one JSON object by host.
import { Command } from 'commander';
import type { Facts } from '../host/facts/facts.ts';
import { TextReport } from '../report/text-report.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { runOneOff } from './one-off.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'connection'] as const;

const HELP = `Usage: fairlead facts [OPTIONS] PATTERN

Prints the facts of each host as JSON. docs/facts.md lists them.

${optionsHelp(OPTIONS)}`;

export function factsCommand(context: CliContext): Command {
  return addOptions(new Command('facts'), OPTIONS)
    .argument('<pattern>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, flags: RunFlags) => {
      context.exit(await withDiagnostics(context, () => printFacts(pattern, flags, context)));
    });
}

async function printFacts(pattern: string, flags: RunFlags, context: CliContext): Promise<number> {
  const failures = new TextReport({
    write: context.err,
    isColoured: context.terminal.errColours,
    verbosity: 0,
    diff: false,
  });
  const facts: Record<string, Facts> = Object.create(null);
  const play = { hosts: pattern, gather_facts: true };
  const status = await runOneOff(
    {
      play,
      options: await toRunOptions(flags, context),
      emit: (event) => {
        if (event.kind === 'facts-gathered') facts[event.host] = event.facts;
        if (event.kind === 'host-unreachable' || event.kind === 'task-finished') failures.tell(event);
      },
    },
    context,
  );
  context.out(`${JSON.stringify(facts, undefined, 2)}\n`);
  return status;
}
