// What shells and shellcheck say of a script that a role renders.
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';

const SHELLS: readonly (readonly string[])[] = [
  ['sh', '-n'],
  ['busybox', 'ash', '-n'],
];
const SHELLCHECK: readonly string[] = ['shellcheck', '-s', 'sh', '-f', 'gcc'];
const SAME_FROM_HERE = '\n# From here on the script is the same on every host.\n';

/** What follows the line above, of scripts that shellcheck has read as a whole. */
const readBefore = new Set<string>();

/**
 * dash, BusyBox and shellcheck have nothing to say. Whole scripts take shellcheck seconds: what it has read before it reads no
 * more, and of such a script only the head, whose settings and functions are then used by nobody (SC2034, SC2317, SC2329).
 */
export function expectCleanScript(script: string): void {
  for (const shell of SHELLS) expect(complaints(shell, script)).toBe('');
  const at = Math.max(script.indexOf(SAME_FROM_HERE), 0); // without that line all of it counts as such
  const same = script.slice(at);
  if (readBefore.has(same)) {
    expect(complaints([...SHELLCHECK, '-e', 'SC2034,SC2317,SC2329', '-'], script.slice(0, at))).toBe('');
  } else {
    expect(complaints([...SHELLCHECK, '-'], script)).toBe('');
    readBefore.add(same);
  }
}

/** What the program, which reads `input`, says where it fails; empty where it does not. */
export function complaints([program = '', ...words]: readonly string[], input: string): string {
  const { status, stdout, stderr } = spawnSync(program, words, { input, encoding: 'utf8' });
  return status === 0 ? '' : `${status} ${stdout}${stderr}`;
}
