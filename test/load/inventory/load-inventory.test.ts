// Runs the files in cases/: `files` are written to a folder, `sources` are loaded from it, and what comes of them is
// `list` (as --list prints it), `graph`, `layers` and `problems`. A case without problems must have none.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Diagnostic, Problems } from '../../../src/diagnostic.ts';
import { findHost, hostVariables, magicVariables } from '../../../src/load/inventory/host-variables.ts';
import { loadInventory } from '../../../src/load/inventory/load-inventory.ts';
import type { Inventory } from '../../../src/load/inventory/model.ts';
import { hostJson, toAnsibleJson, toGraph } from '../../../src/load/inventory/print.ts';

interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly sources: readonly string[];
  readonly playbookFolder?: string;
  readonly list?: unknown;
  readonly graph?: string;
  readonly layers?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly problems?: readonly string[];
}

const CASES = join(import.meta.dirname, 'cases');
const folder = mkdtempSync(join(tmpdir(), 'inventory-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the files below a folder of their own; what ends in .sh is executable. */
function write(name: string, files: Readonly<Record<string, string>>): string {
  const base = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text, { mode: path.endsWith('.sh') ? 0o755 : 0o644 });
  }
  return base;
}

/** `code line:column covered text: details (hint: …)`, with DIR for the folder. */
function shown({ code, at, details = [], hint }: Diagnostic, base: string): string {
  const place =
    at && ` ${at.line}:${at.column} ${at.lineText.slice(at.column - 1, at.column - 1 + at.length)}`;
  const said = [...details, ...(hint === undefined ? [] : [`(hint: ${hint})`])].join(' ');
  return `${code}${place ?? ''}: ${said}`.replaceAll(base, 'DIR');
}

function load(base: string, sources: readonly string[], playbookFolder?: string): [Inventory, Problems] {
  const problems = new Problems();
  const paths = sources.map((source) => (source.includes(',') ? source : join(base, source)));
  const options = playbookFolder === undefined ? {} : { playbookFolder: join(base, playbookFolder) };
  return [loadInventory(paths, options, problems), problems];
}

describe('an inventory', () => {
  it.each(readdirSync(CASES))('is what cases/%s says', (file) => {
    const test = parse(readFileSync(join(CASES, file), 'utf8')) as Case;
    const base = write(basename(file, '.yml'), test.files);
    const [inventory, problems] = load(base, test.sources, test.playbookFolder);
    expect(problems.list.map((problem) => shown(problem, base))).toEqual(test.problems ?? []);
    if (test.list !== undefined) {
      expect(JSON.parse(JSON.stringify(toAnsibleJson(inventory)))).toEqual(test.list);
    }
    if (test.graph !== undefined) expect(toGraph(inventory, problems)).toBe(test.graph);
    for (const [host, layers] of Object.entries(test.layers ?? {})) {
      const variables = hostVariables(inventory, host);
      for (const [name, layer] of Object.entries(layers))
        expect(variables.get(name)?.layer, name).toBe(layer);
    }
  });

  it('reads back what it prints', () => {
    const base = write('again', {
      hosts: '[web]\nweb-1 a=1\n[site:children]\nweb\n[web:vars]\nb={"c": [1]}\n',
    });
    const [first] = load(base, ['hosts']);
    const printed = JSON.stringify(toAnsibleJson(first));
    writeFileSync(join(base, 'list.json'), printed);
    const [second, problems] = load(base, ['list.json']);
    expect(problems.list).toEqual([]);
    expect(JSON.stringify(toAnsibleJson(second))).toBe(printed);
  });

  it('may have groups and variables called like the properties of an object', () => {
    const base = write('names', {
      hosts: 'web-1 __proto__=1 constructor=2\n[constructor]\nweb-1\n[__proto__]\nweb-1\n',
    });
    const [inventory, problems] = load(base, ['hosts']);
    expect(problems.list).toEqual([]);
    expect(JSON.stringify(toAnsibleJson(inventory))).toBe(
      '{"_meta":{"hostvars":{"web-1":{"__proto__":1,"constructor":2}}},' +
        '"all":{"children":["ungrouped","constructor","__proto__"]},' +
        '"constructor":{"hosts":["web-1"]},"__proto__":{"hosts":["web-1"]}}',
    );
  });

  it('keeps variables where they are set when it is exported', () => {
    const base = write('export', {
      hosts: '[web]\nweb-1 a=1\n[web:vars]\nb=2\nansible_group_priority=3\n',
      'group_vars/web': 'c: 3',
      'host_vars/web-1': 'd: 4',
    });
    const [inventory] = load(base, ['hosts']);
    expect(JSON.parse(JSON.stringify(toAnsibleJson(inventory, { export: true })))).toEqual({
      _meta: { hostvars: { 'web-1': { a: 1, d: 4 } } },
      all: { children: ['ungrouped', 'web'] },
      web: { hosts: ['web-1'], vars: { ansible_group_priority: 3, b: 2, c: 3 } },
    });
  });
});

