// A wave's two programs, and the way back from what they printed to each action.
import type { Program, Step, StepOutcome } from '../host/host.ts';
import { type FileProbe, type FileState, parseProbes, probeScript } from '../modules/file-probe.ts';
import type { ChangeProgram, Inspected, Inspection, Output } from '../modules/module.ts';
import type { HostAction } from './action.ts';

const FILES_STEP = 'files';

export interface InspectProgram {
  /** Undefined where nobody wants to look at anything. */
  readonly program: Program | undefined;
  /** What each action is told, given the outcomes; undefined for an action whose step did not end. */
  read(steps: ReadonlyMap<string, StepOutcome>): (action: HostAction) => Inspected | undefined;
}

/** All file probes of the wave in one step, then a step for each action that has a script. */
export function inspectProgram(actions: readonly HostAction[]): InspectProgram {
  const inspections = new Map(
    actions.map((action) => [action, action.module.inspect(action.wanted)] as const),
  );
  const probes = [...inspections.values()].flatMap((inspection) => inspection.files ?? []);
  const steps: Step[] = [];
  if (probes.length > 0) steps.push({ id: FILES_STEP, script: probeScript(probes), onFailure: 'continue' });
  actions.forEach((action, index) => {
    const script = inspections.get(action)?.script;
    if (script === undefined) return;
    steps.push({
      id: stepId('inspect', index),
      script,
      onFailure: 'continue',
      environment: action.environment,
    });
  });
  return {
    program: steps.length === 0 ? undefined : { kind: 'inspect', steps },
    read: (outcomes) => (action) =>
      inspected(inspections.get(action), stepId('inspect', actions.indexOf(action)), outcomes),
  };
}

export interface PlannedChange {
  readonly action: HostAction;
  readonly change: ChangeProgram;
}

/** One step per change, in order; a failure stops those behind it unless the task ignores errors. */
export function changeProgram(changes: readonly PlannedChange[]): Program {
  return {
    kind: 'change',
    steps: changes.map(({ action, change }, index) => ({
      id: stepId('change', index),
      script: change.script,
      onFailure: action.task.onFailure === 'continue' ? 'continue' : 'stop',
      environment: action.environment,
    })),
  };
}

export function changeOutcome(
  index: number,
  steps: ReadonlyMap<string, StepOutcome>,
): StepOutcome | undefined {
  return steps.get(stepId('change', index));
}

export function isDuringChange(index: number, during: string | undefined): boolean {
  return during === stepId('change', index);
}

function stepId(kind: 'inspect' | 'change', index: number): string {
  return `${kind}-${index}`;
}

function filesIn(
  probes: readonly FileProbe[],
  outcomes: ReadonlyMap<string, StepOutcome>,
): ReadonlyMap<string, FileState> | undefined {
  if (probes.length === 0) return new Map();
  const outcome = outcomes.get(FILES_STEP);
  return outcome?.kind === 'exited' ? parseProbes(probes, outcome) : undefined;
}

const NOTHING: Output = { exitCode: 0, stdout: '', stderr: '' };

function inspected(
  inspection: Inspection | undefined,
  id: string,
  outcomes: ReadonlyMap<string, StepOutcome>,
): Inspected | undefined {
  const files = filesIn(inspection?.files ?? [], outcomes);
  if (files === undefined) return undefined;
  if (inspection?.script === undefined) return { files, output: NOTHING };
  const outcome = outcomes.get(id);
  return outcome?.kind === 'exited' ? { files, output: outcome } : undefined;
}
