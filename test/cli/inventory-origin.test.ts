// fairlead inventory --host NAME --origin: which setting of a variable counts, what it beats, and where both stand.
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { sealText } from '../../src/load/vault/vault.ts';
import { type Outcome, runInFolder } from '../docs/support/command.ts';
import { key } from '../load/vault/sample.ts';

const FILES = {
  'inv/hosts.yml': `all:
  vars: {port: 1}
  children:
    edge:
      hosts: {edge-1: {port: 3, name: "{{inventory_hostname}}"}, edge-2: }
      vars: {port: 2, list: [1, "2"]}
`,
  'inv/more': '[edge]\nedge-1 port=4\n[edge:vars]\nport=22\n',
  'inv/group_vars/all.yml': 'port: 5\nempty:\n',
  'inv/group_vars/edge/a.yml': 'port: 6\n',
  'inv/group_vars/edge/b.yml': '---\n\nport: 7\n',
  'inv/host_vars/edge-1.yml': 'port: 8\n',
  'books/site.yml': `- hosts: all
  name: first
  gather_facts: false
  vars: {port: 14}
  vars_files: [one.yml, two.yml]
  roles: [web, db]
- import_playbook: inner.yml
  vars: {port: 13}
- hosts: edge-2
  tasks: []
`,
  'books/inner.yml': '- hosts: edge-1\n  gather_facts: false\n  vars: {port: 12}\n  tasks: []\n',
  'books/one.yml': 'port: 15\n',
  'books/two.yml': 'port: 16\n',
  'books/group_vars/all.yml': 'port: 9\n',
  'books/group_vars/edge.yml': 'port: 10\n',
  'books/host_vars/edge-1.yml': 'port: 11\n',
  'books/roles/web/vars/main.yml': 'port: 17\n',
  'books/roles/web/defaults/main.yml': 'port: -2\nonly: web\n',
  'books/roles/web/tasks/main.yml': '- debug: {msg: m}\n',
  'books/roles/db/vars/main.yml': 'port: 18\n',
  'books/roles/db/defaults/main.yml': 'port: -1\n',
  'books/roles/db/tasks/main.yml': '- debug: {msg: m}\n',
};

const BLOCKS = Object.entries(FILES).map(([title, text]) => ({ language: '', title, text }));