describe('a host', () => {
  it('has its merged variables alone for --host, without what every host has', () => {
    const base = write('host', { hosts: 'web-1.example.com b=1 inventory_hostname=x a="{{ b }}"\n' });
    const [inventory] = load(base, ['hosts']);
    expect(JSON.stringify(hostJson(inventory, 'web-1.example.com'))).toBe('{"a":"{{ b }}","b":1}');
    expect(hostJson(inventory, 'web-2')).toBeUndefined();
  });

  it('knows its names and groups', () => {
    const base = write('magic', {
      hosts: 'web-1.example.com\n[web]\nweb-1.example.com\n192.0.2.1\n[site:children]\nweb\n',
    });
    const [inventory] = load(base, ['hosts']);
    const magic = (name: string): unknown => {
      const host = findHost(inventory, name);
      return host && magicVariables(inventory, host);
    };
    expect(magic('web-1.example.com')).toEqual({
      inventory_hostname: 'web-1.example.com',
      inventory_hostname_short: 'web-1',
      inventory_file: join(base, 'hosts'),
      inventory_dir: base,
      group_names: ['site', 'web'],
      groups: {
        all: ['web-1.example.com', '192.0.2.1'],
        ungrouped: [],
        web: ['web-1.example.com', '192.0.2.1'],
        site: ['web-1.example.com', '192.0.2.1'],
      },
    });
    expect(magic('192.0.2.1')).toMatchObject({ inventory_hostname_short: '192.0.2.1' });
    expect(magic('web-2')).toBeUndefined();
  });

  it('called localhost exists without being listed, with the variables of all and its own files', () => {
    const base = write('local', {
      hosts: 'web-1\n[all:vars]\na=1\n',
      'host_vars/localhost': 'b: 2',
    });
    const [inventory] = load(base, ['hosts']);
    expect({ ...hostJson(inventory, 'localhost') }).toEqual({ a: 1, ansible_connection: 'local', b: 2 });
    expect(inventory.hosts.has('localhost')).toBe(false);
  });
});

describe('a variable', () => {
  const files = {
    hosts: '[web]\nweb-1 a=1 b="say {{ x }}" # c\n\n[web:vars]\nlong = one {{ y }}\n',
    'group_vars/web.yml': 'list:\n  - "{{ z }}"\n',
  };

  it.each<[string, (inventory: Inventory) => unknown, string]>([
    ['on a host line', (i) => hostVariables(i, 'web-1').get('a')?.origin.span(), 'hosts 2: 1'],
    [
      'in quotes on a host line',
      (i) => hostVariables(i, 'web-1').get('b')?.origin.span(),
      'hosts 2: "say {{ x }}"',
    ],
    [
      'in a part of a host line',
      (i) => hostVariables(i, 'web-1').get('b')?.origin.span({ offset: 4, length: 7 }),
      'hosts 2: {{ x }}',
    ],
    [
      'in a part of a :vars line',
      (i) => hostVariables(i, 'web-1').get('long')?.origin.span({ offset: 4, length: 7 }),
      'hosts 5: {{ y }}',
    ],
    [
      'in a file of variables',
      (i) => hostVariables(i, 'web-1').get('list')?.origin.child(0).span({ offset: 0, length: 7 }),
      'group_vars/web.yml 2: {{ z }}',
    ],
  ])('%s knows its place', (_where, find, expected) => {
    const base = write('places', files);
    const [inventory] = load(base, ['hosts']);
    const span = find(inventory) as {
      file: string;
      line: number;
      column: number;
      length: number;
      lineText: string;
    };
    const text = span.lineText.slice(span.column - 1, span.column - 1 + span.length);
    expect(`${span.file.replace(`${base}/`, '')} ${span.line}: ${text}`).toBe(expected);
  });
});

describe('a graph', () => {
  it('starts at the group that is asked for, and only at a group', () => {
    const base = write('graph', { hosts: '[web]\nweb-1\n' });
    const [inventory, problems] = load(base, ['hosts']);
    expect(toGraph(inventory, problems, 'web')).toBe('@web:\n  |--web-1');
    expect(toGraph(inventory, problems, 'wbe')).toBe('');
    expect(problems.list).toEqual([
      {
        code: 'unknown-group',
        summary: 'group is not in the inventory',
        details: ['a graph starts at a group, and "wbe" is none'],
        hint: 'did you mean "web"?',
      },
    ]);
  });
});
