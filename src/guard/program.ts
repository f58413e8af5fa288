// The guard's program as text: one sh program out of the parts in templates/guard, without their comments. It travels to
// the host with the first change of a transaction and is all that is needed there to go back. With what operators ask
// it is another program, which does not stay there.
import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../templates/guard/', import.meta.url);

/** In the order in which they stand in the program: what is used while it starts comes first. */
export const GUARD_PARTS: readonly string[] = [
  'common',
  'state/links',
  'state/addresses',
  'state/neighbours',
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
  'probes',
  'history',
  'back',
  'transaction',
  'timer',
  'boot',
  'main',
];

/** What the program of the commands has besides. */
export const ASK_PARTS: readonly string[] = ['differences', 'ask'];

const programs = new Map<string, string>();

/** Read once; POSIX sh, ends with a newline. */
export function guardProgram(): string {
  return joined(GUARD_PARTS, 'main');
}

/** It can do what guardProgram() can, and answers what operators ask. */
export function askProgram(): string {
  return joined([...GUARD_PARTS, ...ASK_PARTS], 'ask');
}

function joined(parts: readonly string[], start: string): string {
  const program =
    programs.get(start) ??
    `${parts.map((part) => bare(readFileSync(new URL(`${part}.sh`, FOLDER), 'utf8'))).join('')}${start} "$@"\n`;
  programs.set(start, program);
  return program;
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
