// That whatever tasks notify is there.
import { didYouMean, type Problems } from '../diagnostic.ts';
import type { ResolvedTask } from './resolved-task.ts';

export function checkNotify(
  tasks: readonly ResolvedTask[],
  handlers: readonly ResolvedTask[],
  problems: Problems,
): void {
  const known = new Set(handlers.flatMap((handler) => handler.answersTo));
  for (const { value, origin } of tasks.flatMap((task) => task.notify)) {
    if (known.has(value)) continue;
    const hint = didYouMean(value, known);
    problems.add({
      code: 'unknown-handler',
      summary: 'handler is not in the play',
      at: origin.span(),
      details: [
        known.size > 0
          ? `handlers are ${[...known].map((each) => `"${each}"`).join(', ')}`
          : 'the play has no handlers',
      ],
      ...(hint !== undefined && { hint }),
    });
  }
}
