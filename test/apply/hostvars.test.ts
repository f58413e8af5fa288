// What hosts see of each other while a play runs. Ansible's order of things is the measure: before a task that reads
// another host's results, all hosts have come as far; what it reads is what they knew then.
import { expect, test } from 'vitest';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const HOSTS = ['a', 'b', 'c'];

async function told(
  text: string,
  options: Parameters<typeof runPlaybook>[1] = {},
): Promise<readonly string[]> {
  const lines = story(await runPlaybook(text, { hosts: HOSTS, ...options }));
  return [...lines].sort();
}

test.each([1, 2, 10])('results and variables of others are there, with %s hosts at a time', async (forks) => {
  const text = `
- hosts: all
  tasks:
    - command: "echo from {{inventory_hostname}}"
      register: said
    - set_fact: {mine: "{{said.stdout}}!"}
    - debug: {msg: "{{hostvars.a.said.stdout}}, {{hostvars.[b].mine}}, {{hostvars.c.said.rc}}"}
`;
  expect((await told(text, { forks })).filter((line) => line.includes('debug'))).toEqual(
    HOSTS.map((host) => `${host} ok debug: from a, from b!, 0`),
  );
});

test.each([1, 2, 10])(
  'a host that is ahead waits; what follows is not seen yet (%s at a time)',
  async (forks) => {
    const text = `
- hosts: all
  tasks:
    - set_fact: {x: "{{inventory_hostname}}"}
    - command: sleep 0.1
      loop: [1, 2, 3]
      when: inventory_hostname == "b"
    - set_fact: {x: "late {{x}}"}
      when: inventory_hostname == "b"
    - set_fact: {x: "{{hostvars.b.x}}, {{hostvars.a.x}}"}
    - debug: {msg: "{{x}}"}
    - debug: {msg: "{{#each groups.all as |host|}}{{lookup (lookup hostvars host) 'x'}};{{/each}}"}
`;
    const lines = (await told(text, { forks })).filter((line) => line.includes('debug'));
    expect(lines).toEqual(
      HOSTS.flatMap((host) => [
        `${host} ok debug: late b, a`,
        `${host} ok debug: late b, a;late b, a;late b, a;`,
      ]),
    );
  },
);

test('all items of a loop and all attempts see the same', async () => {
  const text = `
- hosts: all
  vars: {n: 0}
  tasks:
    - set_fact: {n: 0}
    - command: "echo {{item}} {{hostvars.a.n}}"
      loop: [1, 2]
      register: r
      failed_when: false
    - set_fact: {n: 1}
    - debug: {msg: "{{r.results.[0].stdout}}, {{r.results.[1].stdout}}, {{hostvars.c.n}}"}
`;
  expect((await told(text)).filter((line) => line.includes('debug'))).toEqual(
    HOSTS.map((host) => `${host} ok debug: 1 0, 2 0, 1`),
  );
});

test('its own results, through hostvars', async () => {
  const text = `
- hosts: all
  tasks:
    - command: echo hi
      register: said
    - debug: {msg: "{{#with (lookup hostvars inventory_hostname) as |me|}}{{me.said.stdout}}{{/with}}"}
    - assert: {that: 'hostvars[inventory_hostname].said.stdout == "hi" && size(hostvars) == 3'}
`;
  expect((await told(text)).filter((line) => line.includes('debug'))).toEqual(
    HOSTS.map((host) => `${host} ok debug: hi`),
  );
});

test('what an earlier play has left, also on hosts that are in this one no more, and delegated facts', async () => {
  const text = `
- hosts: a
  tasks:
    - set_fact: {x: 1}
    - set_fact: {y: "{{inventory_hostname}}"}
      delegate_to: localhost
      delegate_facts: true
- hosts: b,c
  tasks:
    - debug: {msg: "{{hostvars.a.x}} {{hostvars.localhost.y}}"}
- hosts: a
  tasks:
    - debug: {msg: "{{x}}"}
`;
  expect((await told(text)).filter((line) => line.includes('debug'))).toEqual([
    'a ok debug: 1',
    'b ok debug: 1 a',
    'c ok debug: 1 a',
  ]);
});

test('facts of others are gathered where only others ask for them', async () => {
  const text = `
- hosts: all
  tasks:
    - debug: {msg: "{{eq hostvars.b.facts.kernel.release hostvars.c.facts.kernel.release}}"}
`;
  expect(await told(text)).toEqual(HOSTS.map((host) => `${host} ok debug: true`));
});

test('what a host said is data: templates, __proto__ and constructor stay text', async () => {
  const text = `
- hosts: all
  tasks:
    - shell: echo '{''{inventory_hostname}''}' __proto__
      register: said
    - set_fact: {__proto__: "{{said.stdout}}", constructor: "{{said.stdout}}"}
    - debug: {msg: "{{hostvars.b.said.stdout}} {{hostvars.b.constructor}}"}
    - assert: {that: 'hostvars["b"].said.stdout.contains("__proto__")'}
`;
  expect((await told(text)).filter((line) => line.includes('debug'))).toEqual(
    HOSTS.map(
      (host) => `${host} ok debug: {{inventory_hostname}} __proto__ {{inventory_hostname}} __proto__`,
    ),
  );
});

