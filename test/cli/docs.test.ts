// docs/cli.md: every example is run, and the options it lists are those of --help.
import { describe, expect, test } from 'vitest';
import { runInFolder } from '../docs/support/command.ts';
import { type Block, sectionsOf } from '../docs/support/markdown.ts';

const SECTIONS = sectionsOf('cli.md');
const FILES = SECTIONS.flatMap(({ blocks }) => blocks.filter(({ title }) => title !== ''));

interface Example {
  readonly command: string;
  /** What the docs show of it; undefined where it is too long for them. */
  readonly shown: Block | undefined;
}

const EXAMPLES: readonly Example[] = SECTIONS.flatMap(({ blocks }) =>
  blocks.flatMap(({ language, title, text }, index) => {
    if (language !== 'sh' || title !== '') return [];
    const next = blocks[index + 1];
    return [{ command: text.trim(), shown: next?.language === 'sh' ? undefined : next }];
  }),
);

/** Hosts answer in any order, and durations differ. */
function comparable(text: string): string {
  const lines = text.replace(/\d+\.\d s$/m, 'N s').split('\n');
  return lines.every((line) => line === '' || /^[\w-]+: /.test(line))
    ? lines.sort().join('\n')
    : lines.join('\n');
}

test.each(EXAMPLES)('$command', async ({ command, shown }) => {
  const { status, out, err } = await runInFolder(FILES, command);
  expect(err).toBe('');
  expect(status).toBe(command.includes('--check') ? 3 : 0);
  if (shown?.language === 'json') expect(JSON.parse(out)).toEqual(JSON.parse(shown.text));
  else if (shown !== undefined) expect(comparable(out)).toBe(comparable(shown.text));
  else expect(Object.keys(JSON.parse(out))).toEqual(['edge-1']);
});

describe('the options', () => {
  /** `-i, --inventory PATH` and its like, at the beginning of a line. */
  const optionsIn = (help: string) =>
    [...help.matchAll(/^ {2}((?:-\w, )?--[\w-]+(?: [A-Z]+)?) /gm)].map(([, option = '']) => option).sort();
  const optionsOf = (heading: string) =>
    SECTIONS.filter((section) => section.heading === heading)
      .flatMap(({ rows }) => rows.map(([option = '']) => option))
      .sort();

  test.each(['run', 'inventory', 'vault'])('of %s', async (command) => {
    const { out } = await runInFolder([], `fairlead ${command} --help`);
    expect(optionsOf(command)).toEqual(optionsIn(out));
  });

  test.each(['exec', 'facts', 'guard', 'history', 'diff', 'rollback', 'render'])(
    'of %s, beside those of run',
    async (command) => {
      const { out: help } = await runInFolder([], `fairlead ${command} --help`);
      const all = [...optionsOf('run'), ...optionsOf(command)];
      expect(optionsIn(help).filter((option) => !all.includes(option))).toEqual([]);
      for (const option of optionsOf(command)) expect(help).toContain(option.split(/[ ,]/)[0]);
    },
  );
});
