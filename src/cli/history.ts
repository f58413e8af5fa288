// fairlead history: the generations of the hosts of a pattern.
import { Command } from 'commander';
import { type Generation, parseGenerations } from '../guard/generations.ts';
import { escapeLine } from '../report/escape.ts';
import { generationsText } from '../report/generations-text.ts';
import { fleetStatus } from '../run/fleet-work.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { addFleetOptions, FLEET_HELP, Fleet, type FleetFlags } from './fleet-command.ts';

const HELP = `Usage: fairlead history [OPTIONS] PATTERN

The confirmed changes that hosts keep, newest first: the last ten of each.
fairlead diff shows what they did, fairlead rollback takes them back.

${FLEET_HELP}`;

export function historyCommand(context: CliContext): Command {
  return addFleetOptions(new Command('history'))
    .argument('<pattern>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, flags: FleetFlags) => {
      context.exit(await withDiagnostics(context, () => history(pattern, flags, context)));
    });
}

async function history(pattern: string, flags: FleetFlags, context: CliContext): Promise<number> {
  const fleet = await Fleet.of(pattern, flags, context);
  const histories = await fleet.ask<readonly Generation[]>({ kind: 'generations' }, ({ stdout }) => ({
    kind: 'done',
    value: parseGenerations(stdout).toReversed(),
  }));
  const json: Record<string, unknown> = Object.create(null);
  for (const [host, came] of histories) {
    if (came.kind !== 'done') fleet.complainOf(host, came);
    else if (fleet.output === 'json') json[host] = came.value;
    else if (came.value.length === 0)
      fleet.say(host, { word: 'idle', mood: 'good', text: 'there is no generation' });
    else fleet.print(`${fleet.paint.bold(escapeLine(host))}\n${generationsText(came.value, fleet.paint)}`);
  }
  if (fleet.output === 'json') fleet.json(json);
  return fleetStatus(histories);
}
