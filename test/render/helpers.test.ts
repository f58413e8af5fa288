import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareVersions, helperNames } from '../../src/render/helpers.ts';
import { RenderError } from '../../src/render/template.ts';
import { scopeOf, template } from './support/rendering.ts';

const VALUES = {
  n: 5,
  text: 'Main Street',
  list: ['b', 'a', 1],
  empty: [],
  nothing: null,
  no: false,
  yes: true,
  map: { a: 1, b: [2] },
  links: [{ device: 'eth0' }, { device: 'eth1' }, { device: 'eth0' }],
};

const TABLE: readonly (readonly [string, unknown])[] = [
  ['{{sh text}}', "'Main Street'"],
  ['{{sh n}}', '5'],
  ['{{sh "it\'s"}}', "'it'\\''s'"],
  ['{{json map}}', '{"a":1,"b":[2]}'],
  ['{{json nothing}}', 'null'],
  ['{{eq n 5}}', true],
  ['{{eq n "5"}}', false],
  ['{{ne n 5}}', false],
  ['{{lt n 6}}', true],
  ['{{le n 5}}', true],
  ['{{gt n 5}}', false],
  ['{{ge n 5}}', true],
  ['{{and n text yes}}', true],
  ['{{and n empty}}', false],
  ['{{or no empty "x"}}', 'x'],
  ['{{or no 0}}', 0],
  ['{{not nothing}}', true],
  ['{{not 0}}', true],
  ['{{not empty}}', true],
  ['{{not "no"}}', false],
  ['{{default nothing 3}}', 3],
  ['{{default no 3}}', false],
  ['{{concat "a" n "-" yes}}', 'a5-true'],
  ['{{join list ", "}}', 'b, a, 1'],
  ['{{join empty ","}}', ''],
  ['{{pluck links "device"}}', ['eth0', 'eth1']],
  ['{{join (pluck links "device") " "}}', 'eth0 eth1'],
  ['{{length list}}', 3],
  ['{{length map}}', 2],
  ['{{length text}}', 11],
  ['{{includes list "a"}}', true],
  ['{{includes list "c"}}', false],
  ['{{includes text "Street"}}', true],
  ['{{add n 1 2}}', 8],
  ['{{upper text}}', 'MAIN STREET'],
  ['{{lower text}}', 'main street'],
  ['{{indent "a\n\nb" 2}}', '  a\n\n  b'],
  ['{{network "192.0.2.10/24"}}', '192.0.2.0/24'],
  ['{{network "2001:db8::10/64"}}', '2001:db8::/64'],
  ['{{network "192.0.2.10"}}', '192.0.2.10/32'],
  ['{{network "2001:DB8::010"}}', '2001:db8::10/128'],
  ['{{address "192.0.2.10/24"}}', '192.0.2.10'],
  ['{{address "2001:DB8:0::01"}}', '2001:db8::1'],
  ['{{isText text}}', true],
  ['{{isText map}}', false],
  ['{{prefix "192.0.2.10/24"}}', 24],
  ['{{family "192.0.2.10/24"}}', 4],
  ['{{family "2001:db8::1"}}', 6],
  ['{{versionAtLeast "5.10.0-19-amd64" "5.4"}}', true],
  ['{{lookup map "a"}}', 1],
  ['{{lookup list 0}}', 'b'],
];

describe('helpers', () => {
  it.each(TABLE)('%s is %j', (text, expected) => {
    expect(template(text).value(scopeOf(VALUES))).toEqual(expected);
  });

  it.each([
    ['{{sh list}}', 'a list has no text form'],
    ['{{sh nothing}}', 'null has no text form'],
    ['{{add n "1"}}', 'a string is not a number'],
    ['{{lt text 1}}', 'a string is not a number'],
    ['{{join text ","}}', 'a string is not a list'],
    ['{{join links ","}}', 'a mapping has no text form'],
    ['{{pluck links "devcie"}}', 'a mapping in the list has no "devcie"'],
    ['{{pluck list "a"}}', 'a string in the list has no "a"'],
    ['{{length n}}', 'a number has no length'],
    ['{{includes n 1}}', 'a number cannot include anything'],
    ['{{address "192.0.2"}}', '"192.0.2" is no address'],
    ['{{address "192.0.2.10/33"}}', '"192.0.2.10/33" is no address with prefix length'],
    ['{{family "eth0"}}', '"eth0" is no address'],
    ['{{network nothing}}', 'null has no text form'],
  ])('%s fails: %s', (text, message) => {
    expect(() => template(text).value(scopeOf(VALUES))).toThrow(new RenderError(message, expect.anything()));
  });

  it('each have a row in this table', () => {
    const blocks = ['if', 'unless', 'each', 'with'];
    const missing = helperNames().filter(
      (name) => !blocks.includes(name) && !TABLE.some(([text]) => text.startsWith(`{{${name} `)),
    );
    expect(missing).toEqual([]);
  });

  it('each have a row in docs/templates.md', () => {
    const docs = readFileSync(new URL('../../docs/templates.md', import.meta.url), 'utf8');
    const rows = new Set([...docs.matchAll(/^\| `\{\{#?(\w+) /gm)].map(([, name]) => name));
    expect([...rows].sort()).toEqual([...helperNames()].sort());
  });
});

describe('versions', () => {
  it.each([
    ['5.4', '5.4.0', 0],
    ['5.10', '5.4', 1],
    ['4.19.0-21-amd64', '5', -1],
    ['6.1.0-rc1', '6.1', 0],
    ['v5', '5', -1],
    ['', '0', 0],
  ])('%s and %s compare as %i', (a, b, expected) => {
    expect(Math.sign(compareVersions(a, b))).toBe(expected);
  });
});
