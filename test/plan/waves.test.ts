// Which tasks share a round trip, as the programs that a host is given.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type PlaybookOptions, runPlaybook, thisMachine } from '../support/playbook-run.ts';
import { programsText, RecordingHost } from '../support/recording-host.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/waves-');
});
afterEach(() => rmSync(dir, { recursive: true }));

interface Case {
  readonly title: string;
  readonly tasks: readonly object[];
  readonly handlers?: readonly object[];
  readonly vars?: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly first: string;
  readonly again?: string;
}

const CASES: readonly Case[] = parse(readFileSync(join(import.meta.dirname, 'waves.yml'), 'utf8'));

async function programsOf(text: string, options: PlaybookOptions = {}): Promise<string> {
  const host = new RecordingHost(thisMachine('here'));
  const { recap } = await runPlaybook(text, { ...options, hostFor: () => host });
  expect(recap).toMatchObject([{ status: 'ok' }]);
  return programsText(host.programs);
}

describe('programs of', () => {
  test.each(CASES)('$title', async ({ first, again = 'look', files = {}, title: _, ...keys }) => {
    const text = JSON.stringify([{ hosts: 'all', ...keys }]).replaceAll('DIR', dir);
    expect(await programsOf(text, { files })).toBe(first);
    expect(await programsOf(text, { files })).toBe(again);
  });

  test('a loop with more items than a wave has room for', async () => {
    const copy = { dest: `${dir}/{{item}}`, content: 'x' };
    const loop = Array.from({ length: 250 }, (_, index) => `f${index}`);
    const text = JSON.stringify([{ hosts: 'all', tasks: [{ copy, loop }] }]);
    expect(await programsOf(text)).toBe('look, change 200, look, change 50');
    expect(await programsOf(text)).toBe('look, look');
  });
});

const ROLE = `
- file: {path: "{{root}}/etc/router", state: directory}
- file: {path: "{{root}}/etc/router/links", state: directory, mode: "0750"}
- template: {src: link.conf.hbs, dest: "{{root}}/etc/router/links/{{item.name}}", mode: "0640"}
  loop: "{{links}}"
  notify: reload
- lineinfile: {path: "{{root}}/etc/modules", line: nf_conntrack, create: true}
- copy: {dest: "{{root}}/etc/motd", content: "kernel {{facts.kernel.release}}"}
`;

describe('a role', () => {
  const files = {
    'roles/router/tasks/main.yml': ROLE,
    'roles/router/templates/link.conf.hbs': '{{item.name}} {{item.address}} {{facts.hostname}}\n',
    'roles/router/handlers/main.yml': '- name: reload\n  command: touch {{root}}/reloaded\n',
    'roles/router/defaults/main.yml':
      'links: [{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.2}]\n',
  };
  const play = () => `- hosts: all\n  vars: {root: ${dir}}\n  roles: [router]\n`;

  test('that changes nothing costs one program for facts and one to look', async () => {
    mkdirSync(join(dir, 'etc'));
    await programsOf(play(), { files });
    expect(await programsOf(play(), { files })).toBe('facts, look');
  });

  test('that changes one file of many changes it in one program', async () => {
    mkdirSync(join(dir, 'etc'));
    await programsOf(play(), { files });
    writeFileSync(join(dir, 'etc/motd'), 'something else');
    expect(await programsOf(play(), { files })).toBe('facts, look, change 1');
  });

  test('whose handler is due runs it behind everything else', async () => {
    mkdirSync(join(dir, 'etc'));
    await programsOf(play(), { files });
    writeFileSync(join(dir, 'etc/router/links/a'), 'drifted');
    writeFileSync(join(dir, 'etc/motd'), 'drifted');
    expect(await programsOf(play(), { files })).toBe('facts, look, change 2, change 1');
  });

  test('in check mode is looked at once, whatever it would change', async () => {
    mkdirSync(join(dir, 'etc'));
    expect(await programsOf(play(), { files, mode: 'check' })).toBe('facts, look');
  });
});
