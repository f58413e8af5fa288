// What is wrong in the user's own files: collected, shown together, before any host is contacted.
// This file holds the data; report/diagnostic-text.ts prints it.

/** Each code has an entry in docs/errors.md; a test compares the two lists. */
export const DIAGNOSTIC_CODES = [
  'argument-missing',
  'argument-unknown',
  'argument-type',
  'argument-value',
  'condition-syntax',
  'condition-type',
  'duplicate-key',
  'file-unreadable',
  'inventory-syntax',
  'key-missing',
  'key-type',
  'key-unknown',
  'key-unsupported',
  'module-broken',
  'module-unknown',
  'name-unknown',
  'pattern-syntax',
  'plan-unusable',
  'prompt-unanswered',
  'role-unknown',
  'role-variable',
  'template-syntax',
  'template-value',
  'unknown-group',
  'unknown-handler',
  'unquoted-template',
  'usage',
  'variable-loop',
  'variable-type',
  'vault-damaged',
  'vault-key',
  'yaml-syntax',
] as const;

export type DiagnosticCode = (typeof DIAGNOSTIC_CODES)[number];

/** A stretch of one line of a file. Lines and columns count from 1, columns in UTF-16 units. */
export interface Span {
  /** As the user would write it: relative to the working directory where it lies below it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** At least 1; never past the end of the line. */
  readonly length: number;
  /** The whole line, without its line ending. */
  readonly lineText: string;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** Short, constant, lower case, no names in it. */
  readonly summary: string;
  /** Undefined where no file is to blame (a command line argument, say). */
  readonly at?: Span;
  /** Names things: one sentence per line, printed below the excerpt. */
  readonly details?: readonly string[];
  /** Proposes one act. */
  readonly hint?: string;
}

/** Problems of one load, gathered so that all of them are shown at once; and warnings, which stop nothing. */
export class Problems {
  readonly #found = new Map<string, Diagnostic>();
  readonly #warnings = new Map<string, Diagnostic>();

  /** The same problem at the same place, found once for each host or loop item, counts once. */
  add(diagnostic: Diagnostic): void {
    const key = identity(diagnostic);
    if (!this.#found.has(key)) this.#found.set(key, diagnostic);
  }

  /** Something that is most likely a mistake, though nothing is lost by going on. */
  warn(diagnostic: Diagnostic): void {
    const key = identity(diagnostic);
    if (!this.#warnings.has(key)) this.#warnings.set(key, diagnostic);
  }

  get warnings(): readonly Diagnostic[] {
    return [...this.#warnings.values()];
  }

  get list(): readonly Diagnostic[] {
    return [...this.#found.values()];
  }

  get count(): number {
    return this.#found.size;
  }

  /** Ends a stage: throws a DiagnosticError with everything found so far, if anything was. */
  throwIfAny(): void {
    if (this.#found.size > 0) throw new DiagnosticError(inFileOrder(this.list));
  }
}

function identity({ code, at, details }: Diagnostic): string {
  return JSON.stringify([code, at?.file, at?.line, at?.column, details]);
}

/** As somebody reads who works through the files: those without a place first, each file from top to bottom. */
export function inFileOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ at }) => at?.file))];
  const rank = ({ at }: Diagnostic): number => (at === undefined ? -1 : files.indexOf(at.file));
  return diagnostics.toSorted(
    (a, b) =>
      rank(a) - rank(b) || (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0),
  );
}

/** The user's files are wrong: exit status 2. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.code}: ${d.summary}`).join('; '));
    this.name = 'DiagnosticError';
    this.diagnostics = diagnostics;
  }
}

/**
 * The name among `known` that `wrong` was most likely meant to be, or undefined.
 * Optimal string alignment distance, at most a third of the length (and at least one edit).
 */
export function nearest(wrong: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(wrong.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    if (Math.abs(name.length - wrong.length) > limit) continue;
    const distance = editDistance(wrong.toLowerCase(), name.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { name, distance };
    }
  }
  return best?.name;
}

/** `did you mean "x"?` for the nearest known name, or undefined. */
export function didYouMean(wrong: string, known: Iterable<string>): string | undefined {
  const name = nearest(wrong, known);
  return name === undefined ? undefined : `did you mean "${name}"?`;
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
