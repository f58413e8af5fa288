// What a person is told of vaulted text that stays closed.
import type { Diagnostic, Span } from '../../diagnostic.ts';
import { DEFAULT_LABEL } from './envelope.ts';
import type { Closed } from './vault.ts';

/** The diagnostic; `at` is the place of the vaulted text. */
export function closedDiagnostic(closed: Closed, at?: Span): Diagnostic {
  const hint = closedHint(closed);
  const isDamaged = closed.kind === 'damaged';
  return {
    code: isDamaged ? 'vault-damaged' : 'vault-key',
    summary: isDamaged ? 'vaulted text is damaged' : 'vaulted text cannot be opened',
    ...(at && { at }),
    details: [closedReason(closed)],
    ...(hint !== undefined && { hint }),
  };
}

/** One sentence, without the name of the file. */
export function closedReason(closed: Closed): string {
  switch (closed.kind) {
    case 'no-key':
      if (closed.passedOver !== undefined) return passedOver(closed.label, closed.passedOver);
      return `no vault key was given${labelled(closed.label)}`;
    case 'no-fit': {
      const [first, ...others] = closed.tried;
      const keys = others.length === 0 ? `the key "${first}" does not fit` : noneOf(closed.tried);
      return `${keys}${labelled(closed.label)}, or the text was changed later`;
    }
    case 'damaged':
      return closed.damage;
  }
}

/** What to do, where that is known. */
export function closedHint(closed: Closed): string | undefined {
  if (closed.kind !== 'no-key') return undefined;
  const label = closed.passedOver === undefined ? closed.label : (closed.label ?? DEFAULT_LABEL);
  const option = label === undefined ? '--vault-password-file FILE' : `--vault-id ${label}@FILE`;
  return `give ${option}, or -J to be asked for it`;
}

function passedOver(label: string = DEFAULT_LABEL, others: readonly string[]): string {
  const names = others.map((each) => `"${each}"`).join(', ');
  return `it takes a key with the label "${label}", and there are only ${names} (vault id match)`;
}

function noneOf(labels: readonly string[]): string {
  return `none of the keys fits (${labels.map((label) => `"${label}"`).join(', ')})`;
}

function labelled(label: string | undefined): string {
  return label === undefined ? '' : `, and it is labelled "${label}"`;
}
