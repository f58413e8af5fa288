// The README leads to every page of docs, and names none that is not there.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);

test('the README leads to every page of docs', () => {
  const text = readFileSync(new URL('README.md', ROOT), 'utf8');
  const named = [...text.matchAll(/\]\(docs\/([\w-]+\.md)(?:#[\w-]+)?\)/g)].map(([, page]) => page);
  const pages = readdirSync(new URL('docs', ROOT)).filter((name) => name.endsWith('.md'));
  expect([...new Set(named)].sort()).toEqual(pages.sort());
});
