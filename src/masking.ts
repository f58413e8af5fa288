// The ways out of a run, events, diagnostics and questions, behind a mask: what was vaulted leaves them here.
import type { Person } from './apply/errands/person.ts';
import { type Diagnostic, DiagnosticError } from './diagnostic.ts';
import type { Emit, RunEvent } from './event.ts';
import type { SecretTexts } from './secret-texts.ts';

/** `emit` behind the mask. What names hosts, modules and places stays, or nobody could tell events apart. */
export function maskedEmit(emit: Emit, secrets: SecretTexts): Emit {
  return (event) => emit(secrets.isEmpty ? event : maskedEvent(event, secrets));
}

/** The person behind the mask: not asked with what was vaulted, and what they typed unseen is masked from then on. */
export function discreet(person: Person, secrets: SecretTexts): Person {
  return {
    ask: async (question, cut) => {
      const answer = await person.ask({ ...question, text: secrets.mask(question.text) }, cut);
      if (answer.kind === 'said' && !question.echo) secrets.add(answer.text);
      return answer;
    },
  };
}

/** What `work` returns; a DiagnosticError of its is thrown with masked texts. */
export function withMaskedDiagnostics<T>(secrets: SecretTexts, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DiagnosticError) || secrets.isEmpty) throw error;
    throw new DiagnosticError(error.diagnostics.map((each) => maskedDiagnostic(each, secrets)));
  }
}

/** By the path below the event; lists count as what is in them. */
const NAMES: ReadonlySet<string> = new Set([
  'kind',
  'host',
  'hosts',
  'mode',
  'doing',
  'reason',
  'status',
  'outcome.delegate',
  'outcome.status',
  'recap.host',
  'recap.status',
  'task.module',
  'task.place',
  'tasks.module',
  'tasks.place',
]);

/** Below these, keys are the user's and the host's own words. */
const DATA: ReadonlySet<string> = new Set(['facts', 'outcome.fields']);

function maskedEvent(event: RunEvent, secrets: SecretTexts): RunEvent {
  const masked = (value: unknown, path: string): unknown => {
    if (NAMES.has(path)) return value;
    if (typeof value === 'string') return secrets.mask(value);
    if (Array.isArray(value)) return value.map((each) => masked(each, path));
    if (value === null || typeof value !== 'object') return value;
    if (DATA.has(path)) return secrets.maskValue(value);
    const below = path === '' ? '' : `${path}.`;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, masked(each, below + key)]));
  };
  return masked(event, '') as RunEvent;
}

export function maskedDiagnostic(diagnostic: Diagnostic, secrets: SecretTexts): Diagnostic {
  const { at, details, hint } = diagnostic;
  return {
    ...diagnostic,
    ...(at && { at: { ...at, lineText: secrets.mask(at.lineText) } }),
    ...(details && { details: details.map((each) => secrets.mask(each)) }),
    ...(hint !== undefined && { hint: secrets.mask(hint) }),
  };
}
