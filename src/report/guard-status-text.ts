// Where the guard of a host stands, as lines of text.
import type { GuardAnswer } from '../guard/answer.ts';
import type { GuardStatus, Trouble } from '../guard/status.ts';
import { unreachable } from '../unreachable.ts';
import { escapeLine } from './escape.ts';
import { span } from './numbers.ts';
import type { Paint } from './paint.ts';

/** A word for the host's line, what is behind it, and lines below. */
export interface Saying {
  readonly word: string;
  readonly mood: 'good' | 'notable' | 'bad';
  readonly text: string;
  readonly more?: readonly string[];
  readonly hint?: string;
}

/** The lines of one host. Without a newline at the end. */
export function sayingText(
  host: string,
  { word, mood, text, more = [], hint }: Saying,
  { paint, hostWidth }: { readonly paint: Paint; readonly hostWidth: number },
): string {
  const colour = { good: paint.green, notable: paint.yellow, bad: paint.red }[mood];
  return [
    `${escapeLine(host).padEnd(hostWidth)}  ${colour(word.padEnd(WORD_WIDTH))}  ${escapeLine(text)}`.trimEnd(),
    ...more.map((line) => `    ${escapeLine(line)}`),
    ...(hint === undefined ? [] : [`    ${paint.cyan('hint:')} ${escapeLine(hint)}`]),
  ].join('\n');
}

/** As wide as the words of other reports. */
const WORD_WIDTH = 12;

/** `host` is for the command that a hint proposes. */
export function statusSaying(host: string, status: GuardStatus): Saying {
  switch (status.kind) {
    case 'idle':
      return { word: 'idle', mood: 'good', text: 'nothing is pending' };
    case 'removed':
      return { word: 'removed', mood: 'good', text: 'the guard, its boot hook and its history' };
    case 'confirmed':
      return { word: 'confirmed', mood: 'good', text: `${whatOf(status.answer)} stays` };
    case 'went-back':
      return wentBackSaying(status.answer);
    case 'pending':
      return pendingSaying(host, status);
    default:
      return unreachable(status);
  }
}

export function wentBackSaying(answer: GuardAnswer): Saying {
  const { at, reason } = answer;
  return {
    word: 'rolled back',
    mood: 'notable',
    text: `${at === '' ? '' : `at ${at}, `}because ${because(reason)}`,
    more: [whatOf(answer), ...leftovers(answer)],
  };
}

/** What is not as it was. */
export function leftovers({
  failures,
  differences,
}: Pick<GuardAnswer, 'failures' | 'differences'>): readonly string[] {
  return [
    ...failures.map((each) => `could not be put back: ${each}`),
    ...differences.map((each) => `not as before: ${each}`),
  ];
}

function pendingSaying(
  host: string,
  { answer, stage, trouble }: Extract<GuardStatus, { kind: 'pending' }>,
): Saying {
  const { leftS, owner, playbook, started } = answer;
  if (trouble !== undefined) {
    return {
      word: trouble === 'unfinished' ? 'unfinished' : 'stuck',
      mood: 'bad',
      text: `${trouble === 'lost' ? 'a transaction' : whatOf(answer)} ${troubleText(trouble, answer, stage)}`,
      hint: `fairlead guard cancel ${host}`,
    };
  }
  if (stage === 'going-back' || (leftS !== undefined && leftS < 0))
    return { word: 'going back', mood: 'notable', text: whatOf(answer) };
  const left = leftS === undefined ? '' : `; goes back in ${span(leftS)}`;
  return { word: 'pending', mood: 'notable', text: `${owner}, ${playbook}, since ${started}${left}` };
}

function troubleText(trouble: Trouble, { leftS = 0 }: GuardAnswer, stage: string): string {
  switch (trouble) {
    case 'overdue':
      return `should have gone back ${span(-leftS)} ago, and its timer is dead`;
    case 'timer-dead':
      return `is to go back in ${span(leftS)}, and its timer is dead`;
    case 'rebooted':
      return 'was pending when the host went down, and did not go back when it came up';
    case 'half-back':
      return 'was going back when that was cut short';
    case 'unfinished':
      return stage === 'confirmed' ? 'is confirmed, and still pending' : 'is undone, and still pending';
    case 'lost':
      return 'is pending of which nothing is left';
    default:
      return unreachable(trouble);
  }
}

function whatOf({ owner, playbook, started }: GuardAnswer): string {
  return `what ${owner} changed with ${playbook} at ${started}`;
}

function because(reason: string): string {
  return reason === '' ? 'nobody knows why' : reason;
}
