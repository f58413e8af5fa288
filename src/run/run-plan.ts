// A plan is made by a run in check mode that is written down, and carried out by the same engine: what was reviewed is what
// runs. Files and keys are the business of cli/plan-file.ts.
import { lookAgain } from '../apply/look-again.ts';
import { plannedPlays } from '../apply/planned-plays.ts';
import { Problems } from '../diagnostic.ts';
import type { HostRecap } from '../event.ts';
import { operator } from '../guard/operator.ts';
import { loadInventory } from '../load/inventory/load-inventory.ts';
import { Vault } from '../load/vault/vault.ts';
import { maskedEmit } from '../masking.ts';
import { PlanRecorder, type Undecided } from '../plan/plan-recorder.ts';
import type { PlanBody, PlannedPlay } from '../plan/saved-plan.ts';
import { selectHosts } from '../resolve/host-pattern.ts';
import { type PreparedRun, type RunEnvironment, type RunOptions, runPrepared } from './run.ts';

export interface MadePlan {
  /** Only of hosts that could be asked to the end. */
  readonly body: PlanBody;
  /** What no plan can hold. */
  readonly undecided: readonly Undecided[];
  readonly recap: readonly HostRecap[];
}

/** `runs`: prepared as for applying. Changes nothing. */
export async function makePlan(runs: readonly PreparedRun[], environment: RunEnvironment): Promise<MadePlan> {
  const recorder = new PlanRecorder();
  const recap: HostRecap[] = [];
  for (const run of runs) {
    const options: RunOptions = { ...run.options, mode: 'check', diff: true, audit: true };
    recap.push(...(await runPrepared({ ...run, options }, { ...environment, watch: recorder.watch })));
  }
  const lost = new Set(recap.filter(({ status }) => status !== 'ok').map(({ host }) => host));
  const plays = runs.flatMap((run) => playsOf(run, recorder, lost));
  const hosts = new Set(plays.flatMap(({ hosts, actions }) => [...hosts, ...delegatesOf(actions)]));
  const connections = Object.fromEntries(
    runs.flatMap((run) => [...run.connections]).filter(([host]) => hosts.has(host)),
  );
  const undecided = [...recorder.undecided, ...runs.flatMap(growing)];
  return { body: { plays, connections }, undecided, recap };
}

function playsOf(
  run: PreparedRun,
  recorder: PlanRecorder,
  lost: ReadonlySet<string>,
): readonly PlannedPlay[] {
  return run.plays.map(({ play, guard, peers }): PlannedPlay => {
    const { name, pattern, folder, serial, maxFailPercentage, anyErrorsFatal, maxFailures } = play;
    const actions = [...recorder.actionsOf(play)].filter(([host]) => !lost.has(host));
    const guarding = { ...(guard && { guard }), peers };
    return {
      ...{ name, pattern, folder, serial, anyErrorsFatal, guarding },
      playbook: play.origin.span().file,
      hosts: play.hosts.filter((host) => !lost.has(host)),
      ...(maxFailPercentage !== undefined && { maxFailPercentage }),
      ...(maxFailures !== undefined && { maxFailures }),
      actions: Object.fromEntries(actions),
    };
  });
}

/** Hosts that are only there once others have run. */
function growing({ plays }: PreparedRun): readonly Undecided[] {
  return plays
    .filter(({ renew }) => renew !== undefined)
    .map(({ play }) => {
      const { file, line, column } = play.origin.span();
      return {
        title: `play ${play.name}`,
        place: `${file}:${line}:${column}`,
        reason: 'tasks before it may add hosts',
      };
    });
}

function delegatesOf(actions: PlannedPlay['actions']): readonly string[] {
  return Object.values(actions).flatMap((list) => list.flatMap(({ delegate }) => delegate ?? []));
}

/** Whether blocks with a rescue part are in it: a plan has none of their rescue parts. */
export function hasRescue({ plays }: PreparedRun): boolean {
  return plays.some(({ play }) => play.sections.some(({ list }) => rescues(list)));
}

function rescues({
  regions,
}: {
  readonly regions: readonly ({ readonly rescue: Range } | undefined)[];
}): boolean {
  return regions.some((region) => region !== undefined && region.rescue.end > region.rescue.start);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The hosts of a plan that the pattern selects; all of them without one. Throws a DiagnosticError. */
export function hostsOfPlan({ plays }: PlanBody, limit: string | undefined): ReadonlySet<string> {
  const all = [...new Set(plays.flatMap(({ hosts }) => hosts))];
  if (limit === undefined) return new Set(all);
  const problems = new Problems();
  const inventory = loadInventory(
    [`${all.join(',')},`],
    { playbookFolder: '/proc/none', vault: new Vault() },
    problems,
  );
  const selected = selectHosts(inventory, { pattern: limit, at: undefined }, problems);
  problems.throwIfAny();
  return new Set(selected);
}

/** Runs a plan on hosts of it. */
export async function applyPlan(
  body: PlanBody,
  hosts: ReadonlySet<string>,
  environment: RunEnvironment & Pick<RunOptions, 'forks' | 'vault'>,
): Promise<readonly HostRecap[]> {
  const { forks, vault = new Vault(), signal } = environment;
  const planned = plannedPlays(body.plays.map(byMe), hosts);
  const emit = maskedEmit(environment.emit, vault.secrets);
  const prepared: PreparedRun = {
    plays: planned.plays,
    inventory: { sources: [], hosts: new Map(), groups: new Map(), folders: [] },
    connections: new Map(Object.entries(body.connections)),
    prompts: [],
    options: { inventories: [], vault, diff: true, ...(forks !== undefined && { forks }) },
  };
  return runPrepared(prepared, { ...environment, admit: lookAgain(planned, { emit, signal }) });
}

/** The guard is told who carries it out, not who made it. */
function byMe(play: PlannedPlay): PlannedPlay {
  const { guard, ...others } = play.guarding as { readonly guard?: { readonly plan: object } };
  if (guard === undefined) return play;
  return {
    ...play,
    guarding: { ...others, guard: { ...guard, plan: { ...guard.plan, owner: operator() } } },
  };
}
