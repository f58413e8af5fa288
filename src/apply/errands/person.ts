// The person at the terminal, as the engine sees them.

export interface Question {
  readonly text: string;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
}

export type Answer =
  | { readonly kind: 'said'; readonly text: string }
  /** There is no terminal. */
  | { readonly kind: 'nobody' }
  /** `cut` was aborted, or the run. */
  | { readonly kind: 'cut' };

export interface Person {
  /** A line that they type. Never rejects. */
  ask(question: Question, cut: AbortSignal): Promise<Answer>;
}

export const NOBODY: Person = { ask: async () => ({ kind: 'nobody' }) };
