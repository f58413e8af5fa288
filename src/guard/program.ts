// The guard's program as text: one sh program out of the parts in templates/guard, without their comments. It travels to
// the host with the first change of a transaction and is all that is needed there to go back. A shell runs a program while
// it reads it, so what is needed in every run comes first, and whoever needs no more stops there. With what operators
// ask it is another program, which does not stay there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_FOLDER } from '../package.ts';

const FOLDER = join(PACKAGE_FOLDER, 'templates/guard');

/** What arms and confirms. */
const USUAL_PARTS: readonly string[] = [
  'common',
  'snap',
  'keep',
  'probes',
  'generation',
  'timer',
  'boot',
  'transaction',
];

/** What goes back, at a person's word, by the timer, at boot. */
const BACK_PARTS: readonly string[] = [
  'state/links',
  'state/addresses',
  'state/neighbours',
  'state/multicast',
  'state/routes',
  'state/rules',
  'state/sysctl',
  'state/ipset',
  'state/iptables',
  'state/arptables',
  'state/nft',
  'state/ipvs',
  'state',
  'files',
  'services',
  'history',
  'back',
  'undo',
  'main',
];

/** In the order in which they stand in the program. */
export const GUARD_PARTS: readonly string[] = [...USUAL_PARTS, ...BACK_PARTS];

/** What the program of the commands has besides. */
export const ASK_PARTS: readonly string[] = ['differences', 'ask'];

const programs = new Map<string, string>();

/** Read once; POSIX sh, ends with a newline. */
export function guardProgram(): string {
  return remembered('main', () => `${textOf(USUAL_PARTS)}usual "$@"\n${textOf(BACK_PARTS)}main "$@"\n`);
}

/** It can do what guardProgram() can, and answers what operators ask. */
export function askProgram(): string {
  return remembered('ask', () => `${textOf([...GUARD_PARTS, ...ASK_PARTS])}ask "$@"\n`);
}

function remembered(name: string, make: () => string): string {
  const program = programs.get(name) ?? make();
  programs.set(name, program);
  return program;
}

function textOf(parts: readonly string[]): string {
  return parts.map((part) => bare(readFileSync(join(FOLDER, `${part}.sh`), 'utf8'))).join('');
}

/** Without comments and empty lines, here-documents apart. */
function bare(text: string): string {
  const lines: string[] = [];
  let end: string | undefined;
  for (const line of text.split('\n')) {
    if (end !== undefined) {
      lines.push(line);
      if (line === end) end = undefined;
      continue;
    }
    if (/^\s*(#|$)/.test(line)) continue;
    lines.push(line);
    end = /<<-?'?([A-Z_]+)'?/.exec(line)?.[1];
  }
  return `${lines.join('\n')}\n`;
}
