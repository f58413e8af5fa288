import { describe, expect, it } from 'vitest';
import { type Diagnostic, Problems } from '../../src/diagnostic.ts';
import { type Origin, SourceFile } from '../../src/load/source.ts';
import { parseYaml, TaggedText, type YamlDocument, type YamlSchema } from '../../src/load/yaml-document.ts';

function parse(
  text: string,
  schema: YamlSchema = 'core',
): { document?: YamlDocument; found: readonly Diagnostic[] } {
  const problems = new Problems();
  const document = parseYaml(new SourceFile('/srv/site.yml', text), problems, { schema });
  return { ...(document && { document }), found: problems.list };
}

/** The data of a text that must be without problems. */
function dataOf(text: string, schema?: YamlSchema): unknown {
  const { document, found } = parse(text, schema);
  expect(found).toEqual([]);
  return document?.data;
}

function originOf(text: string): Origin {
  const { document } = parse(text);
  if (document === undefined) throw new Error('not YAML');
  return document.origin;
}

/** The stretch of the file that a span covers. */
function covered(origin: Origin, part?: { offset: number; length: number }): string {
  const { line, column, length, lineText } = origin.span(part);
  return `${line}: ${lineText.slice(column - 1, column - 1 + length)}`;
}

describe('a scalar without quotes', () => {
  it.each<[string, unknown, unknown]>([
    ['yes', 'yes', true],
    ['Off', 'Off', false],
    ['y', 'y', 'y'],
    ['true', true, true],
    ['0644', 644, 420],
    ['0o644', 420, '0o644'],
    ['0x1F', 31, 31],
    ['-0x1F', '-0x1F', -31],
    ['0b101', '0b101', 5],
    ['1_000', '1_000', 1000],
    ['12:30:45', '12:30:45', 45045],
    ['08', 8, '08'],
    ['1e3', 1000, '1e3'],
    ['1.5e+3', 1500, 1500],
    ['.5', 0.5, 0.5],
    ['-.inf', -Infinity, -Infinity],
    ['1.2.3', '1.2.3', '1.2.3'],
    ['~', null, null],
    ['2024-02-03', '2024-02-03', '2024-02-03'],
    ['2001-12-14t21:59:43.10-05:00', '2001-12-14t21:59:43.10-05:00', '2001-12-14T21:59:43.100000-05:00'],
    ['2001-12-14 1:59:43 Z', '2001-12-14 1:59:43 Z', '2001-12-14T01:59:43+00:00'],
    ['12345678901234567890', '12345678901234567890', '12345678901234567890'],
    ['!!str 1', '1', '1'],
    ['!!int "3"', 3, 3],
  ])('%s is %j in YAML 1.2 and %j in YAML 1.1', (text, core, old) => {
    expect(dataOf(`key: ${text}\n`, 'core')).toEqual({ key: core });
    expect(dataOf(`key: ${text}\n`, '1.1')).toEqual({ key: old });
  });

  it('is text once it is quoted', () => {
    expect(dataOf('a: "yes"\nb: \'0644\'\n', '1.1')).toEqual({ a: 'yes', b: '0644' });
  });

  it('follows JSON in a file that is JSON', () => {
    expect(dataOf('{"a": 1e3, "b": "yes"}', '1.1')).toEqual({ a: 1000, b: 'yes' });
  });
});

describe('mappings', () => {
  it('keep the order of their keys and cannot reach a prototype', () => {
    const data = dataOf('zeta: 1\nalpha: 2\n__proto__: {polluted: true}\n') as Record<string, unknown>;
    expect(Object.keys(data)).toEqual(['zeta', 'alpha', '__proto__']);
    expect(Object.getPrototypeOf(data)).toBeNull();
    expect('polluted' in {}).toBe(false);
    expect(data.constructor).toBeUndefined();
  });

  it('have text keys, and tell which were written as something else', () => {
    const { document } = parse('80: a\nyes: b\n"81": c\n', '1.1');
    const data = document?.data as Record<string, unknown>;
    expect(Object.keys(data)).toEqual(['80', '81', 'true']);
    expect(['80', '81', 'true'].map((key) => document?.keyIsText(data, key))).toEqual([false, true, false]);
  });

  it('merge with <<: own keys win, then the first base', () => {
    const text = 'a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\nd: {"<<": 1}\n';
    expect(dataOf(text)).toEqual({
      a: { x: 1, y: 1 },
      b: { y: 2, z: 2 },
      c: { x: 1, y: 1, z: 3 },
      d: { '<<': 1 },
    });
  });

  it('merge an anchor of the same mapping, merged keys first', () => {
    const data = dataOf('a: &a {x: 1}\n<<: *a\n') as object;
    expect(Object.entries(data)).toEqual([
      ['x', 1],
      ['a', { x: 1 }],
    ]);
  });

  it('merge a list that an alias names', () => {
    expect(dataOf('l: &l [{a: 1}, {b: 2}]\nm: {<<: *l}\n')).toEqual({
      l: [{ a: 1 }, { b: 2 }],
      m: { a: 1, b: 2 },
    });
  });
});

