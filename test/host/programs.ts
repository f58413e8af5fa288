// Short ways to write programs and to read outcomes, for the tests of this folder.
import type { Program, ProgramOutcome, Step, StepOutcome } from '../../src/host/host.ts';

/** A program of steps s0, s1, …; each stops the rest when it fails. */
export function program(...scripts: readonly (string | Partial<Step>)[]): Program {
  return {
    kind: 'change',
    steps: scripts.map((script, index) => ({
      id: `s${index}`,
      onFailure: 'stop',
      ...(typeof script === 'string' ? { script } : { script: ':', ...script }),
    })),
  };
}

/** The outcomes of a program that finished, in the order of its steps. */
export function steps(outcome: ProgramOutcome): readonly StepOutcome[] {
  if (outcome.kind !== 'finished') throw new Error(`not finished: ${JSON.stringify(outcome)}`);
  return [...outcome.steps.values()];
}

/** The stdout of the only step of a program that finished with status 0. */
export function stdout(outcome: ProgramOutcome): string {
  const [only] = steps(outcome);
  if (only?.kind !== 'exited' || only.exitCode !== 0) throw new Error(`failed: ${JSON.stringify(only)}`);
  return only.stdout;
}

export function exited(exitCode: number, stdoutText = '', stderr = ''): StepOutcome {
  return { kind: 'exited', exitCode, stdout: stdoutText, stderr };
}
