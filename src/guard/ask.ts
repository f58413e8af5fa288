// What operators ask a host's guard, as programs: the text of templates/guard/ask.sh comes with each, so that an answer
// does not depend on what lies on the host.
import { Buffer } from 'node:buffer';
import type { Program, StepOutput } from '../host/host.ts';
import { emit, words } from '../shell.ts';
import { askProgram } from './program.ts';
import { GUARD_FOLDER } from './transaction.ts';

/** A number stands for the state after that generation, 0 for that before the first. */
export type Moment = number | 'now';

export type Question =
  | { readonly kind: 'status' }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'extend'; readonly seconds: number }
  | { readonly kind: 'generations' }
  /** What going back there would do; undefined: to before the newest generation. */
  | { readonly kind: 'plan'; readonly to: number | undefined }
  | { readonly kind: 'diff'; readonly from: Moment; readonly to: Moment }
  | { readonly kind: 'remove'; readonly owner: string };

/** Exit statuses of an answer. */
export const ANSWERED = 0;
/** What was asked for did not come about; the answer tells what is the case. */
export const NOT_SO = 76;
export { NOT_ROOT } from './transaction.ts';
/** What worked before the change does not work. */
export const PROBES_FAILED = 77;

const ASKING: ReadonlySet<Question['kind']> = new Set(['status', 'generations', 'plan', 'diff']);

export function askProgramFor(question: Question): Program {
  const script = `guard_program() {
${emit(Buffer.from(askProgram()))}
}
${MEND}
guard_program | sh -s -- ${words(...wordsOf(question))}`;
  const isAsking = ASKING.has(question.kind);
  return {
    kind: isAsking ? 'inspect' : 'change',
    steps: [{ id: 'guard', script: isAsking ? script.replace(`${MEND}\n`, '') : script, onFailure: 'stop' }],
  };
}

/** Nobody goes back with a program that is cut short: what is pending gets this one in its place. */
const MEND = `guard_id=$(sed -n 's/^id=//p' ${GUARD_FOLDER}/current 2>/dev/null) || guard_id=
guard_file=${GUARD_FOLDER}/$guard_id/program
if [ -n "$guard_id" ] && [ -d "\${guard_file%/*}" ] && { [ ! -s "$guard_file" ] || ! sh -n "$guard_file" 2>/dev/null; }; then
  guard_program >"$guard_file"
fi`;

/** One sentence of what a program said of why it could not do something. */
export function complaint({ stderr, exitCode }: StepOutput): string {
  return stderr.trim() || `the guard's program exited ${exitCode}`;
}

function wordsOf(question: Question): readonly string[] {
  switch (question.kind) {
    case 'cancel':
      return ['cancel', question.reason];
    case 'extend':
      return ['extend', String(question.seconds)];
    case 'plan':
      return ['plan', String(question.to ?? -1)];
    case 'diff':
      return ['diff', String(question.from), String(question.to)];
    case 'remove':
      return ['remove', question.owner];
    default:
      return [question.kind];
  }
}
