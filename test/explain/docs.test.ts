// docs/cli.md lists the options of explain that --help has.
import { expect, test } from 'vitest';
import { runInFolder } from '../docs/support/command.ts';
import { sectionOf } from '../docs/support/markdown.ts';

test('the options of explain are those of its help', async () => {
  const { out: help } = await runInFolder([], 'fairlead explain --help');
  const [own = ''] = help.split('\nHosts:');
  const inHelp = [...own.matchAll(/^ {2}((?:-\w, )?--[\w-]+ [A-Z]+) /gm)].map(([, option]) => option);
  expect(sectionOf('cli.md', 'explain').rows.map(([option]) => option)).toEqual(inHelp);
});
