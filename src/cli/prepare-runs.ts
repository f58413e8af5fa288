// The playbooks of a command line, prepared: all that is wrong with them is shown together, and what a person is to be
// asked for is asked once they have been checked.
import { DiagnosticError, Problems } from '../diagnostic.ts';
import { type PreparedRun, preparePlaybook, type RunOptions } from '../run/run.ts';
import { askPrompts } from './ask-prompts.ts';
import type { CliContext } from './context.ts';

/** What of the run's options is a playbook's own. */
export type OnlyFor = (playbook: string) => Pick<RunOptions, 'onlyHosts'>;

/** What can be checked without the answers of a person is checked before anybody is asked. */
export async function prepareAnswered(
  playbooks: readonly string[],
  options: RunOptions,
  {
    context,
    onlyFor = () => ({}),
    asks = true,
  }: { readonly context: CliContext; readonly onlyFor?: OnlyFor; readonly asks?: boolean },
): Promise<readonly PreparedRun[]> {
  const prepared = prepareAll(playbooks, { ...options, answers: 'later' }, onlyFor);
  const prompts = prepared.flatMap((each) => each.prompts);
  if (prompts.length === 0 || !asks) return prepared;
  const answers = await askPrompts(prompts, context);
  return prepareAll(playbooks, { ...options, answers }, onlyFor);
}

/** All playbooks are checked before the first one runs, and what is wrong with them is shown together. */
function prepareAll(
  playbooks: readonly string[],
  options: RunOptions,
  onlyFor: OnlyFor,
): readonly PreparedRun[] {
  const problems = new Problems();
  const prepared: PreparedRun[] = [];
  for (const path of playbooks) {
    try {
      prepared.push(preparePlaybook(path, { ...options, ...onlyFor(path) }));
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      for (const each of error.diagnostics) problems.add(each);
    }
  }
  problems.throwIfAny();
  return prepared;
}
