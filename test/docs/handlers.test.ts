// docs/handlers.md: its playbook, run twice, says what it says there.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TextReport } from '../../src/report/text-report.ts';
import { runPlaybook, thisMachine } from '../support/playbook-run.ts';
import { sectionOf } from './support/markdown.ts';

const { blocks } = sectionOf('handlers.md', 'Handlers that did not get their turn');

test('the next run makes up for what the first did not come to', async () => {
  const folder = mkdtempSync('/tmp/docs-handlers-');
  try {
    const playbook = blocks.find(({ title }) => title === 'site.yml')?.text ?? '';
    const options = { folder, stateFolder: join(folder, 'state'), hostFor: () => thisMachine('web-1') };
    const files = { 'inventory.yml': 'web: {hosts: {web-1: }}\n' };
    const first = await runPlaybook(playbook, { ...options, files });
    expect(first.recap.map(({ status }) => status)).toEqual(['failed']);
    writeFileSync(join(folder, 'certificate'), '');
    let text = '';
    const write = (piece: string) => {
      text += piece;
    };
    const report = new TextReport({ write, isColoured: false, verbosity: 0, diff: false });
    await runPlaybook(playbook, { ...options, files, onEvent: (event) => report.tell(event) });
    const [said] = text.replaceAll(folder, 'DIR').split('\n\n');
    expect(`${said}\n`).toBe(blocks.find(({ language }) => language === 'text')?.text);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
