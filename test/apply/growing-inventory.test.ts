// add_host, group_by and refresh_inventory: what later tasks and plays see of them, and what is told when what they add is wrong.
import { expect, test } from 'vitest';
import { DiagnosticError } from '../../src/diagnostic.ts';
import { answering, FakeHost } from '../../src/host/fake-host.ts';
import { endings, type PlaybookOptions, runPlaybook, story } from '../support/playbook-run.ts';

const plain = (lines: readonly string[]) =>
  lines.map((line) => line.replaceAll(/\/tmp\/playbook-\w+/g, 'DIR'));

/** Both in waves and task by task: the outcome is the same. */
async function told(text: string, options: PlaybookOptions = {}) {
  const run = await runPlaybook(text, options);
  const slowly = await runPlaybook(text, { ...options, waveLimit: 1 });
  // Hosts go side by side: only the order on each of them is fixed.
  const byHost = (lines: readonly string[]) => lines.toSorted((a, b) => (head(a) < head(b) ? -1 : 1));
  const head = (line: string) => line.split(' ', 1)[0] ?? '';
  expect(byHost(plain(story(slowly)))).toEqual(byHost(plain(story(run))));
  expect(endings(slowly)).toEqual(endings(run));
  return { story: plain(story(run)), endings: endings(run), run };
}

const diagnosticsOf = async (text: string, options: PlaybookOptions = {}) => {
  const failure = await runPlaybook(text, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof DiagnosticError)) throw failure ?? new Error('nothing was wrong');
  return failure.diagnostics.map(({ code, at, hint }) => [code, at?.line, at?.column, hint]);
};

test('add_host runs once for all hosts, with the variables of the first', async () => {
  const text = `
- hosts: all
  tasks:
    - add_host:
        name: "made-by-{{inventory_hostname}}:2222"
        groups: [new, "{{inventory_hostname}}s"]
        size: 3
        note: "{{mark}}"
      register: added
    - debug: {msg: "{{join groups.new ','}} {{hostvars.made-by-a.size}} {{join groups.as ','}}"}
  vars: {mark: m}
- hosts: new
  tasks:
    - debug: {msg: "{{inventory_hostname}} {{size}} {{note}} {{join group_names ','}} {{ansible_ssh_port}}"}
`;
  const { story: lines, endings: ends } = await told(text, { hosts: ['a', 'b'] });
  expect(lines.filter((line) => line.includes('add_host'))).toEqual([
    'a changed add_host: made-by-a in new, as',
  ]);
  expect(lines).toContain('b ok debug: made-by-a 3 made-by-a');
  expect(lines.at(-1)).toBe('made-by-a ok debug: made-by-a 3 m as,new 2222');
  expect(ends).toEqual(['a ok: not contacted', 'b ok: not contacted', 'made-by-a ok: not contacted']);
});

test('group_by sorts each host by its own values; what its group says counts from then on', async () => {
  const text = `
- hosts: all
  tasks:
    - group_by: {key: "is {{colour}}", parents: [coloured]}
    - debug: {msg: "{{shade}} {{join groups.coloured ','}} {{join group_names ','}}"}
    - group_by: {key: "is {{colour}}", parents: [coloured]}
- hosts: is-red
  tasks: [{debug: {msg: "{{inventory_hostname}} is {{shade}}"}}]
- hosts: is-green
  tasks: [{debug: {msg: never}}]
- hosts: coloured
  tasks: [{debug: {msg: "{{inventory_hostname}}"}}]
`;
  const files = {
    'inventory.yml': 'all: {hosts: {a: {colour: red}, b: {colour: blue}, c: {colour: red}}}',
    'group_vars/is-red.yml': 'shade: dark',
    'group_vars/is-blue.yml': 'shade: light',
  };
  const { story: lines, endings: ends } = await told(text, { files });
  const of = (host: string) => lines.filter((line) => line.startsWith(`${host} `));
  expect(of('a')).toEqual([
    'a changed group_by: is-red',
    'a ok debug: dark a,c,b coloured,is-red',
    'a ok group_by: is-red',
    'a ok debug: a is dark',
    'a ok debug: a',
  ]);
  expect(of('b')).toEqual([
    'b changed group_by: is-blue',
    'b ok debug: light a,c,b coloured,is-blue',
    'b ok group_by: is-blue',
    'b ok debug: b',
  ]);
  expect(ends.map((line) => line.split(':')[0])).toEqual(['a ok', 'b ok', 'c ok']);
});

test('a pattern that earlier tasks may fill is no mistake; any other still is', async () => {
  const plays = (hosts: string, add = '{name: a2, groups: new}') => `
- hosts: all
  tasks: [{add_host: ${add}}]
- hosts: ${hosts}
  tasks: [{debug: {msg: hello}}]
`;
  expect(await diagnosticsOf(plays('newe'))).toEqual([['unknown-group', 4, 10, 'did you mean "new"?']]);
  expect((await told(plays('new:&a*'))).story.at(-1)).toBe('a2 ok debug: hello');
  expect((await told(plays('anything', '{name: "{{inventory_hostname}}2"}'))).endings).toEqual([
    'here ok: not contacted',
  ]);
  expect(await diagnosticsOf(`- hosts: new\n  tasks: []\n${plays('new')}`)).toEqual([
    ['unknown-group', 1, 10, undefined],
  ]);
});

