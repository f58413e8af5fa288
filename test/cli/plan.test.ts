// A plan from its making to its end, in a folder on this machine: what was reviewed is what runs, and nothing else.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';

// The first one loads all of the program, which may take a while where much is going on.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-plan-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const LOCAL = ['-i', 'a,b,', '-e', 'ansible_connection=local'];

async function fairlead(...words: readonly string[]): Promise<Said> {
  const said = { status: 0, out: '', err: '' };
  await runProgram(words, '0', {
    fairlead: ['fairlead'],
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    exit: (status) => {
      said.status = status;
    },
    signal: new AbortController().signal,
    terminal: { isLive: false, outColours: false, errColours: false },
    environment: { PATH: process.env.PATH },
  });
  return said;
}

const at = (name: string): string => join(folder, name);
const write = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return at(name);
};
const text = (name: string): string => readFileSync(at(name), 'utf8');
/** What stands in the folder beside the files of the test. */
const made = (): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('out'))
    .sort();

/** Each host has files of its own. */
function playbook(tasks: string): string {
  const outside = (_: string, more: string) => `"${folder}/out-{{inventory_hostname}}${more}"`;
  const indented = tasks
    .trim()
    .replaceAll('\n', '\n    ')
    .replace(/"?\bOUT((?:\{\{|\}\}|[\w./])*)"?/g, outside);
  return write('site.yml', `- name: edge\n  hosts: all\n  tasks:\n    ${indented}\n`);
}

const plan = (...words: readonly string[]) =>
  fairlead('plan', ...LOCAL, '--out', at('plan.json'), at('site.yml'), ...words);
const apply = (...words: readonly string[]) => fairlead('apply', at('plan.json'), ...words);

const FILES = `
- name: motd
  copy: { content: "hello {{inventory_hostname}}\\n", dest: OUT, mode: "0600" }
- name: only on a
  copy: { content: "{{item}}\\n", dest: "OUT.{{item}}" }
  loop: [x, y]
  when: inventory_hostname == "a"`;

describe('a plan', () => {
  it('is shown and saved, and changes nothing', async () => {
    playbook(FILES);
    const said = await plan();
    expect({ status: said.status, err: said.err, made: made() }).toEqual({
      status: 0,
      err: `plan: ${at('plan.json')}: 2 hosts, 4 changes\n`,
      made: [],
    });
    expect(said.out).toContain(`a         would change  motd: create ${folder}/out-a, mode 0600`);
    expect(said.out).toContain('    +hello a\n');
    expect((statSync(at('plan.json')).mode & 0o777).toString(8)).toBe('600');
    expect(JSON.parse(text('plan.json'))).toMatchObject({
      fairlead_plan: 1,
      body: { plays: [{ name: 'edge' }] },
    });
  });

  it('is carried out without the playbook, which may be another one by then, and says so', async () => {
    const path = playbook(FILES);
    await plan();
    write('site.yml', 'nonsense');
    const said = await apply();
    expect({ status: said.status, err: said.err }).toEqual({
      status: 0,
      err: `note: changed since the plan was made, which is what counts: ${path}\n`,
    });
    expect(made()).toEqual(['out-a', 'out-a.x', 'out-a.y', 'out-b']);
    expect(text('out-b')).toBe('hello b\n');
    expect((statSync(at('out-a')).mode & 0o777).toString(8)).toBe('600');
  });

  it('is not carried out where something has moved, and tells what; the other host goes on', async () => {
    playbook(FILES);
    await plan();
    write('out-b', 'somebody else\n');
    const { status, out } = await apply();
    expect(status).toBe(1);
    expect(out).toMatch(
      /^b +has moved +since the plan was made: nothing is changed on it\n {4}motd \(\S+\)\n {6}\S+out-b was: absent; is: file 0644 \d+:\d+, sha256 [0-9a-f]{12}$/m,
    );
    expect(out).toMatch(/^b +0 +0 +0 +0 +failed, nothing was changed$/m);
    expect(text('out-b')).toBe('somebody else\n');
    expect(made()).toEqual(['out-a', 'out-a.x', 'out-a.y', 'out-b']);
  });

  it('changes nothing at all on a host of which only the last file has moved', async () => {
    playbook(FILES);
    await plan();
    write('out-a.y', 'somebody else\n');
    expect((await apply('--limit', 'a')).status).toBe(1);
    expect(made()).toEqual(['out-a.y']);
  });

  it('is for the hosts of --limit alone', async () => {
    playbook(FILES);
    await plan();
    expect((await apply('-l', 'b')).status).toBe(0);
    expect(made()).toEqual(['out-b']);
    const { status, err } = await apply('-l', 'c');
    expect({ status, code: err.split(':')[0] }).toEqual({ status: 2, code: 'error[unknown-group]' });
  });

  it('of what is already as wanted changes nothing', async () => {
    playbook(FILES);
    expect((await fairlead('run', ...LOCAL, at('site.yml'))).status).toBe(0);
    expect((await plan()).err).toContain('2 hosts, 0 changes');
    const { status, out } = await apply();
    expect({ status, sum: out.trim().split('\n').at(-1) }).toEqual({
      status: 0,
      sum: expect.stringMatching(/^2 hosts: all ok, 0 changed/),
    });
  });

  it('has what earlier tasks bring about seen once, before anything is changed', async () => {
    playbook(`
- file: { path: OUT.d, state: directory }
- copy: { content: "one\\n", dest: OUT.d/file }
- lineinfile: { path: OUT.d/file, line: two, create: true }`);
    await plan();
    expect((await apply()).status).toBe(0);
    expect(text('out-a.d/file')).toBe('one\ntwo\n');
  });

  it('holds handlers that would run, and none that would not', async () => {
    const path = playbook(`
- copy: { content: "one\\n", dest: OUT }
  notify: told
- file: { path: ${folder}, state: directory }
  notify: not told`);
    const handler = (name: string) => `    - name: ${name}\n      shell: echo ${name} >>${folder}/out.log\n`;
    writeFileSync(path, `${text('site.yml')}  handlers:\n${handler('not told')}${handler('told')}`);
    await plan();
    expect((await apply()).status).toBe(0);
    expect(text('out.log')).toBe('told\ntold\n');
  });

  it('stops at what fails, and forgives what may', async () => {
    playbook(`
- command: "false"
  ignore_errors: true
- copy: { content: "one\\n", dest: OUT }
- command: "false"
- copy: { content: "two\\n", dest: OUT }`);
    await plan();
    const { status, out } = await apply('-l', 'a');
    expect(status).toBe(1);
    expect(out).toMatch(/^a +ignored +command/m);
    expect(text('out-a')).toBe('one\n');
  });

  it('goes in batches, as the play does', async () => {
    const path = playbook('- copy: { content: "one\\n", dest: OUT }');
    writeFileSync(path, text('site.yml').replace('  tasks:', '  serial: 1\n  tasks:'));
    await plan();
    expect((await apply()).out).toContain('batch 2 of 2: b');
  });
});