test('variables of others are rendered with what those hosts have', async () => {
  const inventory = `
all:
  vars: {url: "http://{{inventory_hostname}}:{{port}}/{{said.stdout}}", back: "{{hostvars.a.port}}"}
  hosts: {a: {port: 1}, b: {port: 2}}
`;
  const text = `
- hosts: all
  vars: {port: 9}
  tasks:
    - command: "echo {{inventory_hostname}}"
      register: said
    - debug: {msg: "{{url}} {{hostvars.a.url}} {{hostvars.b.url}} {{hostvars.b.back}}"}
`;
  const run = await told(text, { files: { 'inventory.yml': inventory } });
  expect(run.filter((line) => line.includes('debug'))).toEqual([
    'a ok debug: http://a:9/a http://a:1/a http://b:2/b 1',
    'b ok debug: http://b:9/b http://a:1/a http://b:2/b 1',
  ]);
});

test('who is in the play: those that failed are not', async () => {
  const text = `
- hosts: all
  serial: 2
  tasks:
    - fail: {msg: no}
      when: inventory_hostname == "b"
    - debug: {msg: "{{join ansible_play_hosts ','}} {{join ansible_play_hosts_all ','}} {{join ansible_play_batch ','}} {{join play_hosts ','}}"}
`;
  expect((await told(text)).filter((line) => line.includes('debug'))).toEqual([
    'a ok debug: a,c a,b,c a a',
    'c ok debug: a,c a,b,c c c',
  ]);
});

test('a host that failed or ended is not waited for', async () => {
  const text = `
- hosts: all
  tasks:
    - command: "true"
      register: r
    - fail: {msg: no}
      when: inventory_hostname == "b"
    - meta: end_host
      when: inventory_hostname == "c"
    - debug: {msg: "{{hostvars.b.r.rc}} {{hostvars.c.r.rc}}"}
`;
  const run = await runPlaybook(text, { hosts: HOSTS });
  expect(story(run).filter((line) => line.includes('debug'))).toEqual(['a ok debug: 0 0']);
  expect(endings(run)).toEqual([
    'a ok: 1 change made',
    'b failed: 1 change made before it stopped',
    'c ok: 1 change made',
  ]);
});

test('hosts on different ways through a block meet, once, lock step with a failure policy or without', async () => {
  const text = (policy: string) => `
- hosts: all
  ${policy}
  tasks:
    - block:
        - command: "test {{inventory_hostname}} != b"
          register: r
        - debug: {msg: "in {{hostvars.a.r.rc}}"}
      rescue:
        - debug: {msg: "rescue {{hostvars.c.r.rc}}"}
    - set_fact: {end: "{{inventory_hostname}}"}
    - debug: {msg: "end {{hostvars.a.end}} {{hostvars.b.end}} {{hostvars.b.r.rc}}"}
      run_once: true
  handlers: []
`;
  for (const policy of ['gather_facts: false', 'max_fail_percentage: 50']) {
    const lines = (await told(text(policy))).filter((line) => line.includes('debug'));
    expect(lines).toEqual([
      'a ok debug: end a b 1',
      'a ok debug: in 0',
      'b ok debug: rescue 0',
      'c ok debug: in 0',
    ]);
  }
});

test('check mode skips what needs a result of another host that is not produced', async () => {
  const text = `
- hosts: all
  tasks:
    - command: "true"
      register: r
      when: inventory_hostname == "b"
    - debug: {msg: "{{hostvars.b.r.rc}}"}
    - debug: {msg: "{{hostvars.b.r.rc}}"}
      when: hostvars.b.r.rc == 0
    - debug: {msg: "{{item}}"}
      loop: ["{{hostvars.b.r.rc}}"]
`;
  const lines = await told(text, { mode: 'check' });
  expect(lines.filter((line) => line.startsWith('a '))).toEqual([
    'a skipped command: when: inventory_hostname == "b"',
    'a skipped debug: it needs a result that check mode did not produce',
    'a skipped debug: it needs a result that check mode did not produce',
    'a skipped debug: it needs a result that check mode did not produce',
  ]);
});

test('what is kept of another host is a copy', async () => {
  const text = `
- hosts: all
  tasks:
    - set_fact: {x: 1}
    - set_fact: {kept: "{{hostvars.b}}"}
    - set_fact: {x: 2}
    - debug: {msg: "{{kept.x}} {{hostvars.b.x}}"}
`;
  expect((await told(text)).filter((line) => line.includes('debug'))).toEqual(
    HOSTS.map((host) => `${host} ok debug: 1 2`),
  );
});
