// The variables of vars_prompt: what a person answered, else the default. An answer is data, never a template; a private
// one is a secret.
import type { Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import { TaggedText } from '../load/tagged-text.ts';
import { type Prompt, Unanswered } from '../load/vars-prompt.ts';
import type { Vault } from '../load/vault/vault.ts';
import type { VariableLayer } from './host-scope.ts';

/** By the name of the variable. `later`: the answers are still to come, and all that does not rest on them is checked. */
export type Answers = 'later' | ReadonlyMap<string, string>;

/** Names that extra variables have are not asked for. What has neither answer nor default is a problem. */
export function promptedVariables(
  prompts: readonly Prompt[],
  {
    answers,
    extraVars,
    vault,
  }: { readonly answers: Answers; readonly extraVars: VariableLayer; readonly vault?: Vault },
  problems: Problems,
): VariableLayer {
  const layer = new Map<string, Located<unknown>>();
  for (const prompt of prompts) {
    const { name, origin } = prompt;
    if (extraVars.has(name)) continue;
    const answer = answers === 'later' ? undefined : answers.get(name);
    if (answer !== undefined && prompt.isPrivate) vault?.secrets.add(answer);
    const value = answers === 'later' ? new Unanswered(name) : answerTo(prompt, answers);
    if (value !== undefined)
      layer.set(name, value instanceof Object && 'origin' in value ? value : { value, origin });
    else problems.add(unanswered(prompt));
  }
  return layer;
}

/** Whether the play has prompts whose answers are still to come. */
export function isUnanswered(play: { readonly vars: readonly VariableLayer[] }): boolean {
  return play.vars.some((layer) => [...layer.values()].some(({ value }) => value instanceof Unanswered));
}

function answerTo(
  { name, fallback }: Prompt,
  answers: ReadonlyMap<string, string>,
): TaggedText | Located<unknown> | undefined {
  const answer = answers.get(name);
  if (answer !== undefined && (answer !== '' || fallback === undefined))
    return new TaggedText('unsafe', answer);
  if (fallback === undefined) return undefined;
  const { value } = fallback;
  // As if it had been typed.
  return typeof value === 'number' || typeof value === 'boolean'
    ? { ...fallback, value: String(value) }
    : fallback;
}

function unanswered({ name, origin }: Prompt) {
  return {
    code: 'prompt-unanswered',
    summary: 'nobody can be asked',
    at: origin.span(),
    details: [`there is no terminal on which to ask for "${name}", and it has no default`],
    hint: `give it with -e ${name}=VALUE`,
  } as const;
}