describe('what no plan can hold', () => {
  it('a task that needs the result of another', async () => {
    playbook(`
- command: uname
  register: kernel
- copy: { content: "{{kernel.stdout}}\\n", dest: OUT }`);
    const { status, err } = await plan();
    expect({ status, err, files: readdirSync(folder) }).toEqual({
      status: 1,
      err: `no plan was saved: these are decided when they run
  copy (${at('site.yml')}:6:7): it needs a result that check mode did not produce
hint: leave them out with --skip-tags; a task that only looks says so with check_mode: false and changed_when: false
`,
      files: ['site.yml'],
    });
  });

  it('but where that only looks, it can', async () => {
    playbook(`
- command: echo Linux
  register: kernel
  check_mode: false
  changed_when: "false"
- copy: { content: "{{kernel.stdout}}\\n", dest: OUT }`);
    expect((await plan()).status).toBe(0);
    expect((await apply()).status).toBe(0);
    expect(text('out-a')).toBe('Linux\n');
  });

  it.each([
    ['until: result.rc == 0\n  register: result', 'it is run again as its result wants it (until)'],
    [
      'failed_when: result.rc > 1\n  register: result',
      'conditions ask about its result (changed_when, failed_when)',
    ],
  ])('%j', async (keys, reason) => {
    playbook(`- command: "true"\n  ${keys}`);
    const { status, err } = await plan();
    expect({ status, reason: err.split('\n')[1]?.split('): ')[1] }).toEqual({ status: 1, reason });
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2-and-more';

  async function secretPlaybook(): Promise<void> {
    write('key', 'correct horse\n');
    const sealed = await fairlead(
      'vault',
      'encrypt_string',
      '--vault-password-file',
      at('key'),
      SECRET,
      '--name',
      'password',
    );
    playbook('- copy: { content: "{{password}}\\n", dest: OUT }');
    writeFileSync(
      at('site.yml'),
      `${text('site.yml')}  vars:\n    ${sealed.out.trim().replaceAll('\n', '\n    ')}\n`,
    );
  }

  it('are sealed with the key that opened them, and open with it', async () => {
    await secretPlaybook();
    const made = await plan('--vault-password-file', at('key'));
    expect({ status: made.status, err: made.err }).toEqual({
      status: 0,
      err: `plan: ${at('plan.json')}, sealed: 2 hosts, 2 changes\n`,
    });
    const saved = text('plan.json');
    for (const form of [SECRET, Buffer.from(SECRET).toString('base64').slice(0, -4), 'out-a'])
      expect(saved).not.toContain(form);
    const closed = await apply();
    expect({ status: closed.status, out: closed.out }).toEqual({ status: 2, out: '' });
    expect(closed.err).toMatch(/^error\[vault-key\]: .*\n {2}\S+ is sealed\n/);
    const applied = await apply('--vault-password-file', at('key'), '--diff');
    expect({ status: applied.status, file: text('out-a') }).toEqual({ status: 0, file: `${SECRET}\n` });
    expect(applied.out).toContain('+***\n');
    expect(applied.out + applied.err).not.toContain(SECRET);
  });

  it('of tasks with no_log are not written where there is no key', async () => {
    playbook(`- copy: { content: "${SECRET}\\n", dest: OUT }\n  no_log: true`);
    const { status, err } = await plan();
    expect({ status, files: readdirSync(folder) }).toEqual({ status: 2, files: ['site.yml'] });
    expect(err).toMatch(/^error\[plan-unusable\]: plan cannot be saved\n/);
    expect(err).not.toContain(SECRET);
  });
});

describe('a file that is no plan of this form', () => {
  it.each([
    ['is not there', undefined, 'no such file'],
    ['is no JSON', 'hello', "is no plan of fairlead's"],
    ['is of another form', '{"fairlead_plan": 2, "version": "9.0"}', 'made by fairlead 9.0'],
    [
      'is damaged',
      '{"fairlead_plan": 1, "sources": [], "body": {"plays": [{"$what": 1}]}}',
      'is damaged: a $what stands where none can be',
    ],
  ])('%s', async (_what, content, said) => {
    if (content !== undefined) write('plan.json', content);
    const { status, out, err } = await apply();
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^error\[plan-unusable\]: plan cannot be used\n/);
    expect(err).toContain(said);
  });
});
