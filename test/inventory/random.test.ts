// Random inventories and patterns against the real program, many in one go. A failure shows the inventory itself.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { loadInventory } from '../../src/load/inventory/load-inventory.ts';
import { toAnsibleJson } from '../../src/load/inventory/print.ts';
import { matchHosts } from '../../src/resolve/host-pattern.ts';
import { matters } from './corpus.ts';
import { type Answer, askAnsible } from './oracle.ts';
import { HOST_NAMES, iniForm, type RandomTree, randomTree, variablesFile, yamlForm } from './random-tree.ts';

const base = mkdtempSync(join(tmpdir(), 'fairlead-random-'));
afterAll(() => rmSync(base, { recursive: true }));

interface Random {
  readonly source: string;
  readonly text: string;
  readonly patterns: readonly string[];
}

let count = 0;

/** A folder with one inventory, and group_vars beside it. */
function write(
  name: string,
  text: string,
  patterns: readonly string[],
  files: RandomTree['groups'] = [],
): Random {
  const folder = join(base, String(count++));
  mkdirSync(join(folder, 'group_vars'), { recursive: true });
  writeFileSync(join(folder, name), text);
  for (const { name: group, fileVariables } of files) {
    if (fileVariables)
      writeFileSync(join(folder, 'group_vars', `${group}.yml`), variablesFile(fileVariables));
  }
  return { source: join(folder, name), text, patterns };
}

function ask(all: readonly Random[]): Promise<readonly Answer[]> {
  return askAnsible(
    all.map(({ source, patterns }) => ({ folder: base, sources: [source], patterns })),
    { times: 1 },
  );
}

function load({ source }: Random) {
  const problems = new Problems();
  const inventory = loadInventory([source], {}, problems);
  return { inventory, problems: problems.list, list: JSON.parse(JSON.stringify(toAnsibleJson(inventory))) };
}

const isRefused = ({ warnings }: Answer): boolean =>
  warnings.some((each) => each.startsWith('Unable to parse'));

/** Where Ansible gives the whole pattern up; other things it says are warnings. */
const isError = (said: string): boolean => /^[A-Za-z]*Error: /.test(said);

/** Each difference with what it needs to be understood; none is what we want. */
function compared(all: readonly Random[], answers: readonly Answer[]): readonly unknown[] {
  return all.flatMap((random, index): readonly unknown[] => {
    const answer = answers[index];
    if (answer === undefined) return [{ text: random.text, missing: true }];
    const { problems, list } = load(random);
    if (answer.list === null) return []; // read, but a set is more than Ansible can print
    if (isRefused(answer) || problems.length > 0) {
      if (isRefused(answer) && problems.length > 0) return [];
      return [{ text: random.text, ansible: answer.warnings, ours: problems.map((each) => each.details) }];
    }
    try {
      // Once more through JSON, which has no -0.
      expect(list).toEqual(JSON.parse(JSON.stringify(answer.list)));
      return [];
    } catch (error) {
      return [{ text: random.text, difference: String(error), ansible: answer.list, ours: list }];
    }
  });
}

const NAMES = ['web', 'db', 'eu-west', 'a', 'zone.1', 'All', '_x', ...HOST_NAMES];
const patternPart = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES, 'all', 'ungrouped', 'localhost', '127.0.0.1') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '*',
      'w*',
      '*e*',
      '?',
      'h[12]',
      'h[!1]',
      '[a-z]',
      '~h',
      '~.*\\d$',
      '~(web|db)',
      '192.0.2.*',
    ),
  },
);
const operator = fc.constantFrom('', '', '&', '!');
const slice = fc.constantFrom('[0]', '[-1]', '[1:]', '[0:1]', '[1:2]', '[2:1]', '[0:0]', '[5]', '[-3]');
const operand = (slices: boolean) =>
  fc
    .tuple(operator, patternPart, slices ? fc.option(slice, { nil: '', freq: 2 }) : fc.constant(''))
    .map((parts) => parts.join(''));
const pattern = (slices: boolean) =>
  fc
    .tuple(fc.array(operand(slices), { minLength: 1, maxLength: 4 }), fc.constantFrom(':', ','))
    .map(([parts, separator]) => parts.join(separator));

