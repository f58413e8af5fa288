// The key `diff`: whose differences are shown is the run's to say, and a task's for itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunEvent } from '../../src/event.ts';
import { TextReport } from '../../src/report/text-report.ts';
import { runPlaybook } from '../support/playbook-run.ts';

async function printed(tasks: string, { diff }: { readonly diff: boolean }): Promise<string> {
  const { events } = await runPlaybook(`- hosts: all\n  tasks:\n${tasks}`, { diff });
  let text = '';
  const report = new TextReport({
    write: (more) => {
      text += more;
    },
    isColoured: false,
    verbosity: 0,
    diff,
  });
  for (const event of events as readonly RunEvent[]) report.tell(event);
  return text;
}

test.each([
  { diff: false, key: 'true', shown: true },
  { diff: false, key: 'false', shown: false },
  { diff: true, key: 'false', shown: false },
  { diff: true, key: 'true', shown: true },
])('a run with diff $diff and a task with diff: $key', async ({ diff, key, shown }) => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-diff-'));
  const task = `    - {copy: {dest: ${folder}/new, content: "a line"}, diff: ${key}}\n`;
  const text = await printed(task, { diff });
  rmSync(folder, { recursive: true });
  expect(text.includes('a line')).toBe(shown);
});
