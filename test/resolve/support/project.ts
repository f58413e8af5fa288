// A playbook with what lies beside it, in a folder that goes away: prepared as `fairlead run` would, no host contacted.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DiagnosticError, Problems } from '../../../src/diagnostic.ts';
import { parseExtraVars } from '../../../src/load/extra-vars.ts';
import { locatedEntries } from '../../../src/load/located.ts';
import { fixedOrigin } from '../../../src/load/source.ts';
import type { HostScope, RunState } from '../../../src/resolve/host-scope.ts';
import type { ResolvedTask } from '../../../src/resolve/resolved-task.ts';
import { type PreparedRun, preparePlaybook, type RunOptions } from '../../../src/run/run.ts';

export type Files = Readonly<Record<string, string>>;

export interface ProjectOptions extends Partial<RunOptions> {
  /** As on the command line. */
  readonly extra?: readonly string[];
  /** One of the files; unsaid: hosts.yml. */
  readonly inventory?: string;
}

/** Writes the files, `site.yml` among them; `hosts.yml` is the inventory where there is one, else it is web-1 and web-2. */
export function writeProject(files: Files): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-project-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export function prepareProject(files: Files, options: ProjectOptions = {}): PreparedRun {
  const { extra = [], inventory = 'hosts.yml', ...others } = options;
  const folder = writeProject(files);
  const problems = new Problems();
  const extraVars = parseExtraVars(extra, problems);
  problems.throwIfAny();
  const inventories = [inventory in files ? join(folder, inventory) : 'web-1,web-2,'];
  return preparePlaybook(join(folder, 'site.yml'), { inventories, extraVars, ...others });
}

/** What is wrong with the files, as `code line: details`. */
export function problemsOf(files: Files, options: ProjectOptions = {}): readonly string[] {
  try {
    prepareProject(files, options);
    return [];
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(
      ({ code, at, details }) => `${code} ${at?.line ?? '-'}: ${details?.join('; ')}`,
    );
  }
}

/** The tasks of the first play, in order. */
export function tasksOf(prepared: PreparedRun): readonly ResolvedTask[] {
  const [first] = prepared.plays;
  if (first === undefined) throw new Error('no play');
  return first.play.sections.flatMap(({ list }) => list.tasks);
}

const NOWHERE = { file: 'included.yml', line: 1, column: 1, length: 1, lineText: '' };

/** The variables that a task of the first play sees on a host. */
export function scopeOf(
  prepared: PreparedRun,
  task: ResolvedTask | undefined,
  more: {
    readonly host?: string;
    readonly results?: Readonly<Record<string, unknown>>;
    /** From include_vars. */
    readonly included?: Readonly<Record<string, unknown>>;
  } = {},
): HostScope {
  const [first] = prepared.plays;
  if (first === undefined) throw new Error('no play');
  const state: RunState = {
    facts: undefined,
    results: new Map(Object.entries(more.results ?? {})),
    pending: new Set(),
    included: locatedEntries(more.included ?? {}, fixedOrigin(NOWHERE)),
  };
  return first.scopes.scope(more.host ?? 'web-1', task, state);
}
