// Random folders of variables, ranges of hosts and odd shapes of YAML, against the real program.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Problems } from '../../src/diagnostic.ts';
import { loadInventory } from '../../src/load/inventory/load-inventory.ts';
import { toAnsibleJson } from '../../src/load/inventory/print.ts';
import { type Answer, askAnsible } from './oracle.ts';

const base = mkdtempSync(join(tmpdir(), 'fairlead-random-files-'));
afterAll(() => rmSync(base, { recursive: true }));

type Files = Readonly<Record<string, string>>;

interface Random {
  readonly files: Files;
  readonly source: string;
  readonly playbook: string;
}

let count = 0;

/** A folder with `hosts` or `hosts.yml`, and what is beside it and beside a playbook. */
function write(files: Files): Random {
  const folder = join(base, String(count++));
  for (const [path, text] of Object.entries({ 'playbook/site.yml': '', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const source = join(folder, 'hosts' in files ? 'hosts' : 'hosts.yml');
  return { files, source, playbook: join(folder, 'playbook') };
}

function ask(all: readonly Random[]): Promise<readonly Answer[]> {
  return askAnsible(
    all.map(({ source, playbook }) => ({ folder: playbook, sources: [source], patterns: [] })),
    { times: 1 },
  );
}

function load({ source, playbook }: Random) {
  const problems = new Problems();
  const inventory = loadInventory([source], { playbookFolder: playbook }, problems);
  return { problems, list: JSON.parse(JSON.stringify(toAnsibleJson(inventory))) as unknown };
}

/** What differs, with what it needs to be understood; none is what we want. */
function compared(all: readonly Random[], answers: readonly Answer[]): readonly unknown[] {
  return all.flatMap((random, index): readonly unknown[] => {
    const answer = answers[index];
    const { problems, list } = load(random);
    const isRefused =
      answer?.list == null || answer.warnings.some((each) => each.startsWith('Unable to parse'));
    const isPassedOver = answer?.warnings.some((each) => each.startsWith('Skipping')) === true;
    const told = problems.list.map((each) => each.details);
    if (problems.count > 0) {
      return isRefused || isPassedOver || isKnownMistake(problems)
        ? []
        : [{ files: random.files, ansible: answer?.warnings, ours: told }];
    }
    if (isRefused) return [{ files: random.files, ansible: answer?.warnings, ours: told }];
    try {
      expect(list).toEqual(answer.list);
      return [];
    } catch (error) {
      return [{ files: random.files, difference: String(error), ansible: answer.list, ours: list }];
    }
  });
}

/** Refused without a word from Ansible: names whose `hosts:` is missing, and ranges that name nobody. */
function isKnownMistake(problems: Problems): boolean {
  return problems.list.every(
    ({ details = [], hint = '' }) =>
      /^(?:write "(?:hosts|children):" above|did you mean)/.test(hint) ||
      /ends before it begins$/.test(details.join()),
  );
}

it('random files of variables are found where Ansible finds them', { timeout: 180_000 }, async () => {
  const name = fc.constantFrom('all', 'web', 'db', 'ungrouped', 'h1', 'h2', 'nobody', 'Web');
  const ending = fc.constantFrom('', '.yml', '.yaml', '.json', '.yml~', '.bak', '.txt', '.YML', '.d/x.yml');
  const inFolder = fc
    .tuple(
      name,
      fc.constantFrom('/a.yml', '/b', '/.c.yml', '/d.json', '/e/f.yaml', '/g.h/i.yml', '/j.txt', '/k~'),
    )
    .map((parts) => parts.join(''));
  const path = fc
    .tuple(
      fc.constantFrom('', 'playbook/'),
      fc.constantFrom('group_vars/', 'host_vars/'),
      fc.oneof(
        fc.tuple(name, ending).map((parts) => parts.join('')),
        inFolder,
      ),
    )
    .map((parts) => parts.join(''));
  const paths = fc.sample(
    fc.uniqueArray(path, { minLength: 1, maxLength: 9, comparator: neitherIsBelow }),
    sampling(80),
  );
  const hosts = '[web]\nh1\n[db]\nh1\nh2\n[all:vars]\nown=1\n';
  const all = paths.map((each) => {
    const files = each.map((file, index) => [file, JSON.stringify({ last: file, [`v${index}`]: index })]);
    return write({ hosts, ...(Object.fromEntries(files) as Files) });
  });
  expect(compared(all, await ask(all))).toEqual([]);
});

it('random ranges name the hosts that they name to Ansible', { timeout: 180_000 }, async () => {
  const bound = fc.oneof(
    fc.integer({ min: 0, max: 12 }).map(String),
    fc.integer({ min: 0, max: 12 }).map((number) => String(number).padStart(2, '0')),
    fc.constantFrom('', 'a', 'c', 'A', 'Z', 'f', '001', '010'),
  );
  const step = fc.constantFrom('', '', '', ':1', ':2', ':5', ':0', ':a', ':');
  const range = fc.tuple(bound, bound, step).map(([first, last, by]) => `[${first}:${last}${by}]`);
  const piece = fc.oneof(range, range, fc.constantFrom('h', '-', '.', 'x1', '10.0.0.', '2001:db8::'));
  const port = fc.constantFrom('', '', ':22', ':0', ' k=1');
  const names = fc.sample(
    fc
      .tuple(fc.array(piece, { minLength: 1, maxLength: 3 }), port)
      .map(([parts, end]) => parts.join('') + end),
    sampling(250),
  );
  const all = names.map((each) =>
    write({ hosts: `[web]\nfirst\nx${each}\n[v]\n${each.replace(/^\[/, 'y[')}\n` }),
  );
  expect(compared(all, await ask(all))).toEqual([]);
});

it('random shapes of YAML are read, or refused, as Ansible does', { timeout: 180_000 }, async () => {
  const odd = fc.constantFrom<unknown>(
    null,
    'h1',
    '',
    [],
    {},
    ['h1'],
    5,
    true,
    { h1: null },
    { h1: { a: 1 } },
  );
  const hosts = fc.oneof(
    odd,
    fc.dictionary(fc.constantFrom('h1', 'h2', 'h[1:2]', 'h3:22'), fc.oneof(fc.constant(null), odd), {
      noNullPrototype: true,
    }),
  );
  const vars = fc.oneof(odd, fc.constantFrom<unknown>({ v: 1 }, { v: [1, { w: null }] }));
  const { group } = fc.letrec<{ group: unknown }>((tie) => ({
    group: fc.oneof(
      { depthSize: 'small' },
      odd,
      fc.record(
        {
          hosts,
          vars,
          children: fc.oneof(
            odd,
            fc.dictionary(fc.constantFrom('sub', 'low', 'web'), tie('group'), {
              maxKeys: 2,
              noNullPrototype: true,
            }),
          ),
          notes: odd,
        },
        { requiredKeys: [] },
      ),
    ),
  }));
  const trees = fc.sample(
    fc.dictionary(fc.constantFrom('all', 'web', 'db', 'ungrouped'), group, {
      minKeys: 1,
      maxKeys: 3,
      noNullPrototype: true,
    }),
    sampling(250),
  );
  const all = trees.map((tree) => write({ 'hosts.yml': stringify(tree, { version: '1.1' }) }));
  expect(compared(all, await ask(all))).toEqual([]);
});

/** Whether one of two paths would need the other to be a folder. */
function neitherIsBelow(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

/** So many values, with the seed of the run where there is one. */
function sampling(numRuns: number): { readonly numRuns: number; readonly seed?: number } {
  const { seed } = fc.readConfigureGlobal();
  return { numRuns, ...(seed !== undefined && { seed }) };
}
