// Every case of a corpus of real inventories, against what ansible-core makes of it. The corpus is not part of the
// repository: it is looked for beside it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problems } from '../../../src/diagnostic.ts';
import { loadInventory } from '../../../src/load/inventory/load-inventory.ts';
import { hostJson, toAnsibleJson } from '../../../src/load/inventory/print.ts';
import { matchHosts } from '../../../src/resolve/host-pattern.ts';

const CORPUS = resolve(import.meta.dirname, '../../../../shared/inventory-cases');

/** Read although Ansible refuses it. */
const ACCEPTED_HERE = new Set(['027-ansible-list-output-as-source']);

interface Case {
  readonly title: string;
  readonly inventory: readonly string[];
  readonly format: string;
  readonly negative: boolean;
  readonly partly_rejected: boolean;
  readonly optional?: string;
  readonly host_expected?: Readonly<Record<string, string>>;
  readonly unordered_patterns?: readonly string[];
}

const names = existsSync(CORPUS)
  ? readdirSync(CORPUS).filter((name) => existsSync(join(CORPUS, name, 'case.json')))
  : [];

describe.skipIf(names.length === 0)('inventories as Ansible reads them', () => {
  for (const name of names) {
    const folder = join(CORPUS, name);
    const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const testCase = read('case.json') as Case;
    if (testCase.optional !== undefined) continue;
    const load = () => {
      const problems = new Problems();
      const sources = testCase.inventory.map((path) =>
        testCase.format === 'hostlist' ? path : join(folder, path),
      );
      return { inventory: loadInventory(sources, {}, problems), found: problems.list };
    };

    if (testCase.negative || testCase.partly_rejected) {
      it(`${name}: ${testCase.title}`, () => {
        if (ACCEPTED_HERE.has(name)) expect(load().found).toEqual([]);
        else expect(load().found).not.toEqual([]);
      });
      continue;
    }

    it(`${name}: ${testCase.title}`, () => {
      const { inventory, found } = load();
      expect(found).toEqual([]);
      expect(normal(toAnsibleJson(inventory))).toEqual(normal(read('expected.json')));
      for (const [host, file] of Object.entries(testCase.host_expected ?? {})) {
        expect(plain(hostJson(inventory, host)), host).toEqual(read(file));
      }
      if (existsSync(join(folder, 'expected.export.json'))) {
        const exported = toAnsibleJson(inventory, { export: true });
        expect(normal(exported)).toEqual(normal(read('expected.export.json')));
      }
    });

    if (!existsSync(join(folder, 'patterns.tsv'))) continue;
    it(`${name}: patterns`, () => {
      const { inventory } = load();
      const rows = readFileSync(join(folder, 'patterns.tsv'), 'utf8').trimEnd().split('\n');
      const differences = rows.flatMap((row) => {
        const [pattern = '', list = ''] = row.split('\t');
        const expected = list.split(',').filter((host) => host !== '');
        const problems = new Problems();
        const hosts = matchHosts(inventory, pattern, undefined, problems);
        if (expected.length === 0 && problems.list.length > 0) return [];
        const unordered = testCase.unordered_patterns?.includes(pattern);
        const same = unordered
          ? String([...hosts].sort()) === String([...expected].sort())
          : String(hosts) === String(expected);
        return same
          ? []
          : [{ pattern, hosts, expected, problems: problems.list.map((problem) => problem.details) }];
      });
      expect(differences).toEqual([]);
    });
  }
});

if (names.length === 0) {
  it(`passes without the corpus of real inventories: ${CORPUS} is absent`, () => {
    expect(existsSync(CORPUS)).toBe(false);
  });
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** Without what Ansible may leave out: empty groups, empty lists, hosts without variables. */
function normal(json: unknown): unknown {
  const { _meta, ...groups } = plain(json) as Record<string, Record<string, unknown>>;
  const isEmpty = (value: unknown): boolean =>
    value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  const shown = Object.entries(groups).flatMap(([name, group]) => {
    const kept = Object.entries(group).filter(([, value]) => !isEmpty(value));
    return kept.length === 0 ? [] : [[name, Object.fromEntries(kept)] as const];
  });
  const hosts = Object.entries((_meta?.hostvars ?? {}) as object).filter(([, value]) => !isEmpty(value));
  return { groups: Object.fromEntries(shown), hosts: Object.fromEntries(hosts) };
}
