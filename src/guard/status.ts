// Where a host's guard stands, read from what templates/guard/ask.sh says of it.
import { type GuardAnswer, parseAnswer } from './answer.ts';

/**
 * What keeps a transaction from ending by itself.
 * `overdue`: its time is up, and its timer is dead. `timer-dead`: it will be. `rebooted`: the host came up again and
 * nothing went back. `half-back`: who took it back died over it. `unfinished`: it has ended, and still holds the place.
 * `lost`: there is nothing left of it but the mark that holds the place.
 */
export type Trouble = 'overdue' | 'timer-dead' | 'rebooted' | 'half-back' | 'unfinished' | 'lost';

export type GuardStatus =
  | { readonly kind: 'idle' }
  | { readonly kind: 'removed' }
  | {
      readonly kind: 'pending';
      readonly answer: GuardAnswer;
      /** `going-back`: at this moment. */
      readonly stage: 'armed' | 'going-back' | 'confirmed' | 'undone' | 'gone';
      readonly trouble: Trouble | undefined;
    }
  | { readonly kind: 'confirmed'; readonly answer: GuardAnswer }
  /** The last transaction went back, and none has begun since. */
  | { readonly kind: 'went-back'; readonly answer: GuardAnswer };

/** Undefined: it said nothing that could be read. */
export function parseStatus(text: string): GuardStatus | undefined {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1];
  if (value('state') === 'none') return { kind: 'idle' };
  if (value('state') === 'removed') return { kind: 'removed' };
  const answer = parseAnswer(text);
  if (answer === undefined) return undefined;
  switch (answer.state) {
    case 'confirmed':
      return { kind: 'confirmed', answer };
    case 'undone':
      return { kind: 'went-back', answer };
    case 'unknown':
      return { kind: 'idle' };
    case 'busy': {
      const stage = stageOf(value('stage'));
      const isKept = value('keeper') === 'alive';
      return { kind: 'pending', answer, stage, trouble: troubleOf(answer, stage, { isKept }) };
    }
    default:
      return {
        kind: 'pending',
        answer,
        stage: answer.state === 'undoing' ? 'going-back' : 'armed',
        trouble: undefined,
      };
  }
}

type Stage = Extract<GuardStatus, { kind: 'pending' }>['stage'];

function stageOf(word: string | undefined): Stage {
  switch (word) {
    case 'armed':
    case 'confirmed':
    case 'undone':
      return word;
    case 'undoing':
      return 'going-back';
    default:
      return 'gone';
  }
}

function troubleOf(
  { leftS }: GuardAnswer,
  stage: Stage,
  { isKept }: { readonly isKept: boolean },
): Trouble | undefined {
  if (stage === 'gone') return 'lost';
  if (stage === 'confirmed' || stage === 'undone') return 'unfinished';
  if (isKept) return undefined;
  if (stage === 'going-back') return 'half-back';
  if (leftS === undefined) return 'rebooted';
  return leftS < 0 ? 'overdue' : 'timer-dead';
}
