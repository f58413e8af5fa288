// docs/examples/MODULE.yml: tasks of every module there is, each of which passes the check before a run.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, test } from 'vitest';
import { DiagnosticError } from '../../src/diagnostic.ts';
import { flowWords } from '../../src/modules/controller/flow.ts';
import { moduleExamples } from '../../src/modules/examples.ts';
import { moduleNames } from '../../src/modules/registry.ts';
import { diagnosticsText } from '../../src/report/diagnostic-text.ts';
import { preparePlaybook } from '../../src/run/run.ts';
import { writeProject } from '../resolve/support/project.ts';

const NAMES = [...moduleNames(), ...flowWords()].sort();

/** What examples name. */
const FILES = {
  'files/sshd_banner': 'hello\n',
  'prepare.sh': '#!/bin/sh\n',
  'files/prepare.sh': '#!/bin/sh\n',
  'templates/resolv.conf.hbs': 'nameserver 192.0.2.53\n',
  'vars/sites/ghent.yml': 'ghent: { port: 80 }\n',
  'prepare.yml': '- command: uptime\n',
  'link.yml': '- debug: { var: link }\n',
  'roles/edge/tasks/main.yml': '- command: uptime\n',
  'roles/edge/tasks/prepare.yml': '- command: uptime\n',
};

it('there is a file for each module, and none without one', () => {
  const found = readdirSync(new URL('../../docs/examples', import.meta.url));
  expect(found.map((file) => file.replace(/\.yml$/, '')).sort()).toEqual(NAMES);
});

test.each(NAMES)('%s', (name) => {
  const examples = moduleExamples(name) ?? '';
  const inPlay = examples.replace(/^(?=.)/gm, '    ');
  const folder = writeProject({ ...FILES, 'site.yml': `- hosts: all\n  tasks:\n${inPlay}` });
  writeFileSync(join(folder, 'files/tool.tar.gz'), gzipSync(new Uint8Array(1024)));
  const prepared = () => preparePlaybook(join(folder, 'site.yml'), { inventories: ['web-1,'] });
  expect(problemsOf(prepared)).toBe('');
  expect(examples).toMatch(new RegExp(`^  ${name}:`, 'm'));
  expect(examples.split('\n').filter((line) => line.length > 110)).toEqual([]);
});

function problemsOf(work: () => unknown): string {
  try {
    work();
    return '';
  } catch (error) {
    if (error instanceof DiagnosticError) return diagnosticsText(error.diagnostics);
    throw error;
  }
}
