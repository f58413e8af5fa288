// Where the inventory comes from: `-i`, once or more, else the environment.
import type { CliContext } from './context.ts';

/** For commander: each `-i` adds one. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

export function inventorySources(given: readonly string[], { environment }: CliContext): readonly string[] {
  const { FAIRLEAD_INVENTORY: usual = '' } = environment;
  return given.length > 0 || usual === '' ? given : [usual];
}
