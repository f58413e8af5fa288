// The table of proofs names tests: each is there, is called as its link says, and none of the tests by init is left out.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const DOCS = new URL('../../docs/', import.meta.url);
const TABLE = readFileSync(new URL('roles.md', DOCS), 'utf8');
const LINKS = [...TABLE.matchAll(/\[([\w-]+)\]\((\.\.\/test\/[^)]+)\)/g)].map(([, name = '', path = '']) => ({
  name,
  path,
}));

test.each(LINKS)('$path is a test', ({ name, path }) => {
  expect(path.endsWith(`/${name}.test.ts`)).toBe(true);
  const text = readFileSync(new URL(path, DOCS), 'utf8');
  expect(text).toMatch(/\b(it|test|rolesOn)(\.each)?\(/);
});

test('every role and every test by init is in it', () => {
  const own = /^(roles-on-.*|network-managers|one-uplink-unplugged)\.test\.ts$/;
  const tests = readdirSync(new URL('../vm/', import.meta.url)).filter((file) => own.test(file));
  const linked = LINKS.map(({ path }) => path.replace(/.*\//, ''));
  expect(tests.filter((file) => !linked.includes(file))).toEqual([]);
  const roles = readdirSync(new URL('../../roles/', import.meta.url));
  expect(roles.filter((role) => !new RegExp(`^\\| ${role}\\b`, 'm').test(TABLE))).toEqual([]);
});
