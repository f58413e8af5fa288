import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { parseExtraVars } from '../../src/load/extra-vars.ts';
import { writeProject } from '../resolve/support/project.ts';

function parse(...texts: string[]): { readonly values: unknown; readonly found: readonly string[] } {
  const problems = new Problems();
  const variables = parseExtraVars(texts, problems);
  return {
    values: Object.fromEntries([...variables].map(([name, { value }]) => [name, value])),
    found: problems.list.map(({ code, at, details }) => `${code} ${at?.file ?? '-'}: ${details?.join('; ')}`),
  };
}

describe('extra variables', () => {
  it.each<[string, unknown]>([
    ['port=80', { port: '80' }],
    ['a=1 b=two', { a: '1', b: 'two' }],
    [' a=1  b=2 ', { a: '1', b: '2' }],
    ["text='two words'", { text: 'two words' }],
    ['text="two words" n=1', { text: 'two words', n: '1' }],
    ['text="it\'s"', { text: "it's" }],
    ['text="a \\"b\\" \\\\c"', { text: 'a "b" \\c' }],
    ['empty=', { empty: '' }],
    ['url=http://x/?a=b', { url: 'http://x/?a=b' }],
    ['{"port": 80, "names": ["a", null]}', { port: 80, names: ['a', null] }],
    ['{port: 80, on: yes}', { port: 80, on: 'yes' }],
  ])('%j', (text, expected) => {
    expect(parse(text)).toEqual({ values: expected, found: [] });
  });

  it('may come from a file', () => {
    const folder = writeProject({ 'vars.yml': 'port: 80\non: yes\n' });
    expect(parse(`@${folder}/vars.yml`)).toEqual({ values: { port: 80, true: true }, found: [] });
  });

  it('win over those that stand before them', () => {
    expect(parse('a=1 b=1', '{"a": 2}').values).toEqual({ a: 2, b: '1' });
  });

  it.each([
    ['port', 'usage -e: extra variables are key=value, JSON or @FILE'],
    ['port = 80', 'usage -e: extra variables are key=value, JSON or @FILE'],
    ['a=1 and more', 'usage -e: extra variables are key=value, JSON or @FILE'],
    ['1a=2', 'usage -e: extra variables are key=value, JSON or @FILE'],
    ['', 'usage -e: extra variables are key=value, JSON or @FILE'],
    ['["a"]', 'usage -e: extra variables are key=value, JSON or @FILE'],
    ['@/nowhere/x.yml', 'file-unreadable -: /nowhere/x.yml: no such file or directory'],
  ])('%j is a mistake', (text, expected) => {
    expect(parse(text)).toEqual({ values: {}, found: [expected] });
  });
});
