// How two states of a host differ, as unified diffs; of what not everybody on the host may read, that it differs.
import type { Difference, Differences } from '../guard/differences.ts';
import { diffText } from './diff-text.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';

/** Of the kernel's state each line stands for itself, but for the chain or table that it is in. */
const KERNEL_CONTEXT = 1;

/** Without a newline at the end; empty where nothing differs. */
export function differencesText({ list, changedSince }: Differences, paint: Paint): string {
  return [
    ...list.map((each) => differenceText(each, paint)),
    ...changedSince.map((path) => `    ${escapeLine(path)}: changed since; what it was is not kept`),
  ].join('\n');
}

/** In a few words: `rules4`, `/etc/x (gone)`. */
export function differenceName({ name, from, to }: Difference): string {
  if (from === 'absent') return `${name} (new)`;
  return to === 'absent' ? `${name} (gone)` : name;
}

function differenceText(difference: Difference, paint: Paint): string {
  const { kind, name, before, after, hidden } = difference;
  const shown =
    kind === 'kernel' ? { title: `kernel: ${name}`, contextLines: KERNEL_CONTEXT } : { title: name };
  const said = wordsOf(difference);
  return [
    ...(said === '' ? [] : [`    ${escapeLine(name)}: ${escapeLine(said)}`]),
    ...(hidden === undefined && before !== after ? [diffText({ ...shown, before, after }, paint)] : []),
  ].join('\n');
}

/** What a diff of its content does not tell. */
function wordsOf({ kind, from, to, before, after, hidden }: Difference): string {
  if (kind === 'kernel') return '';
  if (from === 'absent') return `is new${hiddenText(hidden)}`;
  if (to === 'absent') return `is gone${hiddenText(hidden)}`;
  if (from !== to) return `${from} → ${to}${hiddenText(hidden)}`;
  if (hidden !== undefined) return `differs${hiddenText(hidden)}`;
  // A newline at the end, for one.
  return before === after ? 'differs in white space' : '';
}

function hiddenText(hidden: Difference['hidden']): string {
  switch (hidden) {
    case 'private':
      return ', and is not for everybody to read';
    case 'binary':
      return ', and is no text';
    case 'large':
      return ', and is too long to be shown';
    default:
      return '';
  }
}
