// Records what the installed ansible-core says about every case: node test/inventory/record.mjs [NAME...]
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { runnerImport } from 'vite';

const imported = async (name) =>
  (await runnerImport(join(import.meta.dirname, name), { logLevel: 'error' })).module;
const { CASE_NAMES, casePath, readCase, recordings } = await imported('corpus.ts');
const { askAnsible } = await imported('oracle.ts');

const wanted = process.argv.slice(2);
const cases = (wanted.length > 0 ? wanted : CASE_NAMES).map(readCase);
const answers = await askAnsible(cases);
for (const [index, asked] of cases.entries()) {
  for (const [file, text] of Object.entries(recordings(asked, answers[index]))) {
    if (text === undefined) rmSync(casePath(asked.name, file), { force: true });
    else writeFileSync(casePath(asked.name, file), text);
  }
}
process.stdout.write(`${cases.length} cases recorded\n`);
