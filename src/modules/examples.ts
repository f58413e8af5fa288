// Examples of each module: tasks in docs/examples/MODULE.yml, for `fairlead doc` and docs/modules.md.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_FOLDER } from '../package.ts';

/** The text of the file, or undefined where the module has none. */
export function moduleExamples(name: string): string | undefined {
  const file = join(PACKAGE_FOLDER, 'docs/examples', `${name}.yml`);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
