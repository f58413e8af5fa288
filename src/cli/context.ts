// What commands may use of the process: main.ts makes it, tests make their own.
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { Ask } from '../load/vault/keys.ts';
import { diagnosticsText, warningsText } from '../report/diagnostic-text.ts';
import { count } from '../report/numbers.ts';
import { COLOURS, NO_COLOURS } from '../report/paint.ts';

export interface CliContext {
  /** The words that start fairlead itself: node and the path of its main file. */
  readonly fairlead: readonly [string, ...string[]];
  /** Results. */
  readonly out: (text: string) => void;
  /** Everything else. */
  readonly err: (text: string) => void;
  /** Gets the exit status when a command is over. */
  readonly exit: (status: number) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Whether stdout is a terminal that may be drawn on, and whether each of the two takes colours. */
  readonly terminal: { readonly isLive: boolean; readonly outColours: boolean; readonly errColours: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asks the person at the terminal, without showing what is typed. Undefined: nobody can be asked. */
  readonly ask?: Ask;
  /** The same for what may be seen. */
  readonly askShown?: Ask;
  /** Somebody can be asked while a run is under way, and this is how they end it. Undefined: stdin is no terminal. */
  readonly interrupt?: () => void;
  /** All of stdin. Undefined: there is none. */
  readonly input?: () => Promise<Uint8Array>;
  /** Results that are no text. */
  readonly outBytes?: (bytes: Uint8Array) => void;
}

/** Somebody pressed Ctrl-C while they were asked. */
export class Interrupted extends Error {}

/** The status of `work`, or 2 where the user's files or words are wrong, 130 where they left. */
export async function withDiagnostics(context: CliContext, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    if (!(error instanceof DiagnosticError)) throw error;
    showDiagnostics(context, error);
    return 2;
  }
}

export function showDiagnostics(context: CliContext, { diagnostics }: DiagnosticError): void {
  const { errColours } = context.terminal;
  context.err(diagnosticsText(diagnostics, errColours ? COLOURS : NO_COLOURS));
  // Of wrong words on the command line nobody expects that hosts were contacted.
  if (diagnostics.every(({ code }) => code === 'usage')) return;
  context.err(`\n${count(diagnostics.length, 'problem')}, no host was contacted\n`);
}

/** Shows warnings, each only once however many playbooks of one inventory bring it about. */
export function warner(context: CliContext): (warnings: readonly Diagnostic[]) => void {
  const shown = new Set<string>();
  return (warnings) => {
    for (const warning of warnings) {
      const text = warningsText([warning], context.terminal.errColours ? COLOURS : NO_COLOURS);
      if (!shown.has(text)) context.err(`${text}\n`);
      shown.add(text);
    }
  };
}

/** The words on the command line are wrong. */
export function usageError(detail: string, hint?: string): DiagnosticError {
  return new DiagnosticError([
    {
      code: 'usage',
      summary: 'command line cannot be used',
      details: [detail],
      ...(hint !== undefined && { hint }),
    },
  ]);
}
