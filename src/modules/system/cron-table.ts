// The text of a crontab as Ansible keeps it: a marker line `#Ansible: NAME` above each job of its own, and variables
// as NAME="value". Pure; lines of others stay as they are.

export interface TableEdit {
  readonly text: string;
  /** For people: `add the job backup`; undefined: nothing changed. */
  readonly done: string | undefined;
}

/** Where a new variable goes: behind or before another one, which has to be there. */
export interface VariablePlace {
  readonly kind: 'after' | 'before';
  readonly name: string;
}

const MARKER = '#Ansible: ';

/** The table with the job below its marker. A line that is that very job, and nobody's, becomes this one's. */
export function withJob(text: string, name: string, job: string): TableEdit {
  const lines = linesOf(text);
  const at = markerOf(lines, name);
  if (at === undefined) {
    const own = lines.findIndex((line, index) => line === job && !isMarker(lines[index - 1]));
    if (own < 0) return edited([...lines, MARKER + name, job], `add the job ${name}`);
    return edited(lines.toSpliced(own, 0, MARKER + name), `name the job ${name}`);
  }
  const actual = lines[at + 1];
  if (actual === job) return unchanged(text);
  const hasJob = actual !== undefined && !isMarker(actual);
  return edited(lines.toSpliced(at + 1, hasJob ? 1 : 0, job), `change the job ${name}`);
}

export function withoutJob(text: string, name: string): TableEdit {
  const lines = linesOf(text);
  const at = markerOf(lines, name);
  if (at === undefined) return unchanged(text);
  const actual = lines[at + 1];
  const hasJob = actual !== undefined && !isMarker(actual);
  return edited(lines.toSpliced(at, hasJob ? 2 : 1), `remove the job ${name}`);
}

/** A new variable goes to the top: it counts for the jobs below it. Undefined: its place is not there. */
export function withVariable(
  text: string,
  variable: { readonly name: string; readonly value: string },
  place: VariablePlace | undefined,
): TableEdit | undefined {
  const { name, value } = variable;
  const lines = linesOf(text);
  const line = `${name}="${value}"`;
  const at = variableOf(lines, name);
  if (at !== undefined) {
    if (lines[at] === line) return unchanged(text);
    return edited(lines.with(at, line), `change the variable ${name}`);
  }
  if (place === undefined) return edited([line, ...lines], `add the variable ${name}`);
  const beside = variableOf(lines, place.name);
  if (beside === undefined) return undefined;
  return edited(
    lines.toSpliced(place.kind === 'after' ? beside + 1 : beside, 0, line),
    `add the variable ${name}`,
  );
}

export function withoutVariable(text: string, name: string): TableEdit {
  const lines = linesOf(text);
  const at = variableOf(lines, name);
  return at === undefined ? unchanged(text) : edited(lines.toSpliced(at, 1), `remove the variable ${name}`);
}

/** Names of the marked jobs, and of the variables. */
export function namesInTable(text: string): {
  readonly jobs: readonly string[];
  readonly envs: readonly string[];
} {
  const lines = linesOf(text);
  return {
    jobs: lines.filter(isMarker).map((line) => line.slice(MARKER.length)),
    envs: lines.map((line) => /^([A-Za-z_]\w*)\s*=/.exec(line)?.[1]).filter((name) => name !== undefined),
  };
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function isMarker(line: string | undefined): boolean {
  return line?.startsWith(MARKER) === true;
}

function markerOf(lines: readonly string[], name: string): number | undefined {
  const at = lines.findIndex((line) => line.trimEnd() === (MARKER + name).trimEnd());
  return at < 0 ? undefined : at;
}

function variableOf(lines: readonly string[], name: string): number | undefined {
  const at = lines.findIndex((line) => /^([A-Za-z_]\w*)\s*=/.exec(line)?.[1] === name);
  return at < 0 ? undefined : at;
}

function edited(lines: readonly string[], done: string): TableEdit {
  return { text: lines.map((line) => `${line}\n`).join(''), done };
}

function unchanged(text: string): TableEdit {
  return { text, done: undefined };
}
