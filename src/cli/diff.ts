// fairlead diff: how the states of hosts after two generations differ.
import { Command } from 'commander';
import type { Moment } from '../guard/ask.ts';
import { type Differences, parseDifferences } from '../guard/differences.ts';
import { differencesText } from '../report/differences-text.ts';
import { escapeLine } from '../report/escape.ts';
import type { Saying } from '../report/guard-status-text.ts';
import { fleetStatus } from '../run/fleet-work.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { addFleetOptions, FLEET_HELP, Fleet, type FleetFlags } from './fleet-command.ts';

const HELP = `Usage: fairlead diff [OPTIONS] PATTERN N [M]

How hosts after generation M differ from how they were after generation N: the
kernel's state, and the files that were touched in between. M is a number or now
(default now); N may be 0, for before the first. Files that not everybody on the
host may read are named, not shown. Exit status 3 where something differs.

${FLEET_HELP}`;

export function diffCommand(context: CliContext): Command {
  return addFleetOptions(new Command('diff'))
    .argument('<pattern>')
    .argument('<from>')
    .argument('[to]', '', 'now')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, from: string, to: string, flags: FleetFlags) => {
      const moments = () => ({ from: momentOf(from), to: momentOf(to) });
      context.exit(await withDiagnostics(context, () => diff(pattern, moments(), flags, context)));
    });
}

interface Moments {
  readonly from: Moment;
  readonly to: Moment;
}

export function momentOf(text: string): Moment {
  if (text === 'now') return 'now';
  if (!/^\d{1,9}$/.test(text)) throw usageError(`"${text}" is no generation: a number or now is wanted`);
  return Number(text);
}

async function diff(
  pattern: string,
  { from, to }: Moments,
  flags: FleetFlags,
  context: CliContext,
): Promise<number> {
  const fleet = await Fleet.of(pattern, flags, context);
  const all = await fleet.ask<Differences>({ kind: 'diff', from, to }, ({ stdout }) => ({
    kind: 'done',
    value: parseDifferences(stdout),
  }));
  const json: Record<string, unknown> = Object.create(null);
  for (const [host, came] of all) {
    if (came.kind !== 'done') fleet.complainOf(host, came);
    else if (fleet.output === 'json') json[host] = came.value;
    else if (isNone(came.value)) fleet.say(host, sameSaying(came.value));
    else {
      const title = `${escapeLine(host)}: from ${nameOf(from)} to ${nameOf(to)}`;
      fleet.print(`${fleet.paint.bold(title)}\n${differencesText(came.value, fleet.paint)}`);
    }
  }
  if (fleet.output === 'json') fleet.json(json);
  const status = fleetStatus(all);
  const differs = [...all.values()].some((came) => came.kind === 'done' && !isNone(came.value));
  return status === 0 && differs ? 3 : status;
}

function sameSaying({ isPartial }: Differences): Saying {
  const text = isPartial
    ? 'the files that it left; of the newest generation nothing else is kept'
    : 'nothing differs';
  return { word: 'same', mood: 'good', text };
}

function nameOf(moment: Moment): string {
  return moment === 'now' ? 'now' : `generation ${moment}`;
}

function isNone({ list, changedSince }: Differences): boolean {
  return list.length + changedSince.length === 0;
}
