// The person at the terminal of a run: asked on the process's own terminal, while the report stands aside.
import type { Answer, Person, Question } from '../apply/errands/person.ts';
import { escapeForTerminal } from '../report/escape.ts';
import type { Report } from '../report/report.ts';
import { askHidden, askShown } from './ask.ts';
import { Interrupted } from './context.ts';

export interface TerminalOptions {
  /** Whose drawing must not disturb the question. */
  readonly report: Pick<Report, 'standAside'>;
  /** Ends the run, as Ctrl-C does anywhere else. */
  readonly interrupt: () => void;
}

/** Questions of hosts at work at the same time come one after the other. */
export function personAtTerminal({ report, interrupt }: TerminalOptions): Person {
  let before: Promise<unknown> = Promise.resolve();
  return {
    ask: (question, cut) => {
      const answer = before.then(async (): Promise<Answer> => {
        if (cut.aborted) return { kind: 'cut' };
        const goOn = await report.standAside?.();
        try {
          return await ask(question, cut, interrupt);
        } finally {
          goOn?.();
        }
      });
      before = answer;
      return answer;
    },
  };
}

async function ask({ text, echo }: Question, cut: AbortSignal, interrupt: () => void): Promise<Answer> {
  try {
    const said = await (echo ? askShown : askHidden)(escapeForTerminal(text), cut);
    return said === undefined ? { kind: 'nobody' } : { kind: 'said', text: said };
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    if (!cut.aborted) interrupt(); // Ctrl-C is a mere key to a terminal that shows nothing
    return { kind: 'cut' };
  }
}
