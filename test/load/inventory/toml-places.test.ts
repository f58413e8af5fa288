// Places in TOML: what is shown as the place of a value is that value, whatever form the file gives it.
import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { expect, test } from 'vitest';
import { Problems } from '../../../src/diagnostic.ts';
import { parseToml } from '../../../src/load/inventory/toml-document.ts';
import { type Origin, SourceFile } from '../../../src/load/source.ts';

function originOf(text: string): Origin {
  const problems = new Problems();
  const document = parseToml(new SourceFile('/t.toml', text), problems);
  expect(problems.list).toEqual([]);
  if (document === undefined) throw new Error('no document');
  return document.origin;
}

function shown(origin: Origin): string {
  const { line, column, length, lineText } = origin.span();
  return `${line} ${lineText.slice(column - 1, column - 1 + length)}`;
}

const at = (origin: Origin, path: string): Origin =>
  path.split('/').reduce((below, key) => below.child(key), origin);

test('a value has the place where it is written, in each form that TOML has', () => {
  const origin = originOf(`# [web.hosts] = no
web = { hosts = { w-1 = { a = "x # }" } } } # { b = 2 }
edge.hosts.'e 1'.tags = [ # [
  "one",

  'two', [3, 4]
]
[ db . "ho\\u0073ts" . d-1 ] # "]"
text = """
a = 1 \\""" b = 2""""
date = 1979-05-27 07:32:00 # then
[[db.hosts.d-1.routes]]
to = "x"
[[db.hosts.d-1.routes]]
to = "y"
[db.hosts.d-1.routes.via]
gateway = 1
`);
  expect(shown(at(origin, 'web/hosts/w-1/a'))).toBe('2 "x # }"');
  expect(shown(at(origin, 'edge/hosts/e 1/tags/1'))).toBe("6 'two'");
  expect(shown(at(origin, 'edge/hosts/e 1/tags/2/1'))).toBe('6 4');
  expect(shown(at(origin, 'edge/hosts').key('e 1'))).toBe("3 'e 1'");
  expect(shown(at(origin, 'db').key('hosts'))).toBe('8 "ho\\u0073ts"');
  expect(shown(at(origin, 'db/hosts/d-1/text'))).toBe('9 """');
  expect(shown(at(origin, 'db/hosts/d-1/date'))).toBe('11 1979-05-27 07:32:00');
  expect(shown(at(origin, 'db/hosts/d-1/routes/0/to'))).toBe('13 "x"');
  expect(shown(at(origin, 'db/hosts/d-1/routes/1/to'))).toBe('15 "y"');
  expect(shown(at(origin, 'db/hosts/d-1/routes/1/via/gateway'))).toBe('17 1');
});

test('a part of a text is shown where each letter is one of the file, else the whole', () => {
  const origin = originOf('a = "one {{two}}"\nb = "\\u0041 {{two}}"\n');
  expect(origin.child('a').span({ offset: 6, length: 3 })).toMatchObject({ line: 1, column: 12, length: 3 });
  expect(origin.child('b').span({ offset: 4, length: 3 })).toMatchObject({ line: 2, column: 5, length: 16 });
});

test('each value that stands on one line is what its place holds', () => {
  const key = fc.oneof(
    fc.constantFrom('a', 'b-1', '__proto__', 'a.b', '"', "'", '#', ''),
    fc.string({ maxLength: 4 }),
  );
  const leaf = fc.oneof(
    fc.integer(),
    fc.boolean(),
    fc.string(),
    fc.constantFrom('"""', "'''", '#', ']', '}', ', x = 1'),
  );
  const { table } = fc.letrec<{ table: Record<string, unknown>; value: unknown }>((tie) => ({
    table: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(leaf, { maxLength: 3 }),
      fc.array(tie('table'), { maxLength: 2 }),
      tie('table'),
    ),
  }));
  fc.assert(
    fc.property(table, (data) => {
      const text = stringify(data);
      const read = parse(text);
      let count = 0;
      const visit = (value: unknown, origin: Origin): void => {
        if (typeof value === 'object' && value !== null) {
          for (const [name, inner] of Object.entries(value)) visit(inner, origin.child(name));
          return;
        }
        const { lineText, column, length } = origin.span();
        expect(parse(`x = ${lineText.slice(column - 1, column - 1 + length)}`)).toEqual({ x: value });
        count += 1;
      };
      visit(read, originOf(text));
      expect(count).toBe(leaves(data));
    }),
    { numRuns: 300 },
  );
});

function leaves(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + leaves(inner), 0);
}
