// Examples of each module: tasks in docs/examples/MODULE.yml, for `fairlead doc` and docs/modules.md.
import { existsSync, readFileSync } from 'node:fs';

/** The text of the file, or undefined where the module has none. */
export function moduleExamples(name: string): string | undefined {
  const file = new URL(`../../docs/examples/${name}.yml`, import.meta.url);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
