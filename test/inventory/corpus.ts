// The corpus: what a folder in cases/ holds, and how it is asked about.
//
//   sources        the -i arguments, one per line (without the file: hosts)
//   patterns       host patterns, one per line
//   playbook/      where the playbook would be, with its group_vars and host_vars
//   vault-password the password, where something is vaulted
//   expected.json  what `ansible-inventory --list` prints         } recorded by record.mjs
//   hosts.txt      PATTERN, its hosts, marks; tabs between        } from the real program
//   warnings.txt   what Ansible warns about, where it does        }
//   error.txt      what we say, where we refuse what Ansible only warns about, or accepts
//   warned.txt     what we warn about
//   accepted.json  what we make of it, where Ansible cannot read or print it (differences.md says why)
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Question } from './oracle.ts';

/** Warnings about taste: Ansible goes on with everything it was told. */
const HARMLESS = [
  /^Invalid characters were found in group names but not replaced/,
  /^Found both group and host with same name/,
  /^Could not sort JSON output/,
  /^Use \[x:y\] inclusive subscripts/,
];

const CASES = join(import.meta.dirname, 'cases');

export const CASE_NAMES: readonly string[] = readdirSync(CASES).sort();

export interface InventoryCase extends Question {
  readonly name: string;
}

export function readCase(name: string): InventoryCase {
  const root = join(CASES, name);
  const password = join(root, 'vault-password');
  return {
    name,
    // An empty folder would not survive git: without a playbook the case's folder `playbook` does not exist.
    folder: existsSync(join(root, 'playbook')) ? join(root, 'playbook') : CASES,
    sources: lines(join(root, 'sources'), 'hosts').map((source) => sourcePath(root, source)),
    patterns: lines(join(root, 'patterns')),
    ...(existsSync(password) && { password }),
  };
}

export function casePath(name: string, file: string): string {
  return join(CASES, name, file);
}

/** The text of a file of a case; undefined where it has none. */
export function caseText(name: string, file: string): string | undefined {
  const path = casePath(name, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** An answer as the files that record it; undefined where there is to be no file. */
export function recordings(
  asked: InventoryCase,
  answer: Answer,
): Readonly<Record<string, string | undefined>> {
  const root = `${casePath(asked.name, '')}`;
  const rows = asked.patterns.map((pattern, index) => {
    const { hosts = [], said = [], isUnordered = false } = answer.patterns[index] ?? {};
    const marks = [...(said.some(matters) ? ['told'] : []), ...(isUnordered ? ['any-order'] : [])];
    const shown = isUnordered ? [...hosts].sort() : hosts;
    return [pattern, shown.join(' '), marks.join(' ')].join('\t').trimEnd();
  });
  const warnings = answer.warnings.map((warning) => warning.replaceAll(root, '')).filter(matters);
  return {
    'expected.json': `${JSON.stringify(answer.list, undefined, 2)}\n`,
    'hosts.txt': `${rows.join('\n')}\n`,
    'warnings.txt': warnings.length === 0 ? undefined : `${warnings.join('\n')}\n`,
  };
}

/** Whether a warning is about something that is left out. */
export function matters(warning: string): boolean {
  return !HARMLESS.some((harmless) => harmless.test(warning));
}

/** A list of hosts stays as it is; blanks in it count. */
function sourcePath(root: string, source: string): string {
  return source.includes(',') && !existsSync(join(root, source)) ? source : join(root, source);
}

function lines(path: string, otherwise = ''): readonly string[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : otherwise;
  return text.split('\n').filter((line) => line !== '');
}