test('what does not fit a host that has been added is told when its play starts, and nobody is contacted', async () => {
  const text = `
- hosts: localhost
  tasks:
    - add_host: {name: "{{item}}", groups: new, ansible_user: root}
      loop: [n1, n2]
- hosts: new:here
  tasks:
    - command: "echo {{address}}"
- hosts: all
  tasks: [{command: "true"}]
`;
  const files = {
    'inventory.yml': 'all: {hosts: {here: {address: 1}, other: {}}}',
    'host_vars/n1.yml': 'address: 2',
  };
  const contacted: string[] = [];
  const hostFor = (name: string) => {
    const programs = [0, 1].map(() =>
      answering(() => {
        contacted.push(name);
        return {};
      }),
    );
    return new FakeHost({ name, programs });
  };
  const { run, endings: ends, story: lines } = await told(text, { files, hostFor });
  const refused = run.events.find((event) => event.kind === 'play-refused');
  expect(refused?.diagnostics).toMatchObject([
    { code: 'name-unknown', at: { line: 8, column: 24 }, details: [expect.any(String), 'on n2'] },
  ]);
  expect(ends).toEqual([
    'localhost ok: not contacted',
    'here failed: not contacted',
    'other not-started: not contacted',
    'n1 failed: not contacted',
    'n2 failed: not contacted',
  ]);
  expect(lines.at(-1)).toBe('stopped new:here: the play does not fit hosts that have been added');
  expect(contacted).toEqual([]);
});

test('what looks like a template in the variables of a host that is added is none', async () => {
  const text = `
- hosts: all
  tasks:
    - command: "printf '%s' '{' '{inventory_hostname}' '}'"
      register: said
    - add_host: {name: n, said: "{{said.stdout}}", list: ["{{said.stdout}}"]}
- hosts: n
  tasks: [{debug: {msg: "{{said}} {{join list ','}}"}}]
`;
  expect((await told(text)).story.at(-1)).toBe('n ok debug: {{inventory_hostname}} {{inventory_hostname}}');
});

test('refresh_inventory reads the sources again, and keeps what tasks have added', async () => {
  const text = `
- hosts: localhost
  tasks:
    - add_host: {name: added, groups: kept}
    - group_by: {key: mine}
    - command: cp {{playbook_dir}}/later.yml {{playbook_dir}}/inventory.yml
    - debug: {msg: "{{join groups.all ','}}"}
    - meta: refresh_inventory
    - debug: {msg: "{{join groups.all ','}} {{join groups.mine ','}}"}
- hosts: kept:fresh
  gather_facts: false
  tasks: [{debug: {msg: "{{x}}"}}]
`;
  const files = {
    'inventory.yml': 'all: {hosts: {old: {}}, vars: {x: 1}}',
    'later.yml': 'all: {hosts: {other: {}}, vars: {x: 2}, children: {fresh: {hosts: {f: {}}}}}',
  };
  const { story: lines } = await told(text, { files });
  expect(lines).toEqual([
    'localhost changed add_host: added in kept',
    'localhost changed group_by: mine',
    expect.stringContaining('localhost changed command'),
    'localhost ok debug: old,added',
    'localhost ok meta: the inventory was read again',
    'localhost ok debug: other,added,f localhost',
    'added ok debug: 2',
    'f ok debug: 2',
  ]);
});

test('an inventory that has become wrong fails the refresh, and stays as it was', async () => {
  const text = `
- hosts: here
  tasks:
    - command: cp {{playbook_dir}}/later.yml {{playbook_dir}}/inventory.yml
    - meta: refresh_inventory
`;
  const files = { 'inventory.yml': 'all: {hosts: {here: {}}}', 'later.yml': 'all: [1' };
  const { story: lines } = await told(text, { files });
  expect(lines.at(-1)).toMatch(/^here failed meta: .*inventory\.yml:1:\d+\)$/);
});

test('in check mode the inventory grows as well', async () => {
  const text = `
- hosts: all
  tasks: [{add_host: {name: n}}]
- hosts: n
  tasks: [{debug: {msg: hello}}]
`;
  expect((await told(text, { mode: 'check' })).story).toEqual([
    'here changed add_host: n',
    'n ok debug: hello',
  ]);
});

test('who asks for groups waits until all hosts have gone into theirs', async () => {
  const text = `
- hosts: all
  tasks:
    - command: "true"
    - group_by: {key: sorted}
    - debug: {msg: "{{groups.sorted.length}}"}
`;
  // The first answers only when the others have had ample time to go on without it.
  const hostFor = (name: string) => {
    const slow = async (...asked: Parameters<ReturnType<typeof answering>>) => {
      for (let turn = 0; name === 'a' && turn < 50; turn++) await new Promise((go) => setImmediate(go));
      return answering(() => ({}))(...asked);
    };
    return new FakeHost({ name, programs: [slow] });
  };
  const { story: lines } = await told(text, { hosts: ['a', 'b', 'c'], hostFor });
  expect(lines.filter((line) => line.includes('debug')).sort()).toEqual([
    'a ok debug: 3',
    'b ok debug: 3',
    'c ok debug: 3',
  ]);
});
