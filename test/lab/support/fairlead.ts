// The compiled program, run where a lab's operator would run it: in the controller's network.
import { join } from 'node:path';
import type { Lab } from '../../../src/lab/lab.ts';
import type { Captured } from '../../../src/lab/namespaces.ts';

export const PROJECT = join(import.meta.dirname, '../../..');
export const MAIN = join(PROJECT, 'dist/main.js');

/** `fairlead COMMAND -i INVENTORY WORDS…` */
export function fairlead(lab: Lab, command: string, ...words: readonly string[]): Promise<Captured> {
  return lab.inController([process.execPath, MAIN, command, '-i', lab.paths.inventory, ...words]);
}

/** The number of changes that a run's last line tells, made or, in check mode, not made. */
export function changesOf(run: Captured): number | undefined {
  const [, changes] = /^\d+ hosts?: .*?\b(\d+) (?:changed|would change)\b/m.exec(run.stdout) ?? [];
  return changes === undefined ? undefined : Number(changes);
}
