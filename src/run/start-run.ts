// --start-at-task over everything that is going to be run: what stands before the task is taken out, and whoever needs what that
// would have set is told before any host is contacted.
import type { EnginePlay } from '../apply/engine.ts';
import { DiagnosticError, Problems } from '../diagnostic.ts';
import { Vault } from '../load/vault/vault.ts';
import { withMaskedDiagnostics } from '../masking.ts';
import { checkPlay } from '../resolve/check-play.ts';
import { LeftNames } from '../resolve/left-names.ts';
import { tasksOf } from '../resolve/play-tasks.ts';
import { canStartIn, namesLeftOut, noStart, startAt } from '../resolve/start-at.ts';
import { factsShapeOf } from './facts-shape.ts';
import type { PreparedRun, RunOptions } from './run.ts';

/**
 * The runs from the first task of that name on, without those that end before it. Throws a DiagnosticError where there is none,
 * or where a later task needs what an earlier one would have left behind.
 */
export function startingAt(runs: readonly PreparedRun[], name: string): readonly PreparedRun[] {
  const start = startAt(name);
  const isFirst = ({ play }: EnginePlay): boolean => canStartIn(play, start);
  const first = runs.findIndex(({ plays }) => plays.some(isFirst));
  const run = runs[first];
  if (run === undefined) {
    const plays = runs.flatMap((each) => each.plays);
    const late = plays.flatMap(({ lateIncludes }) => [...lateIncludes]);
    const resolved = plays.map(({ play }) => play);
    throw new DiagnosticError([noStart(name, resolved, late)]);
  }
  const index = run.plays.findIndex(isFirst);
  const begun = run.plays
    .slice(index)
    .map((each, place): EnginePlay => (place === 0 ? { ...each, start } : each));
  check(begun, run.plays.slice(0, index), run.options);
  return [{ ...run, plays: begun }, ...runs.slice(first + 1)];
}

/** `before`: plays of the same playbook that are not run. */
function check(begun: readonly EnginePlay[], before: readonly EnginePlay[], { vault }: RunOptions): void {
  const problems = new Problems();
  const left = new LeftNames();
  const leftOut = new Map(
    before.flatMap(({ play }) => tasksOf(play)).flatMap((task) => [...namesLeftOut(task)]),
  );
  for (const { play, scopes, files, start, needsFacts } of begun) {
    const how = { scopes, files, factsShape: factsShapeOf(play), left, start, leftOut };
    const checked = checkPlay(play, how, problems);
    left.add(play, { hasFacts: needsFacts, leavesOut: (task) => checked.leftOut.has(task) });
    for (const [name, why] of [...checked.leftOut].flatMap((task) => [...namesLeftOut(task)]))
      leftOut.set(name, why);
  }
  withMaskedDiagnostics((vault ?? new Vault()).secrets, () => problems.throwIfAny());
}
