// Where the inventory comes from: `-i`, once or more, else the environment, else the ansible.cfg of the project.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inventoriesOfConfig } from '../load/inventory/ansible-config.ts';
import { displayPath } from '../load/source.ts';
import type { CliContext } from './context.ts';

/** For commander: each `-i` adds one. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

export function inventorySources(given: readonly string[], { environment }: CliContext): readonly string[] {
  if (given.length > 0) return given;
  const { FAIRLEAD_INVENTORY: usual = '' } = environment;
  if (usual !== '') return [usual];
  const path = resolve('ansible.cfg');
  return inventoriesOfConfig({ path, text: textOf(path) }, environment).map(displayPath);
}

/** Empty where it cannot be read: somebody else's file, which nobody has named. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
