// Asks the person at the terminal for what vars_prompt wants to know: once for each name, when all files have been checked
// and before any host is contacted.
import type { Prompt } from '../load/vars-prompt.ts';
import { escapeLine } from '../report/escape.ts';
import type { CliContext } from './context.ts';

/** Answers by name; without those that nobody could be asked for. */
export async function askPrompts(
  prompts: readonly Prompt[],
  context: CliContext,
): Promise<ReadonlyMap<string, string>> {
  const answers = new Map<string, string>();
  for (const prompt of prompts) {
    if (answers.has(prompt.name)) continue;
    const answer = await askFor(prompt, context);
    if (answer === undefined) continue;
    answers.set(prompt.name, answer);
  }
  return answers;
}

async function askFor(prompt: Prompt, context: CliContext): Promise<string | undefined> {
  const { question, fallback, isPrivate, confirm } = prompt;
  const ask = isPrivate ? context.ask : (context.askShown ?? context.ask);
  const usual = ['string', 'number', 'boolean'].includes(typeof fallback?.value)
    ? ` [${fallback?.value}]`
    : '';
  const text = escapeLine(`${question}${usual}: `);
  for (;;) {
    const answer = await ask?.(text);
    if (answer === undefined || !confirm || (await ask?.(`confirm ${text}`)) === answer) return answer;
    context.err('the two answers differ\n');
  }
}
