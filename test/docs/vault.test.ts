// docs/vault.md: its commands run with its files, and say nothing but what they are asked for.
import { expect, test } from 'vitest';
import { runInFolder } from './support/command.ts';
import { sectionsOf } from './support/markdown.ts';

const BLOCKS = sectionsOf('vault.md').flatMap(({ blocks }) => blocks);
const FILES = BLOCKS.filter(({ title }) => title !== '');
const COMMANDS = BLOCKS.filter(({ language, title }) => language === 'sh' && title === '');

test.each(COMMANDS)('$text', async ({ text }) => {
  const { status, out, err } = await runInFolder(FILES, text);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  if (text.includes('encrypt_string'))
    expect(out).toMatch(/^db_password: !vault \|\n {10}\$ANSIBLE_VAULT;1\.1;AES256\n/);
  else expect(out).toBe('');
});

test('there are some', () => {
  expect(COMMANDS).toHaveLength(3);
});
