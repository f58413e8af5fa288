// The package that is running, wherever it is installed. Compiled, this lies as deep in it as here.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where its roles, templates and documents are. */
export const PACKAGE_FOLDER = resolve(dirname(fileURLToPath(import.meta.url)), '..');

let version: string | undefined;

export function fairleadVersion(): string {
  version ??= (JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { version: string })
    .version;
  return version;
}
