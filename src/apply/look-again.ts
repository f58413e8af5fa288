// Before a plan is carried out on a host, all that it was made on is looked at once more, together: where something has
// moved nothing is changed there, and it is told what.
import type { Emit, TaskLabel } from '../event.ts';
import type { Become, ProgramOutcome } from '../host/host.ts';
import { movedSince, seenOf } from '../plan/seen.ts';
import { inspectProgram } from '../plan/wave-programs.ts';
import type { HostRun } from './host-run.ts';
import { hostAfter, interruptible } from './interruptible.ts';
import type { PlannedHostAction, PlannedPlays } from './planned-plays.ts';
import type { HostPlayContext } from './play-context.ts';
import { labelOf } from './task-outcome.ts';

/** In one program. */
const AT_ONCE = 200;

type Moved = { readonly task: TaskLabel; readonly since: readonly string[] };

/** Whether a host may begin; looked at once, before its first play. */
export function lookAgain(
  { actionsOf }: PlannedPlays,
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal },
): NonNullable<HostPlayContext['admit']> {
  const admitted = new Set<string>();
  return async (run) => {
    if (admitted.has(run.name)) return true;
    const came = await look(run, actionsOf(run.name), signal);
    if (came === 'out') return false;
    if (came.length === 0) {
      admitted.add(run.name);
      return true;
    }
    emit({ kind: 'host-moved', host: run.name, moved: came });
    run.end('failed');
    return false;
  };
}

/** What has moved. `out`: it could not be asked, which is told. */
async function look(
  run: HostRun,
  all: readonly PlannedHostAction[],
  signal: AbortSignal,
): Promise<readonly Moved[] | 'out'> {
  // What is done on another machine is looked at when it is its turn.
  const own = all.filter(({ planned }) => planned.seen !== undefined && planned.delegate === undefined);
  if (own.length === 0) return [];
  if (!(await run.connect())) return 'out';
  const moved: Moved[] = [];
  for (const group of groupsOf(own)) {
    const [first] = group;
    const actions = group.map(({ action }) => action);
    const inspection = inspectProgram(actions);
    let steps: Extract<ProgramOutcome, { kind: 'finished' }>['steps'] = new Map();
    if (inspection.program !== undefined) {
      run.working('inspecting', actions.map(labelOf));
      const become = first?.action.become;
      const options = become === undefined ? {} : { become };
      const outcome = await interruptible(run.host.run(inspection.program, options), signal);
      if (outcome.kind !== 'finished') return cutOff(run, group, outcome);
      steps = outcome.steps;
    }
    for (const { action, planned } of group) {
      const actual = inspection.read(action, steps);
      const since =
        actual === undefined
          ? ['it could not be looked at']
          : planned.seen === undefined
            ? []
            : movedSince(planned.seen, seenOf(action, actual));
      if (since.length > 0) moved.push({ task: labelOf(action), since });
    }
  }
  return moved;
}

function cutOff(
  run: HostRun,
  [first]: readonly PlannedHostAction[],
  outcome: Exclude<ProgramOutcome, { kind: 'finished' }>,
): readonly Moved[] | 'out' {
  if (hostAfter(outcome) === 'interrupted') {
    run.end('interrupted');
    return 'out';
  }
  const message = outcome.kind === 'withheld' ? 'the host refuses to be read' : outcome.message;
  return first === undefined ? [] : [{ task: labelOf(first.action), since: [message] }];
}

/** Those that can be looked at by one program: as the same user, and not too many. */
function groupsOf(all: readonly PlannedHostAction[]): readonly (readonly PlannedHostAction[])[] {
  const byUser = new Map<string, PlannedHostAction[]>();
  for (const each of all) {
    const key = keyOf(each.action.become);
    const group = byUser.get(key) ?? [];
    byUser.set(key, group);
    group.push(each);
  }
  return [...byUser.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / AT_ONCE) }, (_, index) =>
      group.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
    ),
  );
}

function keyOf(become: Become | undefined): string {
  if (become === undefined) return '';
  const { method, user, flags = '', password } = become;
  return [method, user, flags, password?.reveal() ?? ''].join('\0');
}