const asked = (words: string, more: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  runInFolder(
    [...BLOCKS, ...Object.entries(more).map(([title, text]) => ({ language: '', title, text }))],
    `fairlead inventory ${words}`,
  );

const ORIGIN = '-i inv --host edge-1 --origin';

describe('to people', () => {
  it('shows of each variable what counts, and below it what that beats, in order', async () => {
    expect(await asked(ORIGIN)).toEqual({
      status: 0,
      err: '',
      out: `VARIABLE  VALUE                   SET BY                                PLACE
empty     null                    group_vars/all beside the inventory   inv/group_vars/all.yml:2
list      [1,"2"]                 the inventory, for edge               inv/hosts.yml:6
name      {{inventory_hostname}}  the inventory, for the host           inv/hosts.yml:5
port      8                       host_vars beside the inventory        inv/host_vars/edge-1.yml:1
  beats   4                       the inventory, for the host           inv/more:2
  beats   3                       the inventory, for the host           inv/hosts.yml:5
  beats   7                       group_vars/edge beside the inventory  inv/group_vars/edge/b.yml:3
  beats   6                       group_vars/edge beside the inventory  inv/group_vars/edge/a.yml:1
  beats   5                       group_vars/all beside the inventory   inv/group_vars/all.yml:1
  beats   22                      the inventory, for edge               inv/more:4
  beats   2                       the inventory, for edge               inv/hosts.yml:6
  beats   1                       the inventory, for all                inv/hosts.yml:2
`,
    });
  });

  it('with a playbook, what its plays and their roles add', async () => {
    const { status, out, err } = await asked(`${ORIGIN} --playbook books/site.yml -e port=19 -e port=20`);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const [first = '', second = ''] = out.split(/\n(?=play )/);
    const settings = (text: string) =>
      [...text.matchAll(/^(?:port| {2}beats) +(\S+) +(.*?) {2,}(\S+)$/gm)].map(([, value, by, place]) => [
        value,
        by,
        place,
      ]);
    expect(first).toMatch(/^play first {2}books\/site\.yml:1\nVARIABLE/);
    expect(first).toMatch(/^only +web +defaults of the role web +books\/roles\/web\/defaults\/main\.yml:2$/m);
    expect(settings(first)).toEqual([
      ['"20"', '-e', '-e'],
      ['"19"', '-e', '-e'],
      ['18', 'vars of the role db', 'books/roles/db/vars/main.yml:1'],
      ['17', 'vars of the role web', 'books/roles/web/vars/main.yml:1'],
      ['16', 'vars_files', 'books/two.yml:1'],
      ['15', 'vars_files', 'books/one.yml:1'],
      ['14', 'vars of the play', 'books/site.yml:4'],
      ['11', 'host_vars beside the playbook', 'books/host_vars/edge-1.yml:1'],
      ['8', 'host_vars beside the inventory', 'inv/host_vars/edge-1.yml:1'],
      ['4', 'the inventory, for the host', 'inv/more:2'],
      ['3', 'the inventory, for the host', 'inv/hosts.yml:5'],
      ['10', 'group_vars/edge beside the playbook', 'books/group_vars/edge.yml:1'],
      ['7', 'group_vars/edge beside the inventory', 'inv/group_vars/edge/b.yml:3'],
      ['6', 'group_vars/edge beside the inventory', 'inv/group_vars/edge/a.yml:1'],
      ['9', 'group_vars/all beside the playbook', 'books/group_vars/all.yml:1'],
      ['5', 'group_vars/all beside the inventory', 'inv/group_vars/all.yml:1'],
      ['22', 'the inventory, for edge', 'inv/more:4'],
      ['2', 'the inventory, for edge', 'inv/hosts.yml:6'],
      ['1', 'the inventory, for all', 'inv/hosts.yml:2'],
      ['-1', 'defaults of the role db', 'books/roles/db/defaults/main.yml:1'],
      ['-2', 'defaults of the role web', 'books/roles/web/defaults/main.yml:1'],
    ]);
    expect(second).toMatch(/^play edge-1 {2}books\/inner\.yml:1\n/);
    expect(settings(second).slice(2, 5)).toEqual([
      ['13', 'vars of import_playbook', 'books/site.yml:8'],
      ['12', 'vars of the play', 'books/inner.yml:3'],
      ['11', 'host_vars beside the playbook', 'books/host_vars/edge-1.yml:1'],
    ]);
  });

  it('the first of them is what a run sees', async () => {
    const { out } = await asked(`${ORIGIN} --output json --playbook books/site.yml`);
    const task = '  tasks: [{debug: {msg: "is {{port}}"}}]\n';
    const books = {
      'books/site.yml': FILES['books/site.yml'].replace('- import_playbook', `${task}- import_playbook`),
    };
    const blocks = Object.entries({ ...FILES, ...books }).map(([title, text]) => ({
      language: '',
      title,
      text,
    }));
    const ran = await runInFolder(
      blocks,
      'fairlead run -i inv -e ansible_connection=local -l edge-1 books/site.yml',
    );
    expect(ran.out).toContain(`debug: is ${JSON.parse(out).plays[0].variables.port.value}\n`);
  });

  it('of a host without variables says so; a long value is cut, and nothing acts on the terminal', async () => {
    expect((await asked('-i a, --host a --origin')).out).toBe('no variables\n');
    const { out } = await asked(`-i long.yml --host a --origin`, {
      'long.yml': `all: {hosts: {a: {long: "${'x'.repeat(60)}", evil: "\\e[31m\\n"}}}\n`,
    });
    expect(out.split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/^evil {6}"\\u001b\[31m\\n" {2,}the inventory, for the host {2}long.yml:1$/),
      `long      ${'x'.repeat(39)}…  the inventory, for the host  long.yml:1`,
    ]);
  });
});

