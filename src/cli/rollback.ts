// fairlead rollback: hosts back to an earlier generation, each under guard, one after the other.
import { type Command as Cli, Command } from 'commander';
import { systemClock } from '../apply/clock.ts';
import { operator } from '../guard/operator.ts';
import { parsePlan, type RollbackPlan } from '../guard/plan.ts';
import { type RollbackEnd, rollBack } from '../guard/rollback.ts';
import { differencesText } from '../report/differences-text.ts';
import { planSaying, rollbackSaying } from '../report/rollback-text.ts';
import { parseGuard } from '../resolve/guard-wish.ts';
import { type FleetHost, fleetStatus, type HostWork } from '../run/fleet-work.ts';
import { DEFAULT_FORKS } from '../run/run.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { momentOf } from './diff.ts';
import { addFleetOptions, FLEET_HELP, Fleet, type FleetFlags, NOT_UNDERSTOOD } from './fleet-command.ts';

const HELP = `Usage: fairlead rollback [OPTIONS] PATTERN

Takes hosts back to how they were before their newest generation, and says first
what that means for each. Where a new connection does not get in afterwards, the
host undoes it. One host after the other; the first one that is not well stops it.

Rollback:
  --to N                 to how it was after generation N; 0: before the first
  --guard TIME           how long a host waits to be confirmed (default 60s)
  -C, --check            change nothing, say what would change (exit status 3)
  -D, --diff             show how files and the kernel's state would change

${FLEET_HELP.replace(`(default ${DEFAULT_FORKS})`, '(default 1)')}`;

type RollbackFlags = FleetFlags & { readonly to?: string; readonly guard: string };

type Plan = Extract<RollbackPlan, { kind: 'back' }>;

export function rollbackCommand(context: CliContext): Command {
  return addFleetOptions(new Command('rollback'))
    .argument('<pattern>')
    .option('--to <generation>')
    .option('--guard <time>', '', '60s')
    .option('-C, --check')
    .option('-D, --diff')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (pattern: string, flags: RollbackFlags, command: Cli) => {
      const isAsked = command.getOptionValueSource('forks') !== 'default';
      const options = { ...flags, forks: isAsked ? flags.forks : 1 } as RollbackFlags;
      context.exit(await withDiagnostics(context, () => rollback(pattern, options, context)));
    });
}

async function rollback(pattern: string, flags: RollbackFlags, context: CliContext): Promise<number> {
  const to = numberOf(flags.to);
  const windowS = windowOf(flags.guard);
  const { guard: _, to: __, ...others } = flags;
  const fleet = await Fleet.of(pattern, others, context);
  const plans = await fleet.ask<RollbackPlan>({ kind: 'plan', to }, ({ stdout }) => {
    const value = parsePlan(stdout);
    return value === undefined ? NOT_UNDERSTOOD : { kind: 'done', value };
  });
  const mode = flags.check === true ? 'check' : 'apply';
  const json: Record<string, unknown> = Object.create(null);
  for (const [host, came] of plans) {
    if (came.kind !== 'done') fleet.complainOf(host, came);
    else {
      json[host] = { plan: came.value };
      if (fleet.output === 'text') tellPlan(host, came.value, { fleet, mode, diff: flags.diff === true });
    }
  }
  const status = fleetStatus(plans, ({ kind }) => kind !== 'busy');
  const work = new Map([...plans].flatMap(([host, came]) => planOf(host, came)));
  if (mode === 'check' || work.size === 0 || status === 130) {
    if (fleet.output === 'json') fleet.json(json);
    return status === 0 && work.size > 0 ? 3 : status;
  }
  const ends = await goBack(work, { fleet, windowS, json });
  if (fleet.output === 'json') fleet.json(json);
  return Math.max(status, fleetStatus(ends, isWell));
}

function planOf(host: string, came: HostWork<RollbackPlan>): readonly (readonly [string, Plan])[] {
  return came.kind === 'done' && came.value.kind === 'back' ? [[host, came.value]] : [];
}

function tellPlan(
  host: string,
  plan: RollbackPlan,
  { fleet, mode, diff }: { readonly fleet: Fleet; readonly mode: 'apply' | 'check'; readonly diff: boolean },
): void {
  const saying = planSaying(host, plan, mode);
  if (plan.kind === 'busy') fleet.complain(host, saying);
  else fleet.say(host, saying);
  if (!diff || plan.kind !== 'back') return;
  const text = differencesText(plan.differences, fleet.paint);
  if (text !== '') fleet.print(text);
}

function goBack(
  plans: ReadonlyMap<string, Plan>,
  {
    fleet,
    windowS,
    json,
  }: { readonly fleet: Fleet; readonly windowS: number; readonly json: Record<string, unknown> },
): Promise<ReadonlyMap<string, HostWork<RollbackEnd>>> {
  const clock = systemClock(fleet.context.signal);
  const back = async ({ name, host, anotherWay, become }: FleetHost): Promise<HostWork<RollbackEnd>> => {
    const rollback = plans.get(name);
    if (rollback === undefined) return { kind: 'not-started' };
    const plan = {
      windowS,
      owner: operator(),
      playbook: `fairlead rollback --to ${rollback.to}`,
      play: '',
    };
    const value = await rollBack({ plan, host, anotherWay, clock, become, rollback });
    return value.kind === 'undone' && value.end.kind === 'interrupted'
      ? { kind: 'interrupted' }
      : { kind: 'done', value };
  };
  return fleet.work(back, {
    onTrouble: 'stop',
    isGood: isWell,
    takesPart: (host) => plans.has(host),
    told: (host, came) => {
      const plan = plans.get(host);
      if (came.kind !== 'done' || plan === undefined) return fleet.complainOf(host, came);
      json[host] = { plan, end: came.value };
      if (fleet.output === 'json') return;
      const saying = rollbackSaying(came.value, plan);
      if (isWell(came.value)) fleet.say(host, saying);
      else fleet.complain(host, saying);
    },
  });
}

function isWell(end: RollbackEnd): boolean {
  return end.kind === 'reverted' && end.failures.length + end.differences.length === 0;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const moment = momentOf(text);
  if (moment === 'now')
    throw usageError('a host is as it is now already', 'give --to the number of a generation');
  return moment;
}

function windowOf(text: string): number {
  const wish = parseGuard(text);
  if (wish === undefined)
    throw usageError(`"${text}" is no time from 5s to 24h`, 'write it as 90s, 5m or 1h');
  if (wish === 'off') throw usageError('a rollback goes with its guard', 'give --guard a longer time');
  return wish;
}
