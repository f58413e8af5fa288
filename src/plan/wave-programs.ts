// A wave's two programs, and the way back from what they printed to each action.
import type { Program, Step, StepOutcome } from '../host/host.ts';
import { parseProbes, probeScript } from '../modules/file/file-probe.ts';
import type { ChangeProgram, Inspected, Output } from '../modules/module.ts';
import type { HostAction } from './action.ts';

const FILES_STEP = 'files';

export interface InspectProgram {
  /** Undefined where nobody wants to look at anything. */
  readonly program: Program | undefined;
  /** What an action is told, given the outcomes; undefined where its step did not end. */
  read(action: HostAction, steps: ReadonlyMap<string, StepOutcome>): Inspected | undefined;
}

/**
 * All file probes of the wave in one step, then a step for each action that has a script. `alongside`: what else is to
 * be looked at where the host is asked anyway.
 */
export function inspectProgram(
  actions: readonly HostAction[],
  alongside: readonly Step[] = [],
): InspectProgram {
  const probes = actions.flatMap(({ inspection }) => inspection.files ?? []);
  const ids = new Map(actions.map((action, index) => [action, `inspect-${index}`] as const));
  const steps: Step[] = [];
  if (probes.length > 0) steps.push({ id: FILES_STEP, script: probeScript(probes), onFailure: 'continue' });
  for (const [{ inspection, environment }, id] of ids) {
    const { script } = inspection;
    if (script !== undefined) steps.push({ id, script, onFailure: 'continue', environment });
  }
  return {
    program: steps.length === 0 ? undefined : { kind: 'inspect', steps: [...steps, ...alongside] },
    read: (action, outcomes) => inspected(action, outcomes, ids.get(action) ?? ''),
  };
}

const NOTHING: Output = { exitCode: 0, stdout: '', stderr: '' };

function inspected(
  { inspection }: HostAction,
  outcomes: ReadonlyMap<string, StepOutcome>,
  id: string,
): Inspected | undefined {
  const { files: probes = [], script } = inspection;
  const found = probes.length === 0 ? undefined : outcomes.get(FILES_STEP);
  if (probes.length > 0 && found?.kind !== 'exited') return undefined;
  const files = found?.kind === 'exited' ? parseProbes(probes, found) : new Map();
  if (script === undefined) return { files, output: NOTHING };
  const output = outcomes.get(id);
  return output?.kind === 'exited' ? { files, output } : undefined;
}

export interface PlannedChange {
  readonly action: HostAction;
  readonly change: ChangeProgram;
}

/** What goes around changes: for the guard, for one. */
export interface Surroundings {
  /** Before all of them, and behind. */
  readonly lead: readonly Step[];
  readonly trail: readonly Step[];
  /** A change's script with what goes with it; its status and what it prints are still the change's. */
  readonly wrap: (change: PlannedChange) => string;
}

/** One step per change, in order; a failure stops those behind it unless the task ignores errors. */
export function changeProgram(
  changes: readonly PlannedChange[],
  { lead = [], trail = [], wrap = ({ change }) => change.script }: Partial<Surroundings> = {},
): Program {
  const own = changes.map(
    (each, index): Step => ({
      id: changeStep(index),
      script: wrap(each),
      onFailure: each.action.task.onFailure === 'continue' ? 'continue' : 'stop',
      environment: each.action.environment,
    }),
  );
  return { kind: 'change', steps: [...lead, ...own, ...trail] };
}

/** The id of the step that makes the change with this index. */
export function changeStep(index: number): string {
  return `change-${index}`;
}

/** Whether it is of a change, and not of what goes around them. */
export function isChangeStep(id: string): boolean {
  return id.startsWith('change-');
}

/** What would change, tried out in check mode: read-only, and undefined where nobody has anything to try. */
export function rehearsalProgram(
  changes: readonly (PlannedChange & { readonly rehearsal?: string })[],
): Program | undefined {
  const steps = changes.flatMap(({ action, rehearsal }, index): readonly Step[] =>
    rehearsal === undefined
      ? []
      : [
          {
            id: rehearsalStep(index),
            script: rehearsal,
            onFailure: 'continue',
            environment: action.environment,
          },
        ],
  );
  return steps.length === 0 ? undefined : { kind: 'inspect', steps };
}

export function rehearsalStep(index: number): string {
  return `rehearse-${index}`;
}
