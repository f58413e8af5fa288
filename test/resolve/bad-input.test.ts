// Every way to get files wrong that we know of: a folder of test/cases/bad-input each, with the exact message.
// A folder holds site.yml, what it needs, options.yml for the command line, and expected.txt (vitest -u writes it).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DiagnosticError, Problems } from '../../src/diagnostic.ts';
import { parseExtraVars } from '../../src/load/extra-vars.ts';
import { diagnosticsText } from '../../src/report/diagnostic-text.ts';
import { preparePlaybook } from '../../src/run.ts';

const CASES = fileURLToPath(new URL('../cases/bad-input', import.meta.url));

interface Options {
  readonly playbook?: string;
  readonly inventories?: readonly string[];
  readonly limit?: string;
  readonly extraVars?: readonly string[];
}

describe('bad input', () => {
  const workingFolder = process.cwd();
  afterAll(() => process.chdir(workingFolder));

  it.each(readdirSync(CASES).sort())('%s', async (name) => {
    const folder = join(CASES, name);
    process.chdir(folder);
    await expect(messages(readOptions(folder))).toMatchFileSnapshot(join(folder, 'expected.txt'));
  });
});

function readOptions(folder: string): Options {
  const files = readdirSync(folder);
  const inventory = files.find((file) => file.startsWith('inventory.')) ?? 'web-1,web-2,';
  const given = files.includes('options.yml')
    ? (parse(readFileSync(join(folder, 'options.yml'), 'utf8')) as Options)
    : {};
  return { playbook: 'site.yml', inventories: [inventory], ...given };
}

/** What `fairlead run` prints, in the working folder. Throws where nothing is wrong. */
function messages({ playbook = '', inventories = [], limit, extraVars = [] }: Options): string {
  try {
    const problems = new Problems();
    const variables = parseExtraVars(extraVars, problems);
    problems.throwIfAny();
    preparePlaybook(playbook, {
      inventories,
      extraVars: variables,
      ...(limit !== undefined && { limit }),
    });
  } catch (error) {
    if (error instanceof DiagnosticError) return diagnosticsText(error.diagnostics);
    throw error;
  }
  throw new Error('nothing is wrong with these files');
}