describe('to programs', () => {
  it('gives values, ranks and places', async () => {
    const { out } = await asked(`${ORIGIN} --output json`);
    const { host, variables } = JSON.parse(out);
    expect(host).toBe('edge-1');
    expect(Object.keys(variables)).toEqual(['empty', 'list', 'name', 'port']);
    expect(variables.list).toEqual({
      value: [1, '2'],
      setBy: 'the inventory, for edge',
      place: { file: 'inv/hosts.yml', line: 6, column: 29 },
      beats: [],
    });
    expect(variables.port.beats.map(({ value }: { value: unknown }) => value)).toEqual([
      4, 3, 7, 6, 5, 22, 2, 1,
    ]);
  });

  it('what counts is what --host shows', async () => {
    const { variables } = JSON.parse((await asked(`${ORIGIN} --output json`)).out);
    const plain = JSON.parse((await asked('-i inv --host edge-1')).out);
    const won = Object.fromEntries(
      Object.entries<{ value: unknown }>(variables).map(([name, { value }]) => [name, value]),
    );
    expect(won).toEqual(plain);
  });
});

describe('secrets', () => {
  const secret = key('default', 'opensesame');
  const sealed = sealText(Buffer.from('short: ab\nlist: [hunter2, {deep: true}]\n'), secret);
  const value = sealText(Buffer.from('correct horse'), secret).trimEnd().replaceAll('\n', '\n    ');
  const files = {
    key: 'opensesame',
    'v/hosts.yml': `all: {hosts: {a: {again: "xx hunter2 xx"}}}\n`,
    'v/host_vars/a/sealed.yml': sealed,
    'v/host_vars/a/plain.yml': `one: !vault |\n    ${value}\nshort: seen\n`,
  };

  it.each(['text', 'json'])('are not shown as %s, however short they are', async (form) => {
    const { status, out, err } = await asked(
      `-i v --host a --origin --output ${form} --vault-password-file key`,
      files,
    );
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).not.toMatch(/hunter2|\bab\b|true|horse|ANSIBLE_VAULT/);
    expect(out).toContain('seen');
    if (form === 'json') {
      const { variables } = JSON.parse(out);
      expect(variables.list.value).toEqual(['***', { deep: '***' }]);
      expect(variables.again.value).toBe('xx *** xx');
      expect(variables.one.value).toBe('***');
    }
  });
});

describe('wrong words', () => {
  it.each([
    ['-i inv --host edge-3 --origin', '"edge-3" is not in the inventory', 'did you mean "edge-1"?'],
    ['-i inv --list --origin', '--origin is about one host', 'fairlead inventory --host NAME --origin'],
    [
      '-i inv --host edge-1 --playbook books/site.yml',
      'need --origin',
      'fairlead inventory --host NAME --origin',
    ],
    ['-i inv --host edge-1 --output json', 'need --origin', 'fairlead inventory --host NAME --origin'],
    [
      '-i inv --host localhost --origin --playbook books/inner.yml',
      'no play of books/inner.yml is for "localhost"',
      '',
    ],
  ])('%s', async (words, detail, hint) => {
    const { status, out, err } = await asked(words);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(detail);
    expect(err).toContain(hint);
  });

  it('mistakes in the playbook are told as before a run', async () => {
    const { status, err } = await asked(`${ORIGIN} --playbook books/bad.yml`, {
      'books/bad.yml': '- hosts: all\n  tasks: [{pong: }]\n',
    });
    expect(status).toBe(2);
    expect(err).toContain('books/bad.yml:2:12');
  });
});