describe('random inventories', { timeout: 180_000 }, () => {
  it('of groups, children, priorities and values are read as Ansible reads them, in INI and in YAML', async () => {
    const trees = fc.sample(
      randomTree.chain((tree) =>
        fc.tuple(fc.constant(tree), fc.array(pattern(tree.isFlat), { minLength: 6, maxLength: 6 })),
      ),
      sampling(60),
    );
    const pairs = trees.map(([tree, patterns]) => ({
      tree,
      ini: write('hosts', iniForm(tree), patterns, tree.groups),
      yaml: write('hosts.yml', yamlForm(tree), patterns, tree.groups),
    }));
    const all = pairs.flatMap(({ ini, yaml }) => [ini, yaml]);
    const answers = await ask(all);
    expect(answers.filter(isRefused)).toEqual([]);
    expect(compared(all, answers)).toEqual([]);
    // One tree, two forms: whatever the order of lists, the variables are the same.
    for (const { ini, yaml } of pairs) {
      const [fromIni, fromYaml] = [load(ini).list._meta, load(yaml).list._meta];
      expect(fromIni, ini.text).toEqual(fromYaml);
    }
    // Below a group's children Ansible's order of hosts is chance: then only who is selected counts.
    const wrong = all.flatMap((random, index) => {
      const isFlat = pairs[Math.floor(index / 2)]?.tree.isFlat === true;
      const { inventory } = load(random);
      return random.patterns.flatMap((each, at) => {
        const { hosts: expected = [], said = [] } = answers[index]?.patterns[at] ?? {};
        const problems = new Problems();
        const hosts = matchHosts(inventory, each, undefined, problems);
        if (said.some(isError) && problems.list.length > 0) return [];
        const same = isFlat
          ? String(hosts) === String(expected)
          : String([...hosts].sort()) === String([...expected].sort());
        return same ? [] : [{ pattern: each, hosts, expected, text: random.text }];
      });
    });
    expect(wrong).toEqual([]);
  });

  it('with strange host lines and values are read, or refused, as Ansible does', async () => {
    const piece = fc.constantFrom(
      ...'ab1=#;"\'\\ \t:,.-_[]{}()',
      ...[
        'True',
        'None',
        '0x1f',
        '1e3',
        '"x"',
        "'y'",
        ' # c',
        '[1:3]',
        'k=v',
        ' k=',
        '\\n',
        '1_0',
        '00',
        'é',
        "{'a': 1}",
        '[1, 2]',
        "b'x'",
        'r"\\d"',
      ],
    );
    const strange = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => pieces.join(''));
    const lines = fc.sample(
      fc.tuple(strange, fc.constantFrom('host', 'value', 'var', 'section', 'child')),
      sampling(250),
    );
    const all = lines.map(([line, where]) => {
      const text = {
        host: `[web]\n${line}\nlast\n`,
        value: `[web]\nh k=${line}\nlast\n`,
        var: `[web]\nh\n[web:vars]\nk=${line}\n`,
        section: `[${line}]\nh\n`,
        child: `[a]\nh\n[top:children]\na${line}\n`,
      }[where];
      return write('hosts', text, []);
    });
    expect(compared(all, await ask(all))).toEqual([]);
  });

  it('with strange YAML scalars mean what they mean to Ansible', async () => {
    const plain = fc.oneof(
      fc.stringMatching(/^[-+]?[0-9][0-9_.:xobeE]{0,8}[0-9a-f]$/),
      fc.stringMatching(/^[-+.]?[0-9._]{1,6}([eE][-+]?[0-9]{1,2})?$/),
      fc.stringMatching(/^20[0-2][0-9]-(0?[1-9]|1[0-2])-(0?[1-9]|1[0-9]|2[0-8])$/),
      fc.stringMatching(/^[yYnN~.][a-zA-Z]{0,3}$/),
      fc.constantFrom(
        'yes',
        'Yes',
        'YES',
        'yEs',
        'on',
        'Off',
        'TRUE',
        'tRue',
        'null',
        'Null',
        '~',
        '.inf',
        '-.INF',
        '0o17',
        '0b11',
        '0x_f',
        '1__0',
      ),
    );
    const usable = plain.filter(
      (each) => !/^\.?(?:inf|nan)$|:$|^-$|^[-+]?\.(?:inf|nan)$/i.test(each) && !isBeyondJson(each),
    );
    const documents = fc.sample(fc.array(usable, { minLength: 12, maxLength: 12 }), sampling(60));
    const all = documents.map((scalars) => {
      const keys = scalars.map((scalar, index) => `      v${index}: ${scalar}\n`).join('');
      return write('hosts.yml', `all:\n  hosts:\n    h:\n${keys}`, []);
    });
    expect(compared(all, await ask(all))).toEqual([]);
  });
});

it('random patterns select as in Ansible', { timeout: 180_000 }, async () => {
  const text =
    '[web]\nh1\nweb-1.example.org\nn\n[db]\nh2\nh1\n[eu-west]\nn\nZ9\n[zone.1]\n192.0.2.9\n[_x]\n[a]\nweb2\n';
  const strange = fc
    .array(
      fc.oneof(
        operand(true),
        fc.constantFrom(
          ':',
          ',',
          '&',
          '!',
          '*',
          '?',
          '.',
          ' ',
          '[',
          ']',
          '[1]',
          '[h]',
          '[!h]',
          '[0:',
          '-',
          '~',
          '2001:db8::1',
          '|',
          '$',
          '^',
        ),
      ),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => parts.join(''))
    // An option to the program, or no argument at all.
    .filter((each) => each.trim() !== '');
  const patterns = fc.sample(fc.oneof(pattern(true), strange), sampling(600));
  const random = write('hosts', text, patterns);
  const [answer] = await ask([random]);
  const { inventory } = load(random);
  const wrong = patterns.flatMap((each, at) => {
    const { hosts: expected = [], said = [] } = answer?.patterns[at] ?? {};
    const problems = new Problems();
    const hosts = matchHosts(inventory, each, undefined, problems);
    const isTold = problems.list.length > 0;
    // A lone operator is more than Ansible's own code can take.
    const same = said.some(isError)
      ? isTold || said.some((each) => each.startsWith('IndexError'))
      : String(hosts) === String(expected) && isTold === said.some(matters);
    return same
      ? []
      : [{ pattern: each, hosts, expected, said, told: problems.list.map((each) => each.details) }];
  });
  expect(answer?.patterns).toHaveLength(600);
  expect(wrong).toEqual([]);
});

/** So many values, with the seed of the run where there is one. */
function sampling(numRuns: number): { readonly numRuns: number; readonly seed?: number } {
  const { seed } = fc.readConfigureGlobal();
  return { numRuns, ...(seed !== undefined && { seed }) };
}

/** Numbers that JSON in Python has and JavaScript has not, and a nought with nothing but underscores behind it. */
function isBeyondJson(scalar: string): boolean {
  return (
    /^[-+]?0[bx]?_+$/.test(scalar) || /\d{16}/.test(scalar.replaceAll('_', '')) || /e\+?\d{3}/i.test(scalar)
  );
}
