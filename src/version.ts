// The version of fairlead, as its package says it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

let version: string | undefined;

export function fairleadVersion(): string {
  if (version === undefined) {
    const path = fileURLToPath(new URL('../package.json', import.meta.url));
    version = (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
  }
  return version;
}
