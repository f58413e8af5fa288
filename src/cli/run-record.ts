// What --retry goes by: for each playbook the hosts that did not end well in its last run. It is kept with the user's other
// state, never beside the playbook, and holds names of hosts alone.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { DiagnosticError } from '../diagnostic.ts';
import type { HostRecap } from '../event.ts';
import { displayPath, systemErrorText } from '../load/source.ts';
import type { CliContext } from './context.ts';
import { replaceFile } from './replace-file.ts';

interface RunRecord {
  readonly playbook: string;
  /** Not done, or not well: in the order of the run. */
  readonly hosts: readonly string[];
}

/** The hosts to run the playbook on again; undefined where nobody knows of a run of it. */
export function hostsToRetry(playbook: string, context: CliContext): readonly string[] | undefined {
  const path = recordPath(playbook, context);
  if (path === undefined) return undefined;
  const text = read(path);
  if (text === undefined) return undefined;
  const record = parsed(text);
  if (record === undefined) throw unreadable(path, 'it is no record of a run');
  return record.hosts;
}

/** Remembers how a run ended. What keeps it from being written is told, and no failure of the run. */
export function recordRun(
  playbook: string,
  recap: readonly Pick<HostRecap, 'host' | 'status'>[],
  context: CliContext,
): void {
  const path = recordPath(playbook, context);
  if (path === undefined) return;
  const hosts = recap.filter(({ status }) => status !== 'ok').map(({ host }) => host);
  const record: RunRecord = { playbook: resolve(playbook), hosts };
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    replaceFile(path, Buffer.from(`${JSON.stringify(record)}\n`));
  } catch (error) {
    const why =
      error instanceof DiagnosticError ? error.diagnostics[0]?.details?.[0] : systemErrorText(error);
    context.err(`--retry will not know of this run: ${why}\n`);
  }
}

/** By the playbook's full path. Undefined where the user has no place for state. */
function recordPath(playbook: string, { environment }: CliContext): string | undefined {
  const { XDG_STATE_HOME: state = '', HOME: home = '' } = environment;
  // As the XDG base directory specification wants it: a path that is not absolute does not count.
  const folder = isAbsolute(state) ? state : isAbsolute(home) ? join(home, '.local/state') : undefined;
  const name = createHash('sha256').update(resolve(playbook)).digest('hex').slice(0, 32);
  return folder && join(folder, 'fairlead/runs', `${name}.json`);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, systemErrorText(error));
  }
}

function parsed(text: string): RunRecord | undefined {
  try {
    const record: Partial<RunRecord> | null = JSON.parse(text);
    const isList = Array.isArray(record?.hosts) && record.hosts.every((host) => typeof host === 'string');
    return isList ? (record as RunRecord) : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(path: string, why: string): DiagnosticError {
  const details = [`${displayPath(path)}: ${why}`];
  return new DiagnosticError([
    { code: 'usage', summary: 'the record of the last run cannot be read', details },
  ]);
}