describe("Ansible's tags", () => {
  it('mark text that is no template, also inside lists and mappings', () => {
    const data = dataOf('a: !unsafe "{{ x }}"\nb: !unsafe [p, {q: r, n: 1}]\n');
    expect(data).toEqual({
      a: new TaggedText('unsafe', '{{ x }}'),
      b: [new TaggedText('unsafe', 'p'), { q: new TaggedText('unsafe', 'r'), n: 1 }],
    });
  });

  it('mark vaulted text, and print as Ansible prints them', () => {
    const data = dataOf('a: !vault |\n  $ANSIBLE_VAULT;1.1\n  31\n');
    expect(JSON.stringify(data)).toBe('{"a":{"__ansible_vault":"$ANSIBLE_VAULT;1.1\\n31\\n"}}');
  });
});

describe('an origin', () => {
  const text = [
    'top: &base', //             1
    '  name: "a{{ x }}"  # c', //  2
    '  empty:', //               3
    '  list: [one, two]', //     4
    'copy: *base', //            5
    'more:', //                  6
    '  <<: *base', //            7
    '  own: 1', //               8
    '',
  ].join('\n');

  it.each<[string, (origin: Origin) => Origin, string]>([
    ['a mapping', (o) => o.child('top'), '2: name: "a{{ x }}"  # c'],
    ['a value', (o) => o.child('top').child('name'), '2: "a{{ x }}"'],
    ['a key', (o) => o.child('top').key('name'), '2: name'],
    ['an empty value by its key', (o) => o.child('top').child('empty'), '3: empty'],
    ['an item', (o) => o.child('top').child('list').child(1), '4: two'],
    ['an alias', (o) => o.child('copy'), '5: *base'],
    ['a value behind an alias', (o) => o.child('copy').child('list'), '4: [one, two]'],
    ['a merged value', (o) => o.child('more').child('name'), '2: "a{{ x }}"'],
    ['a key that is not there by its mapping', (o) => o.child('more').key('nope'), '7: <<: *base'],
    [
      'a value that is not there by its mapping',
      (o) => o.child('more').child('nope').child(3),
      '7: <<: *base',
    ],
  ])('points at %s', (_what, walk, expected) => {
    expect(covered(walk(originOf(text)))).toBe(expected);
  });

  it.each<[string, string, string]>([
    ['plain text', 'k: say  {{ x }} now\n', '1: {{ x }}'],
    ['double quotes', 'k: "say {{ x }}"\n', '1: {{ x }}'],
    ['double quotes with escapes', 'k: "say \\"\\x41\\u0042\\" {{ x }}"\n', '1: {{ x }}'],
    ['double quotes with an escaped line end', 'k: "a \\\n  b{{ x }}"\n', '2: {{ x }}'],
    ['single quotes with a doubled one', "k: 'it''s {{ x }}'\n", '1: {{ x }}'],
    ['a literal block', 'k: |\n  first\n    deep {{ x }}\n  last\n', '3: {{ x }}'],
    ['a literal block, stripped', 'k:\n  - |-\n    a\n\n    b {{ x }}\n', '5: {{ x }}'],
    ['a literal block with its own indentation', 'k: |2\n   a {{ x }}\n', '2: {{ x }}'],
    ['a folded block', 'k: >-\n  one\n  two {{ x }}\n', '3: {{ x }}'],
    ['text over several lines', 'k: one\n  two {{ x }}\n', '2: {{ x }}'],
    ['an alias', 'a: &a "b {{ x }}"\nk: *a\n', '1: {{ x }}'],
  ])('maps an offset in %s to its place', (_what, source, expected) => {
    const { document } = parse(source);
    const value = (document?.data as { k: string | string[] } | undefined)?.k ?? '';
    const origin = document?.origin.child('k');
    const [string, at] = typeof value === 'string' ? [value, origin] : [value[0] ?? '', origin?.child(0)];
    expect(at && covered(at, { offset: string.indexOf('{{'), length: 7 })).toBe(expected);
  });

  it('counts from the first byte of a file with CRLF line ends', () => {
    expect(
      covered(originOf('a: 1\r\nb: |\r\n  x\r\n  y {{ z }}\r\n').child('b'), { offset: 4, length: 7 }),
    ).toBe('4: {{ z }}');
  });
});

