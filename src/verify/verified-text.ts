// What an audit found, host by host, as text for people.

import { diffText } from '../report/diff-text.ts';
import { escapeForTerminal, escapeLine, hang } from '../report/escape.ts';
import { count } from '../report/numbers.ts';
import type { Paint } from '../report/paint.ts';
import type { Verified } from './verify.ts';

interface Options {
  readonly paint: Paint;
  readonly hostWidth: number;
  readonly verbosity: number;
}

const WORDS: Readonly<Record<Verified['status'], string>> = {
  'as-wanted': 'as wanted',
  drifted: 'drifted',
  failed: 'failed',
  unreachable: 'unreachable',
  interrupted: 'interrupted',
  'not-started': 'not asked',
};

/** All hosts, what could not be verified, and a line of figures. Ends with a newline. */
export function verifiedText(hosts: readonly Verified[], options: Options): string {
  const lines = [...hosts.flatMap((each) => hostLines(each, options)), ...unverifiedLines(hosts, options)];
  return `${[...lines, '', figures(hosts)].join('\n')}\n`;
}

function hostLines(each: Verified, { paint, hostWidth, verbosity }: Options): readonly string[] {
  const { host, status, findings, trouble, told } = each;
  const colour = status === 'as-wanted' ? paint.green : status === 'drifted' ? paint.yellow : paint.red;
  const head = `${escapeLine(host).padEnd(hostWidth)}  ${colour(WORDS[status])}`;
  const more = status === 'as-wanted' && verbosity > 0 ? `: ${count(each.asWanted, 'task')}` : '';
  const lines = [`${head}${more}`];
  for (const text of trouble) lines.push(`  ${hang(escapeForTerminal(text), 4)}`);
  for (const { task, item, delegate, message, lines: own, diffs } of findings) {
    const which = item === undefined ? '' : ` (${escapeLine(item)})`;
    const where = delegate === undefined ? '' : ` on ${escapeLine(delegate)}`;
    const what = `${escapeLine(task.title)}${which}${where}`;
    lines.push(`  ${paint.bold(what)}: ${hang(escapeForTerminal(message), 4)}  ${paint.dim(task.place)}`);
    lines.push(...own.map((line) => `    ${escapeLine(line)}`));
    lines.push(...diffs.map((diff) => diffText(diff, paint)));
  }
  if (told === undefined) return lines;
  if (told.lastWanted !== undefined) {
    const { number, owner, confirmedS } = told.lastWanted;
    lines.push(`  last run onto it: ${timeText(confirmedS)} by ${escapeLine(owner)}, generation ${number}`);
  }
  for (const { who, evidence, atS } of told.suspicions) {
    const time = atS === undefined || atS === 0 ? '' : ` at ${timeText(atS)}`;
    lines.push(`  may have been: ${escapeLine(who)}${time} ${paint.dim(`(${escapeLine(evidence)})`)}`);
  }
  return lines;
}

/** Each task once, however many hosts there are. */
function unverifiedLines(hosts: readonly Verified[], { paint }: Options): readonly string[] {
  const tasks = new Map<string, { readonly line: string; hosts: number }>();
  for (const { unverified } of hosts) {
    for (const { task, reason } of unverified) {
      const line = `  ${escapeLine(task.title)}: ${escapeLine(reason)}  ${paint.dim(task.place)}`;
      const known = tasks.get(line) ?? { line, hosts: 0 };
      known.hosts += 1;
      tasks.set(line, known);
    }
  }
  if (tasks.size === 0) return [];
  const lines = [...tasks.values()].map(({ line, hosts: on }) =>
    on === hosts.length ? line : `${line} ${paint.dim(`(${count(on, 'host')})`)}`,
  );
  return ['not verified', ...lines];
}

function figures(hosts: readonly Verified[]): string {
  const of = (...statuses: readonly Verified['status'][]) =>
    hosts.filter(({ status }) => statuses.includes(status)).length;
  const asked = of('as-wanted', 'drifted');
  const left = hosts.length - asked;
  const parts = [`${of('as-wanted')} as wanted`, `${of('drifted')} drifted`];
  if (left > 0) parts.push(`${left} could not be asked`);
  return `${count(hosts.length, 'host')}: ${parts.join(', ')}`;
}

/** To the second, UTC. */
function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');
}
