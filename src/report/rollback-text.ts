// A rollback of a host to an earlier generation, before and after, as lines of text.
import type { GuardEnd } from '../guard/host-guard.ts';
import type { RollbackPlan } from '../guard/plan.ts';
import type { RollbackEnd } from '../guard/rollback.ts';
import { unreachable } from '../unreachable.ts';
import { differenceName } from './differences-text.ts';
import { touchedText } from './generations-text.ts';
import { leftovers, type Saying, statusSaying } from './guard-status-text.ts';

/** What is going to be done, or with --check would be. */
export function planSaying(host: string, plan: RollbackPlan, mode: 'apply' | 'check'): Saying {
  switch (plan.kind) {
    case 'nothing':
      return { word: 'idle', mood: 'good', text: nothingText(plan) };
    case 'busy':
      return { ...statusSaying(host, plan.status), mood: 'bad' };
    case 'back':
      return {
        word: mode === 'check' ? 'would change' : 'going back',
        mood: 'notable',
        text: `to how it was ${momentText(plan)}`,
        more: [...plan.undone.toReversed().map(undoneText), ...changesText(plan)],
      };
    default:
      return unreachable(plan);
  }
}

export function rollbackSaying(end: RollbackEnd, plan: Extract<RollbackPlan, { kind: 'back' }>): Saying {
  switch (end.kind) {
    case 'reverted': {
      const more = leftovers(end);
      return {
        word: 'changed',
        mood: more.length === 0 ? 'notable' : 'bad',
        text: `back to how it was ${momentText(plan)}, as generation ${end.generation}`,
        more,
      };
    }
    case 'refused':
      return { word: 'failed', mood: 'bad', text: end.message };
    case 'undone':
      return undoneSaying(end.end, end.message);
    default:
      return unreachable(end);
  }
}

function undoneSaying(end: Exclude<GuardEnd, { kind: 'confirmed' }>, message: string): Saying {
  switch (end.kind) {
    case 'rolled-back':
      return {
        word: 'failed',
        mood: 'bad',
        text: `it is as it was before: ${message || end.reason}`,
        more: leftovers(end),
      };
    case 'unseen':
      return {
        word: 'unreachable',
        mood: 'bad',
        text: `it goes back by itself to how it was before, unseen: ${end.message}`,
      };
    case 'interrupted':
      return {
        word: 'interrupted',
        mood: 'bad',
        text: 'it goes back by itself to how it was before',
      };
    default:
      return unreachable(end);
  }
}

function nothingText({ newest, to }: Extract<RollbackPlan, { kind: 'nothing' }>): string {
  if (newest === 0 || to === undefined) return 'there is no generation to go back from';
  return to >= newest
    ? `nothing has come after generation ${newest}`
    : `it is as it was ${momentText({ newest, to })}`;
}

function momentText({ newest, to }: { readonly newest: number; readonly to: number }): string {
  return to === newest - 1 || to === 0 ? `before generation ${to + 1}` : `after generation ${to}`;
}

function undoneText(generation: Extract<RollbackPlan, { kind: 'back' }>['undone'][number]): string {
  const { number, owner, playbook, confirmed } = generation;
  const touched = touchedText(generation);
  return `undoes ${number}: ${owner}, ${playbook}, ${confirmed}${touched === '' ? '' : `: ${touched}`}`;
}

function changesText({ differences }: Extract<RollbackPlan, { kind: 'back' }>): readonly string[] {
  const names = (kind: 'file' | 'kernel') =>
    differences.list.filter((each) => each.kind === kind).map(differenceName);
  const [files, kernel] = [names('file'), names('kernel')];
  return [
    ...(files.length === 0 ? [] : [`files: ${files.join(', ')}`]),
    ...(kernel.length === 0 ? [] : [`kernel: ${kernel.join(', ')}`]),
  ];
}
