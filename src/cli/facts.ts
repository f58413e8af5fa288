// fairlead facts: what the hosts of a pattern say about themselves, as one JSON object by host.
import { Command } from 'commander';
import type { Facts } from '../host/facts/facts.ts';
import { TextReport } from '../report/text-report.ts';
import { runPrepared } from '../run.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { prepareOneOff } from './one-off.ts';
import { addRunOptions, RUN_OPTIONS_HELP, type RunFlags, toRunOptions } from './run-options.ts';

const HELP = `Usage: fairlead facts [OPTIONS] PATTERN

Prints the facts of each host as JSON. docs/facts.md lists them.

${RUN_OPTIONS_HELP}`;

export function factsCommand(context: CliContext): Command {
  return addRunOptions(new Command('facts'))
    .argument('<pattern>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, flags: RunFlags) => {
      context.exit(await withDiagnostics(context, () => printFacts(pattern, flags, context)));
    });
}

async function printFacts(pattern: string, flags: RunFlags, context: CliContext): Promise<number> {
  const prepared = prepareOneOff({ hosts: pattern, gather_facts: true }, toRunOptions(flags, context));
  const failures = new TextReport({
    write: context.err,
    isColoured: context.terminal.errColours,
    verbosity: 0,
    diff: false,
  });
  const facts: Record<string, Facts> = Object.create(null);
  const recap = await runPrepared(prepared, {
    emit: (event) => {
      if (event.kind === 'facts-gathered') facts[event.host] = event.facts;
      if (event.kind === 'host-unreachable' || event.kind === 'task-finished') failures.tell(event);
    },
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  context.out(`${JSON.stringify(facts, undefined, 2)}\n`);
  return recap.every((each) => each.status === 'ok') ? 0 : 1;
}
