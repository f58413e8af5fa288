// fairlead verify on this machine: what counts as drift, what does not, what cannot be told; and that nothing is changed.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';

// The first one loads all of the program, which may take a while where much is going on.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-verify-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** DIR stands for the folder. */
async function verify(
  tasks: string,
  { handlers = '', words = [] }: { readonly handlers?: string; readonly words?: readonly string[] } = {},
) {
  const indented = (yaml: string) => yaml.trim().replaceAll('\n', '\n    ');
  const path = join(folder, 'site.yml');
  const behind = handlers === '' ? '' : `  handlers:\n    ${indented(handlers)}\n`;
  const text = `- name: site\n  hosts: all\n  tasks:\n    ${indented(tasks)}\n${behind}`;
  writeFileSync(path, text.replaceAll('DIR', folder));
  const before = readdirSync(folder);
  const said = { status: 0, out: '', err: '' };
  await runProgram(['verify', '-i', 'a,', '-e', 'ansible_connection=local', path, ...words], '0', {
    fairlead: ['fairlead'],
    out: (each) => {
      said.out += each.replaceAll(folder, 'DIR');
    },
    err: (each) => {
      said.err += each.replaceAll(folder, 'DIR');
    },
    exit: (status) => {
      said.status = status;
    },
    signal: new AbortController().signal,
    terminal: { isLive: false, outColours: false, errColours: false },
    environment: { PATH: process.env.PATH },
  });
  expect(readdirSync(folder)).toEqual(before);
  return said;
}

it('says nothing differs where nothing does', async () => {
  expect(await verify('- file: { path: DIR, state: directory }')).toEqual({
    status: 0,
    out: 'a         as wanted\n\n1 host: 1 as wanted, 0 drifted\n',
    err: '',
  });
});

it('names what differs, and what cannot be told', async () => {
  const said = await verify(`
- name: banner
  copy: { content: "hello\\n", dest: DIR/banner, mode: "0644" }
- name: warm up
  command: touch DIR/warm
- name: stamp
  file: { path: DIR/stamp, state: touch }
- name: once
  command: { cmd: touch DIR/once, creates: DIR/once }
- set_fact: { x: 1 }
- debug: { msg: hi }`);
  expect(said).toEqual({
    status: 3,
    out: `a         drifted
  banner: create DIR/banner, mode 0644  DIR/site.yml:4:7
    --- DIR/banner\tbefore
    +++ DIR/banner\tafter
    @@ -0,0 +1,1 @@
    +hello
  once: run touch DIR/once  DIR/site.yml:10:7
not verified
  warm up: it acts each time it runs  DIR/site.yml:6:7
  stamp: it acts each time it runs  DIR/site.yml:8:7

1 host: 0 as wanted, 1 drifted
`,
    err: '',
  });
});

it('does not count handlers', async () => {
  const notifying = '- command: "true"\n  notify: told';
  const { status, out } = await verify(notifying, {
    handlers: '- name: told\n  file: { path: DIR/other, state: directory }',
  });
  expect({ status, out }).toEqual({
    status: 0,
    out: `a         as wanted
not verified
  command: it acts each time it runs  DIR/site.yml:4:7

1 host: 1 as wanted, 0 drifted
`,
  });
});

it('changes nothing where tasks would run in check mode, but lets those look that only look', async () => {
  const { status, out } = await verify(`
- name: writes
  command: touch DIR/written
  check_mode: false
- name: looks
  command: echo hello
  check_mode: false
  changed_when: false
  register: seen
- name: rests on it
  copy: { content: "{{seen.stdout}}", dest: DIR/seen }
- name: the other
  command: echo hello
  register: unseen
- name: cannot be told
  copy: { content: "{{unseen.stdout}}", dest: DIR/unseen }`);
  expect(status).toBe(3);
  expect(out).toMatch(/^ {2}rests on it: create DIR\/seen/m);
  expect(out).toMatch(/^ {2}writes: it acts each time it runs/m);
  expect(out).toMatch(/^ {2}cannot be told: it needs a result that check mode did not produce/m);
});

it('has status 1 where a task fails, and says why', async () => {
  const { status, out } = await verify('- file: { path: DIR/none, state: file }');
  expect({ status, out }).toEqual({
    status: 1,
    out: expect.stringMatching(
      /^a +failed\n {2}file: .*\n\n1 host: 0 as wanted, 0 drifted, 1 could not be asked\n$/,
    ),
  });
});

it('tells programs the same', async () => {
  const { status, out } = await verify('- copy: { content: "x\\n", dest: DIR/x }', { words: ['-o', 'json'] });
  expect(status).toBe(3);
  expect(JSON.parse(out)).toMatchObject([
    {
      playbook: 'DIR/site.yml',
      hosts: {
        a: {
          status: 'drifted',
          findings: [{ task: { module: 'copy' }, message: 'create DIR/x, mode 0644' }],
          unverified: [],
          suspicions: [],
        },
      },
    },
  ]);
});
