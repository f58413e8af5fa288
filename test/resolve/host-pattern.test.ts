import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Diagnostic, Problems, type Span } from '../../src/diagnostic.ts';
import { loadInventory } from '../../src/load/inventory/load-inventory.ts';
import type { Inventory } from '../../src/load/inventory/model.ts';
import { matchHosts } from '../../src/resolve/host-pattern.ts';

const folder = mkdtempSync(join(tmpdir(), 'patterns-'));
afterAll(() => rmSync(folder, { recursive: true }));

function inventoryOf(name: string, text: string): Inventory {
  const path = join(folder, name);
  writeFileSync(path, text);
  const problems = new Problems();
  const inventory = loadInventory([path], {}, problems);
  problems.throwIfAny();
  return inventory;
}

const FLEET = inventoryOf(
  'fleet',
  `lone
[web]
web-1
web-2
web-3
[edge-a]
edge-1
web-2
[prod]
web-1
edge-1
[empty]
[v6]
2001:db8::1
2001:db8::2
[dotted]
db.example.com
[site:children]
web
v6
`,
);

function select(
  pattern: string,
  inventory = FLEET,
  at?: Span,
): { hosts: string; found: readonly Diagnostic[] } {
  const problems = new Problems();
  return { hosts: matchHosts(inventory, pattern, at, problems).join(' '), found: problems.list };
}

/** Level by level from `all`: the groups without parents first. */
const EVERYTHING = 'lone edge-1 web-2 web-1 db.example.com web-3 2001:db8::1 2001:db8::2';

describe('a pattern', () => {
  it.each<[string, string]>([
    ['all', EVERYTHING],
    ['*', EVERYTHING],
    ['ungrouped', 'lone'],
    ['web', 'web-1 web-2 web-3'],
    ['web-2', 'web-2'],
    ['site', 'web-1 web-2 web-3 2001:db8::1 2001:db8::2'],
    ['empty', ''],
    ['', EVERYTHING],
    // both separators, in the order they are written
    ['edge-a:web', 'edge-1 web-2 web-1 web-3'],
    ['edge-a,web', 'edge-1 web-2 web-1 web-3'],
    [' edge-a , lone ', 'edge-1 web-2 lone'],
    // intersection before exclusion, wherever they stand
    ['web:&prod', 'web-1'],
    ['!web-3:web', 'web-1 web-2'],
    ['web:!prod:&edge-a', 'web-2'],
    ['!site', 'lone edge-1 db.example.com'],
    ['&prod', 'edge-1 web-1'],
    // globs and regular expressions see groups and hosts
    ['web-*', 'web-1 web-2 web-3'],
    ['we[b]-1', 'web-1'],
    ['we[!x]-?', 'web-1 web-2 web-3'],
    ['edge*', 'edge-1 web-2'],
    ['*.example.com', 'db.example.com'],
    ['~(web|edge)-1', 'web-1 edge-1'],
    ['~.*-[23]$', 'web-2 web-3'],
    ['~web\\-1', 'web-1'],
    // subscripts; both ends of a slice count
    ['web[0]', 'web-1'],
    ['web[-1]', 'web-3'],
    ['web[1:]', 'web-2 web-3'],
    ['web[0:1]', 'web-1 web-2'],
    ['web[0-1]', 'web-1 web-2'],
    ['web[1:0]', 'web-2'],
    ['web[1:9]', 'web-2 web-3'],
    ['web[0]:v6[1]', 'web-1 2001:db8::2'],
    ['site:!web[0]', 'web-2 web-3 2001:db8::1 2001:db8::2'],
    ['empty[0]', ''],
    // addresses
    ['2001:db8::1', '2001:db8::1'],
    ['2001:db8::1,web-1', '2001:db8::1 web-1'],
    ['v6,!2001:db8::1', '2001:db8::2'],
    // this machine
    ['localhost', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['localhost,web-1', 'localhost web-1'],
  ])('"%s" selects: %s', (pattern, hosts) => {
    expect(select(pattern)).toEqual({ hosts, found: [] });
  });

  it('takes the localhost that is listed for every name of this machine', () => {
    const inventory = inventoryOf('local', '127.0.0.1 ansible_connection=local\n');
    expect(select('localhost', inventory)).toEqual({ hosts: '127.0.0.1', found: [] });
    expect(select('::1', inventory).hosts).toBe('127.0.0.1');
  });

  it('takes a name that host and group share for the host', () => {
    const inventory = inventoryOf('shared', '[web]\ndb\nweb-1\n[db]\ndb-1\n');
    expect(select('db', inventory).hosts).toBe('db');
    expect(select('web:!db', inventory).hosts).toBe('db web-1');
  });
});

describe('a pattern that is wrong', () => {
  const at: Span = {
    file: 'site.yml',
    line: 7,
    column: 10,
    length: 12,
    lineText: '  hosts:  web:&egde-a  # x',
  };
  const file = join(folder, 'fleet');

  it('is one that names neither host nor group, and points at that name', () => {
    expect(select('web:&egde-a', FLEET, { ...at, column: 11, length: 11 })).toEqual({
      hosts: '',
      found: [
        {
          code: 'unknown-group',
          summary: 'group is not in the inventory',
          at: { ...at, column: 16, length: 6 },
          details: [`${file} has all, web, edge-a, prod, empty, v6, dotted, site`],
          hint: 'did you mean "edge-a"?',
        },
      ],
    });
  });

  it('names itself where it comes from the command line, and at most ten groups', () => {
    const inventory = inventoryOf(
      'many',
      Array.from({ length: 12 }, (_, i) => `[group${i}]\nhost${i}\n`).join(''),
    );
    expect(select('nothing-like-it', inventory).found).toEqual([
      {
        code: 'unknown-group',
        summary: 'group is not in the inventory',
        details: [
          'the pattern "nothing-like-it" stands on the command line',
          `${join(folder, 'many')} has all, group0, group1, group2, group3, group4, group5, group6, group7, group8, …`,
        ],
      },
    ]);
  });

  it('is also one whose glob or exclusion matches nothing', () => {
    // a set at the end is a subscript
    expect(select('web-[13]').found.map(({ code }) => code)).toEqual(['unknown-group']);
    expect(select('nope*').found.map(({ code, hint }) => [code, hint])).toEqual([
      ['unknown-group', undefined],
    ]);
    expect(select('web:!wbe').found.map(({ code, hint }) => [code, hint])).toEqual([
      ['unknown-group', 'did you mean "web"?'],
    ]);
  });

  it('reports each unknown name once, and still selects the rest', () => {
    const { hosts, found } = select('wbe,lone,prdo');
    expect(hosts).toBe('lone');
    expect(found.map(({ hint }) => hint)).toEqual(['did you mean "web"?', 'did you mean "prod"?']);
  });

  it('is a subscript beyond the end', () => {
    expect(
      select('web[3]', FLEET, { ...at, lineText: '  hosts:  web[3]', length: 6, column: 11 }).found,
    ).toEqual([
      {
        code: 'pattern-syntax',
        summary: 'pattern selects a host that is not there',
        at: { ...at, lineText: '  hosts:  web[3]', length: 6, column: 11 },
        details: ['"web" has 3 hosts: there is no [3]'],
      },
    ]);
    expect(select('v6[-3]').found.map(({ code }) => code)).toEqual(['pattern-syntax']);
  });

  it('is a regular expression that is none', () => {
    expect(select('~web(').found).toEqual([
      {
        code: 'pattern-syntax',
        summary: 'pattern is not a regular expression',
        details: ['the pattern "~web(" stands on the command line', '"web(": Unterminated group'],
      },
    ]);
  });
});
