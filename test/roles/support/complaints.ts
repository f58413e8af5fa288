// What shells and shellcheck say of a script that a role renders.
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';

const JUDGES: readonly (readonly string[])[] = [
  ['sh', '-n'],
  ['busybox', 'ash', '-n'],
  ['shellcheck', '-s', 'sh', '-f', 'gcc', '-'],
];

/** dash, BusyBox and shellcheck have nothing to say. */
export function expectCleanScript(script: string): void {
  for (const judge of JUDGES) expect(complaints(judge, script)).toBe('');
}

/** What the program, which reads `input`, says where it fails; empty where it does not. */
export function complaints([program = '', ...words]: readonly string[], input: string): string {
  const { status, stdout, stderr } = spawnSync(program, words, { input, encoding: 'utf8' });
  return status === 0 ? '' : `${status} ${stdout}${stderr}`;
}
