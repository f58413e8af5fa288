// What the guard's program says of a transaction, read. Lines `key=value`, and `failed …`, `differs …` of a way back.

/** Where a transaction stands, as the host has it. */
export type TransactionState = 'armed' | 'confirmed' | 'undoing' | 'undone' | 'busy' | 'unknown';

export interface GuardAnswer {
  readonly state: TransactionState;
  readonly id: string;
  readonly owner: string;
  readonly playbook: string;
  readonly started: string;
  /** Why it went back; empty where it did not. */
  readonly reason: string;
  /** When it was back, by the host's clock, ISO 8601; empty where it is not known. */
  readonly at: string;
  /** Seconds to the rollback; negative: it is overdue. Undefined: not pending, or pending since before a reboot. */
  readonly leftS: number | undefined;
  /** What could not be put back. */
  readonly failures: readonly string[];
  /** What could be reached before the change, and cannot now. */
  readonly failedProbes: readonly string[];
  /** How the host differs from what it was. */
  readonly differences: readonly string[];
}

const STATES: ReadonlySet<string> = new Set(['armed', 'confirmed', 'undoing', 'undone', 'busy', 'unknown']);

/** Undefined: it said nothing of a transaction. */
export function parseAnswer(text: string): GuardAnswer | undefined {
  const values = new Map<string, string>();
  const [failures, differences, failedProbes]: [string[], string[], string[]] = [[], [], []];
  for (const line of text.split('\n')) {
    const [, key, value] = /^([a-z]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
    else if (line.startsWith('failed ')) failures.push(line.slice('failed '.length));
    else if (line.startsWith('differs ')) differences.push(line.slice('differs '.length));
    else if (line.startsWith('probe ')) failedProbes.push(line.slice('probe '.length));
    else if (line === 'confirmed') values.set('state', 'confirmed');
  }
  const state = values.get('state');
  if (state === undefined || !isState(state)) return undefined;
  const left = Number(values.get('left') ?? Number.NaN);
  const get = (key: string) => values.get(key) ?? '';
  return {
    state,
    id: get('id'),
    owner: get('owner'),
    playbook: get('playbook'),
    started: get('started'),
    reason: get('reason'),
    at: get('at'),
    leftS: Number.isNaN(left) ? undefined : left,
    failures,
    failedProbes,
    differences,
  };
}

function isState(text: string): text is TransactionState {
  return STATES.has(text);
}
