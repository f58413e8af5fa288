// Every case of the corpus against what Ansible makes of it: the list key for key and in order, each pattern's hosts in
// order, and an error of ours where Ansible only warns. The recordings in turn are compared with the program itself.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { loadInventory } from '../../src/load/inventory/load-inventory.ts';
import { toAnsibleJson } from '../../src/load/inventory/print.ts';
import { Vault } from '../../src/load/vault/vault.ts';
import { diagnosticsText, warningsText } from '../../src/report/diagnostic-text.ts';
import { matchHosts } from '../../src/resolve/host-pattern.ts';
import { Secret } from '../../src/secret.ts';
import { CASE_NAMES, casePath, caseText, type InventoryCase, readCase, recordings } from './corpus.ts';
import { ansibleProgram, askAnsible, plainEnvironment } from './oracle.ts';

const DIFFERENCES = readFileSync(join(import.meta.dirname, 'differences.md'), 'utf8');
/** Cases that differences.md names in backquotes. */
const hasFile = (name: string, file: string): boolean => caseText(name, file) !== undefined;
const isDifferent = (name: string): boolean => DIFFERENCES.includes(`\`${name}\``);

describe('the corpus of inventories', () => {
  it('holds enough', () => {
    expect(CASE_NAMES.length).toBeGreaterThanOrEqual(60);
  });

  it.each(CASE_NAMES)('%s: is read as Ansible reads it', (name) => {
    const { inventory, problems } = load(readCase(name));
    const expectedError = caseText(name, 'error.txt');
    expect(withoutPaths(diagnosticsText(problems.list))).toBe(expectedError ?? '');
    expect(withoutPaths(warningsText(problems.warnings))).toBe(caseText(name, 'warned.txt') ?? '');
    if (expectedError === undefined) {
      const isTold = hasFile(name, 'warned.txt') || isDifferent(name);
      expect(!hasFile(name, 'warnings.txt') || isTold, 'Ansible warns').toBe(true);
      const expected: unknown = JSON.parse(
        caseText(name, 'accepted.json') ?? caseText(name, 'expected.json') ?? '',
      );
      expect(JSON.parse(JSON.stringify(toAnsibleJson(inventory)))).toEqual(expected);
    } else expect(caseText(name, 'warnings.txt') !== undefined || isDifferent(name), 'we refuse').toBe(true);
  });

  it.each(CASE_NAMES.filter((name) => !hasFile(name, 'error.txt') && !hasFile(name, 'accepted.json')))(
    '%s: patterns select as in Ansible',
    (name) => {
      const { inventory } = load(readCase(name));
      const rows = (caseText(name, 'hosts.txt') ?? '').split('\n').filter((row) => row !== '');
      const ours = rows.map((row) => {
        const [pattern = '', , marks = ''] = row.split('\t');
        const isUnordered = marks.includes('any-order');
        const problems = new Problems();
        const hosts = matchHosts(inventory, pattern, undefined, problems);
        const ownMarks = [
          ...(problems.list.length > 0 ? ['told'] : []),
          ...(isUnordered ? ['any-order'] : []),
        ];
        return [pattern, (isUnordered ? [...hosts].sort() : hosts).join(' '), ownMarks.join(' ')]
          .join('\t')
          .trimEnd();
      });
      expect(ours).toEqual(rows);
    },
  );
});

describe('the recordings', () => {
  it('are what the installed Ansible says', { timeout: 180_000 }, async () => {
    const cases = CASE_NAMES.map(readCase);
    const answers = await askAnsible(cases, { times: 1 });
    cases.forEach((asked, index) => {
      const answer = answers[index];
      if (answer === undefined) throw new Error('an answer is missing');
      for (const [file, text] of Object.entries(recordings(asked, answer))) {
        expect(caseText(asked.name, file), `${asked.name}/${file}`).toBe(text);
      }
    });
  });

  it('are what its programs print', { timeout: 120_000 }, () => {
    const home = mkdtempSync(join(tmpdir(), 'ansible-home-'));
    onTestFinished(() => rmSync(home, { recursive: true }));
    for (const name of ['ini-typing', 'yaml-merge-keys', 'folder-of-all-kinds', 'vars-beside-playbook']) {
      const asked = readCase(name);
      const sources = asked.sources.flatMap((source) => ['-i', source]);
      const say = (program: string, ...words: string[]): string => {
        const run = spawnSync(ansibleProgram(program), [...sources, ...words], {
          cwd: asked.folder,
          env: plainEnvironment(home),
          encoding: 'utf8',
        });
        expect(run.status, run.stderr).toBe(0);
        return run.stdout;
      };
      const expected: unknown = JSON.parse(caseText(name, 'expected.json') ?? '');
      expect(JSON.parse(say('ansible-inventory', '--list'))).toEqual(expected);
      const [pattern = '', hosts = ''] =
        (caseText(name, 'hosts.txt') ?? '').split('\n')[0]?.split('\t') ?? [];
      const printed = say('ansible', pattern, '--list-hosts')
        .split('\n')
        .slice(1)
        .map((line) => line.trim());
      expect(printed.filter((line) => line !== '').join(' ')).toBe(hosts);
    }
  });
});

function withoutPaths(text: string): string {
  return text.replaceAll(/[^\s"]*test\/inventory\/cases\/[^/\s]+\//g, '');
}

function load(asked: InventoryCase) {
  const problems = new Problems();
  const password = asked.password === undefined ? undefined : readFileSync(asked.password, 'latin1').trim();
  const vault = new Vault(
    password === undefined ? [] : [{ label: 'default', password: new Secret(password) }],
  );
  const playbookFolder = asked.folder === casePath(asked.name, 'playbook') ? asked.folder : undefined;
  const options = { vault, ...(playbookFolder !== undefined && { playbookFolder }) };
  return { inventory: loadInventory(asked.sources, options, problems), problems };
}