describe('problems', () => {
  it.each<[string, string, Partial<Diagnostic> & { place: string }]>([
    [
      'a duplicate key',
      'a: 1\nb: 2\na: 3\n',
      {
        code: 'duplicate-key',
        summary: 'key is there twice',
        place: '3:1 a',
        details: ['"a" stands on line 1 already'],
        hint: 'remove one of the two',
      },
    ],
    [
      'an unquoted template',
      'vars:\n  a: {{ x }}  # why\n',
      {
        code: 'unquoted-template',
        summary: 'template is not in quotes',
        place: '2:6 {{ x }}',
        details: ['YAML takes an opening brace for a mapping'],
        hint: 'write "{{ x }}"',
      },
    ],
    [
      'an unquoted template with text behind it',
      '- path: {{ base }}/bin # why\n',
      {
        code: 'unquoted-template',
        summary: 'template is not in quotes',
        place: '1:9 {{ base }}/bin',
        details: ['YAML takes an opening brace for a mapping'],
        hint: 'write "{{ base }}/bin"',
      },
    ],
    [
      'an unquoted template with quotes in it',
      'l: [{{ a["b"] }}, 2]\n',
      {
        code: 'unquoted-template',
        summary: 'template is not in quotes',
        place: '1:5 {{ a["b"] }}',
        details: ['YAML takes an opening brace for a mapping'],
        hint: `write '{{ a["b"] }}'`,
      },
    ],
    [
      'a tab',
      'a:\n\tb: 1\n',
      {
        code: 'yaml-syntax',
        summary: 'not valid YAML',
        place: '2:1 \t',
        details: ['a tab cannot indent'],
        hint: 'indent with spaces',
      },
    ],
    [
      'two documents',
      'a: 1\n---\nb: 2\n',
      {
        code: 'yaml-syntax',
        summary: 'not valid YAML',
        place: '2:1 ---',
        details: ['the file holds more than one document'],
        hint: 'keep one document per file',
      },
    ],
    [
      'an open quote, on the last line that holds something',
      'a: "x\n\n',
      { code: 'yaml-syntax', summary: 'not valid YAML', place: '1:5 x', details: ['missing closing "quote'] },
    ],
    [
      'an unknown alias',
      'a: *b\n',
      {
        code: 'yaml-syntax',
        summary: 'not valid YAML',
        place: '1:4 *b',
        details: ['no anchor &b stands before this alias'],
      },
    ],
    [
      'a value that contains itself',
      'a: &a [1, *a]\n',
      { code: 'yaml-syntax', summary: 'not valid YAML', place: '1:11 *a', details: ['&a contains itself'] },
    ],
    [
      'an unknown tag',
      'a: !!python/object/apply:os.system [ls]\n',
      {
        code: 'yaml-syntax',
        summary: 'not valid YAML',
        place: '1:4 !!python/object/apply:os.system',
        details: ['YAML takes !!python/object/apply:os.system for a tag, and it has no meaning here'],
        hint: 'put the whole value into quotes, if it is one',
      },
    ],
    [
      'a merge of something else',
      'a:\n  <<: text\n',
      {
        code: 'yaml-syntax',
        summary: 'not valid YAML',
        place: '2:7 text',
        details: ['<< takes a mapping, or a list of mappings'],
      },
    ],
  ])('name %s', (_what, text, expected) => {
    const shown = parse(text).found.map(({ at, ...rest }) => ({
      ...rest,
      place: at && `${at.line}:${at.column} ${at.lineText.slice(at.column - 1, at.column - 1 + at.length)}`,
    }));
    expect(shown).toEqual([expected]);
  });

  it('leave a document behind where its shape is still known', () => {
    expect(parse('a: {{ x }}\nb: 1\nb: 2\n').document?.data).toEqual({ a: '{{ x }}', b: 2 });
    expect(parse('a: b: c\n').document).toBeUndefined();
  });

  it('stop an alias bomb before it unfolds', () => {
    const level = (name: string, base: string): string =>
      `${name}: &${name} [${`*${base}, `.repeat(9)}*${base}]\n`;
    const text = `a: &a [${'1, '.repeat(9)}1]\n${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}${level('e', 'd')}${level('f', 'e')}`;
    expect(parse(text).found.map((d) => [d.details, d.at?.line])).toEqual([
      [['aliases repeat more than 100000 values'], 5],
    ]);
  });

  it('do not let deep nesting crash the reader', () => {
    expect(parse('['.repeat(20_000)).found.map((d) => d.code)).toEqual(['yaml-syntax']);
  });

  it('are none for an empty file', () => {
    expect(dataOf('# nothing\n')).toBeNull();
  });
});
