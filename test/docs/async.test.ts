// docs/async.md: its tasks pass the check before a run.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { preparePlaybook } from '../../src/run/run.ts';
import { writeProject } from '../resolve/support/project.ts';
import { sectionsOf } from './support/markdown.ts';

const BLOCKS = sectionsOf('async.md').flatMap(({ blocks }) => blocks);

test.each(BLOCKS)('$text', ({ text }) => {
  const folder = writeProject({ 'site.yml': `- hosts: all\n  tasks:\n${text.replace(/^(?=.)/gm, '    ')}` });
  const { plays } = preparePlaybook(join(folder, 'site.yml'), { inventories: ['web-1,'] });
  expect(plays[0]?.play.sections.flatMap(({ list }) => list.tasks).length).toBeGreaterThan(0);
});

test('there are some', () => {
  expect(BLOCKS).toHaveLength(2);
});
