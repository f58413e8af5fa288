// fairlead explain: which rule, table, nexthop and source address a flow gets on the hosts of a pattern, and why.
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { Problems } from '../diagnostic.ts';
import { fleetVerdict, isFault } from '../explain/cluster-fleet.ts';
import { agrees } from '../explain/explain.ts';
import { explanationJson } from '../explain/explain-json.ts';
import { explanationText, fleetText } from '../explain/explain-text.ts';
import type { Explanation } from '../explain/explanation.ts';
import { type Flow, FlowError, type FlowWords, parseFlow } from '../explain/flow.ts';
import { flowInspection } from '../explain/inspection.ts';
import { readPlaybook } from '../load/playbook.ts';
import { SourceFile } from '../load/source.ts';
import type { HostModule } from '../modules/module.ts';
import { COLOURS, NO_COLOURS } from '../report/paint.ts';
import { exitCodeOf, TextReport } from '../report/text-report.ts';
import { type PreparedRun, prepare, type RunOptions, runPrepared } from '../run/run.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'connection'] as const;

const HELP = `Usage: fairlead explain [OPTIONS] PATTERN [--from ADDRESS] [--to ADDRESS]

Tells, rule by rule, where each host of the pattern sends a flow and why, beside
what its kernel says itself. Of an address that hosts share (CLUSTERIP, -m cluster,
nft jhash) it tells which of them answers the client --from. Changes nothing. Exit
status 1 where kernel and rules differ, or two nodes answer one client.

Flow:
  --to ADDRESS           where it goes, with --sample also a network (default
                         198.51.100.1 or 2001:db8:ffff::1, for anywhere outside)
  --from ADDRESS         its source; another's than the host's: it is forwarded
                         (default: a program of the host's that binds none)
  --iif DEVICE           comes in by this device (default: which has the address
                         --to, or else by which the host reaches the source)
  --proto NAME           tcp, udp or icmp (default tcp)
  --dport PORT           destination port
  --sport PORT           source port
  --mark MARK            the packet's mark, such as 0x100000 (default 0)
  --sample N             look up N source ports as well: how they split
  -o, --output FORM      text or json (default text)

${optionsHelp(OPTIONS)}`;

type ExplainFlags = Omit<RunFlags, 'output'> & FlowWords & { readonly output: 'text' | 'json' };

export function explainCommand(context: CliContext): Command {
  return addOptions(new Command('explain'), OPTIONS)
    .argument('<pattern>')
    .option('--to <address>')
    .option('--from <address>')
    .option('--iif <device>')
    .option('--proto <name>')
    .option('--dport <port>')
    .option('--sport <port>')
    .option('--mark <mark>')
    .option('--sample <count>')
    .addOption(new Option('-o, --output <form>').choices(['text', 'json']).default('text'))
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, flags: ExplainFlags) => {
      context.exit(await withDiagnostics(context, () => explainFlow(pattern, flags, context)));
    });
}

async function explainFlow(pattern: string, flags: ExplainFlags, context: CliContext): Promise<number> {
  const { output, ...others } = flags;
  const { modules, explanations } = flowInspection(flowOf(flags));
  const { errColours, outColours } = context.terminal;
  const failures = new TextReport({ write: context.err, isColoured: errColours, verbosity: 0, diff: false });
  const recap = await runPrepared(prepared(pattern, modules, await toRunOptions(others, context)), {
    emit(event) {
      if (
        event.kind === 'run-started' ||
        event.kind === 'host-unreachable' ||
        event.kind === 'task-finished'
      ) {
        failures.tell(event);
      }
    },
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  // In the order of the inventory, whoever answered first.
  const told = recap.flatMap(({ host }) => explanations.get(host) ?? []);
  const verdict = fleetVerdict(told);
  const paint = outColours ? COLOURS : NO_COLOURS;
  const texts = told.map((each) => explanationText(each, paint));
  const last = verdict === undefined ? [] : [fleetText(verdict, paint)];
  context.out(output === 'json' ? jsonText(told) : [...texts, ...last].join('\n'));
  const status = exitCodeOf(recap, 'apply');
  return status === 0 && (isFault(verdict) || !told.every(agrees)) ? 1 : status;
}

function flowOf(words: FlowWords): Flow {
  try {
    return parseFlow(words);
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    throw usageError(error.message, error.hint);
  }
}

/** A play of two tasks that only look; in check mode, so that the hosts are read-only ones. */
function prepared(pattern: string, modules: readonly HostModule[], options: RunOptions): PreparedRun {
  const problems = new Problems();
  const tasks = modules.map(() => ({ name: 'explain', ping: null }));
  const source = new SourceFile('command line', JSON.stringify([{ hosts: pattern, tasks }], undefined, 1));
  const path = join(process.cwd(), 'command-line.yml');
  const run = prepare(readPlaybook(source, problems), path, { ...options, mode: 'check' }, problems);
  const plays = run.plays.map((each) => {
    const sections = each.play.sections.map((section) => ({
      ...section,
      list: {
        ...section.list,
        tasks: section.list.tasks.map((task, index) => ({ ...task, module: modules[index] ?? task.module })),
      },
    }));
    return { ...each, play: { ...each.play, sections } };
  });
  return { ...run, plays };
}

function jsonText(told: readonly Explanation[]): string {
  const byHost = Object.fromEntries(told.map((each) => [each.host, explanationJson(each)]));
  return `${JSON.stringify(byHost, undefined, 2)}\n`;
}
