// Commands in this process, where what matters is what they write where, and their status. test/scenarios has the
// whole program against hosts of its own.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Outcome, runInFolder } from '../docs/support/command.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/commands-');
});
afterEach(() => rmSync(dir, { recursive: true }));

const HOSTS = 'all:\n  hosts: {a: {}, b: {}}\n  vars: {ansible_connection: local}\n';

/** Runs `fairlead WORDS` in a folder of these files, with DIR in them and in the words replaced. */
function fairlead(words: string, files: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const blocks = Object.entries({ 'hosts.yml': HOSTS, ...files }).map(([title, text]) => {
    return { language: '', title, text: text.replaceAll('DIR', dir) };
  });
  return runInFolder(blocks, `fairlead ${words.replaceAll('DIR', dir)}`);
}

const masked = ({ out, ...rest }: Outcome): Outcome => ({ ...rest, out: out.replace(/\d+\.\d s$/gm, 'N s') });

describe('run', () => {
  const copy = (name: string) => `- hosts: a\n  tasks: [{copy: {dest: DIR/${name}, content: x}}]\n`;

  test('says what is wrong with all playbooks together, and runs none of them', async () => {
    const { status, out, err } = await fairlead('run -i hosts.yml one.yml two.yml three.yml', {
      'one.yml': copy('one'),
      'two.yml': '- hosts: a\n  tasks: [{pong: }]\n',
      'three.yml': '- hosts: a\n  tasks: [{debug: {msg: "{{nobody}}"}}]\n',
    });
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain('two.yml:2:12');
    expect(err).toContain('three.yml:2:28');
    expect(err).toMatch(/\n\n2 problems, no host was contacted\n$/);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('several playbooks: differences that the first one found are not forgotten', async () => {
    const files = { 'one.yml': copy('one'), 'two.yml': '- hosts: a\n  tasks: [{ping: }]\n' };
    expect(await fairlead('run -i hosts.yml --check one.yml two.yml', files)).toMatchObject({
      status: 3,
      err: '',
    });
  });

  test('several playbooks: those behind a failure are not begun', async () => {
    const files = { 'one.yml': '- hosts: a\n  tasks: [{fail: }]\n', 'two.yml': copy('two') };
    expect(await fairlead('run -i hosts.yml one.yml two.yml', files)).toMatchObject({ status: 1, err: '' });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('--output json is one event per line, and nothing else', async () => {
    const { status, out, err } = await fairlead('run -i hosts.yml --output json one.yml', {
      'one.yml': copy('one'),
    });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const kinds = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['run-started', 'run-ended']);
  });

  test('--output live without a terminal is plain lines', async () => {
    const files = { 'one.yml': copy('one') };
    expect(masked(await fairlead('run -i hosts.yml --output live one.yml', files)).out).toBe(`play a: 1 host
a         changed       copy: create ${dir}/one, mode 0644

host    ok  changed  skipped  failed  state
a        0        1        0       0  1 change made

1 host: all ok, 1 changed, N s
`);
  });
});

describe('exec', () => {
  test('keeps stdout and stderr apart, and tells a status other than 0 on stderr', async () => {
    expect(await fairlead(`exec -i hosts.yml a --shell "echo out; echo err >&2; exit 3"`)).toEqual({
      status: 1,
      out: 'a: out\n',
      err: 'a: err\na: exited 3\n',
    });
  });

  test('of a command that says nothing is silent', async () => {
    expect(await fairlead('exec -i hosts.yml all -- true')).toEqual({ status: 0, out: '', err: '' });
  });

  test('of a command that cannot run at all says so on stderr', async () => {
    const { status, out, err } = await fairlead('exec -i hosts.yml a -- no-such-program');
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toContain('a: exited 127\n');
  });

  test('--check runs nothing, and says so', async () => {
    expect(await fairlead('exec -i hosts.yml a --check -- touch DIR/x')).toEqual({
      status: 3,
      out: `a         would change  command: run touch ${dir}/x\n`,
      err: '',
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('a module tells what it did, and the second time that there was nothing to do', async () => {
    const words = `exec -i hosts.yml a -m copy -a "dest=DIR/x content='a b'"`;
    expect(await fairlead(words)).toEqual({
      status: 0,
      out: `a         changed       copy: create ${dir}/x, mode 0644\n`,
      err: '',
    });
    expect((await fairlead(words)).out).toMatch(/^a {9}ok {12}copy/);
    expect(readFileSync(join(dir, 'x'), 'utf8')).toBe('a b');
  });

  test('--output json', async () => {
    const { out } = await fairlead('exec -i hosts.yml a --output json -- echo hi');
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.find(({ kind }) => kind === 'task-finished').outcome.fields.stdout).toBe('hi');
  });

  test.each([
    ['exec -i hosts.yml a', 'there is nothing to run'],
    ['exec -i hosts.yml a --shell id --script x.sh', 'one of -m, --shell and --script is enough'],
    ['exec -i hosts.yml a --shell id -- ls -l', '"ls -l" is one command too many'],
    ['exec -i hosts.yml a -a x=y -- id', '-a is for the module of -m'],
    [`exec -i hosts.yml a -m copy -a '{"dest"'`, '-a is not valid JSON'],
    ['exec -i hosts.yml a --script missing.sh', 'missing.sh'],
    ['exec -i hosts.yml a -m cpy -a x=y', 'did you mean "copy"?'],
  ])('%s: %s', async (words, said) => {
    const { status, out, err } = await fairlead(words);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(said);
  });
});

describe('facts', () => {
  test('are JSON on stdout, of the hosts that answered; the rest is told on stderr', async () => {
    const hosts = `${HOSTS}`.replace(
      'b: {}',
      'b: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}',
    );
    const { status, out, err } = await fairlead('facts -i hosts.yml all', { 'hosts.yml': hosts });
    expect(status).toBe(1);
    expect(Object.keys(JSON.parse(out))).toEqual(['a']);
    expect(err).toMatch(/^b {9}unreachable {3}127\.0\.0\.1:1 refused the connection\n/);
  });
});

describe('render', () => {
  const SITE = `
- hosts: all
  tasks:
    - set_fact: {name: "{{inventory_hostname}}-x"}
    - template: {src: x.hbs, dest: "/etc/{{name}}", mode: "0600"}
    - copy: {dest: /etc/facts, content: "{{facts.hostname}}"}
    - {name: which, command: id, register: id}
    - copy: {dest: /etc/id, content: "{{id.stdout}}"}
    - copy: {dest: "/etc/{{item}}", content: "{{item}}\\n"}
      loop: [one, two]
    - copy: {dest: /etc/never, content: x}
      when: false
`;
  const files = { 'site.yml': SITE, 'templates/x.hbs': 'I am {{name}}' };
  const left = 'left out "copy": it depends on what only the host can tell\n';

  test('prints each file as it would land, and names what it leaves out', async () => {
    expect(await fairlead('render -i hosts.yml -l a site.yml', files)).toEqual({
      status: 0,
      out: `==> a:/etc/a-x (mode 0600) <==
I am a-x

==> a:/etc/one (mode 0644) <==
one

==> a:/etc/two (mode 0644) <==
two

`,
      err: `a: ${left}a: ${left}`,
    });
  });

  test('--out writes them, with their modes, host by host', async () => {
    const { status, out } = await fairlead('render -i hosts.yml --out DIR/out site.yml', files);
    expect(status).toBe(0);
    expect(out.split('\n').filter((line) => line !== '')).toEqual(
      ['a', 'b'].flatMap((host) =>
        [`${host}-x`, 'one', 'two'].map((name) => `${dir}/out/${host}/etc/${name}`),
      ),
    );
    expect(readFileSync(join(dir, 'out/b/etc/b-x'), 'utf8')).toBe('I am b-x');
    expect(statSync(join(dir, 'out/b/etc/b-x')).mode & 0o777).toBe(0o600);
  });

  test('nothing leads out of the folder', async () => {
    const { status, out } = await fairlead('render -i hosts.ini --out DIR/out site.yml', {
      'hosts.ini': '..\n',
      'site.yml': '- hosts: all\n  tasks: [{copy: {dest: /../../x, content: x}}]\n',
    });
    expect({ status, out }).toEqual({ status: 0, out: `${dir}/out/_/x\n` });
    expect(readdirSync(dir).filter((name) => name !== 'out')).toEqual([]);
  });

  test('a folder that cannot be written is told', async () => {
    mkdirSync(dirname(join(dir, 'out')), { recursive: true });
    writeFileSync(join(dir, 'out'), 'a file');
    const { status, err } = await fairlead('render -i hosts.yml --out DIR/out -l a site.yml', files);
    expect(status).toBe(2);
    expect(err).toContain(`${dir}/out/a/etc/a-x: `);
  });
});

describe('inventory', () => {
  test('--hosts of a pattern that selects nobody says so', async () => {
    const { status, out, err } = await fairlead('inventory -i hosts.yml --hosts nobody');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^error\[unknown-group\]/);
  });

  test('takes one question at a time', async () => {
    expect(await fairlead('inventory -i hosts.yml --list --graph')).toEqual({
      status: 2,
      out: '',
      err: `error[usage]: command line cannot be used
  one of --list, --host, --graph and --hosts is needed
  hint: fairlead inventory --help
`,
    });
  });
});

describe('help', () => {
  test('is on stdout where it was asked for, and on stderr where nothing was said', async () => {
    const asked = await fairlead('--help');
    expect(asked).toMatchObject({ status: 0, err: '' });
    expect(await fairlead('')).toEqual({ status: 2, out: '', err: asked.out });
    expect(await fairlead('help')).toEqual(asked);
  });

  test('of a command, in two ways', async () => {
    const asked = await fairlead('facts --help');
    expect(asked.out).toMatch(/^Usage: fairlead facts \[OPTIONS\] PATTERN\n/);
    expect(await fairlead('help facts')).toEqual(asked);
    for (const line of asked.out.split('\n')) expect(line.length).toBeLessThanOrEqual(90);
  });

  test('a misspelled command or option', async () => {
    expect((await fairlead('rnu')).err).toContain('hint: did you mean "run"?');
    expect((await fairlead('run --chekc x.yml')).err).toContain('hint: did you mean "--check"?');
    expect((await fairlead('run --colour x.yml')).err).toContain('hint: fairlead run --help');
  });
});
