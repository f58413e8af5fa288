// Tasks on another machine than their host's, and tasks that one host runs for all: who runs what, over which connection,
// and what the others are left with.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost, losing } from '../../src/host/fake-host.ts';
import type { Host } from '../../src/host/host.ts';
import { endings, runPlaybook, story, thisMachine } from '../support/playbook-run.ts';
import { RecordingHost } from '../support/recording-host.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/delegation-');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Machines that note who was asked to run a program; one of each name. */
function machines(others: Readonly<Record<string, Host>> = {}) {
  const made: string[] = [];
  const asked: string[] = [];
  const hostFor = (name: string): Host => {
    made.push(name);
    if (others[name] !== undefined) return others[name];
    const host = new RecordingHost(thisMachine(name));
    const run = host.run.bind(host);
    host.run = (program, options) => {
      asked.push(name);
      return run(program, options);
    };
    return host;
  };
  return { made, asked, hostFor };
}

describe('delegate_to', () => {
  test('runs a task on another machine, with the variables of its own host, over one connection for all', async () => {
    const { made, asked, hostFor } = machines();
    const text = `
- hosts: web
  tasks:
    - command: echo {{inventory_hostname}} {{port}}
      delegate_to: "{{balancer}}"
      register: r
    - debug: {msg: "{{r.stdout}}"}
`;
    const inventory = `
all:
  vars: {balancer: lb}
  hosts: {lb: {port: 1}}
  children: {web: {hosts: {a: {port: 2}, b: {port: 3}}}}
`;
    const run = await runPlaybook(text, { hostFor, forks: 1, files: { 'inventory.yml': inventory } });
    expect(story(run)).toEqual([
      'a changed command: run echo a 2',
      'a ok debug: a 2',
      'b changed command: run echo b 3',
      'b ok debug: b 3',
    ]);
    expect(made.toSorted()).toEqual(['a', 'b', 'lb']);
    expect(asked).toEqual(['lb', 'lb']);
    const outcomes = run.events.flatMap((each) =>
      each.kind === 'task-finished' ? each.outcome.delegate : [],
    );
    expect(outcomes).toEqual(['lb', undefined, 'lb', undefined]);
  });

  test('to oneself is nothing special; a name that only a result tells does as well', async () => {
    const { asked, hostFor } = machines();
    const text = `
- hosts: a
  tasks:
    - command: echo b
      delegate_to: a
      register: r
    - command: echo there
      delegate_to: "{{r.stdout}}"
    - local_action: command echo here
    - local_action: {module: command, cmd: echo here too}
    - action: command echo home
`;
    const run = await runPlaybook(text, { hostFor, hosts: ['a'] });
    expect(asked).toEqual(['a', 'b', 'localhost', 'localhost', 'a']);
    expect(endings(run)).toEqual(['a ok: 5 changes made']);
  });

  test('waves do not mix machines', async () => {
    const { asked, hostFor } = machines();
    const tasks = ['a', 'b', 'b', 'a'].map((host, index) => ({
      copy: { dest: `${dir}/${index}`, content: 'x' },
      delegate_to: host,
    }));
    await runPlaybook(JSON.stringify([{ hosts: 'a', tasks }]), { hostFor, hosts: ['a', 'b'] });
    expect(asked).toEqual(['a', 'a', 'b', 'b', 'a', 'a']);
  });

  test('a machine that cannot be reached is a failure of the task, which can be rescued', async () => {
    const gone = new FakeHost({
      name: 'gone',
      connects: [{ kind: 'unreachable', reason: 'refused', message: 'nobody listens' }],
    });
    const { hostFor } = machines({ gone });
    const text = `
- hosts: a
  tasks:
    - block:
        - command: echo x
          delegate_to: gone
      rescue:
        - debug: {msg: rescued}
`;
    const run = await runPlaybook(text, { hostFor, hosts: ['a'] });
    expect(story(run)).toEqual([
      'a rescued command: gone is unreachable: nobody listens',
      'a ok debug: rescued',
    ]);
  });

  test('delegate_facts sets variables of the other host', async () => {
    const text = `
- hosts: a
  tasks:
    - set_fact: {x: of a}
    - set_fact: {x: for b}
      delegate_to: b
      delegate_facts: true
    - debug: {msg: "{{x}}"}
- hosts: b
  tasks:
    - debug: {msg: "{{x}}"}
  vars: {x: of the play}
`;
    expect(story(await runPlaybook(text, { hosts: ['a', 'b'] }))).toEqual([
      'a ok set_fact: set x',
      'a ok set_fact: set x',
      'a ok debug: of a',
      'b ok debug: for b',
    ]);
  });

  test('become is that of the other host', async () => {
    const { hostFor } = machines();
    const seen: unknown[] = [];
    const watched = (name: string): Host => {
      const host = hostFor(name);
      const run = host.run.bind(host);
      host.run = (program, options) => {
        seen.push([name, options?.become?.user]);
        return run(program, {});
      };
      return host;
    };
    const inventory =
      'all: {hosts: {a: {ansible_become: true, ansible_become_user: ann}, b: {ansible_become: true, ansible_become_user: bob}}}';
    const text = `
- hosts: a
  tasks:
    - command: echo x
    - command: echo x
      delegate_to: b
`;
    await runPlaybook(text, { hostFor: watched, files: { 'inventory.yml': inventory } });
    expect(seen).toEqual([
      ['a', 'ann'],
      ['b', 'bob'],
    ]);
  });
});

describe('run_once', () => {
  const text = () => `
- hosts: all
  tasks:
    - shell: echo {{inventory_hostname}} >>${dir}/ran; echo {{item}}
      loop: [x, y]
      run_once: true
      register: r
      notify: told
    - set_fact: {s: "{{inventory_hostname}}"}
      run_once: true
    - debug: {msg: "{{r.results.1.stdout}} {{s}}"}
  handlers:
    - name: told
      debug: {msg: told}
`;

  test.each([
    ['all at once', {}],
    ['one by one', { forks: 1 }],
    ['in waves of one', { waveLimit: 1 }],
  ])('runs on the first host for all (%s)', async (_, options) => {
    const run = await runPlaybook(text(), { hosts: ['a', 'b', 'c'], ...options });
    expect(readFileSync(join(dir, 'ran'), 'utf8')).toBe('a\na\n');
    const lines = story(run);
    expect(lines.filter((line) => line.includes('shell') || line.includes('set_fact'))).toHaveLength(3);
    expect(lines.filter((line) => line.includes('debug')).toSorted()).toEqual([
      'a ok debug: y a',
      'b ok debug: y a',
      'c ok debug: y a',
    ]);
    expect(lines.filter((line) => line.includes('told')).toSorted()).toEqual([
      'a ok told: told',
      'b ok told: told',
      'c ok told: told',
    ]);
  });

  test('runs in lock step as well, and for each batch', async () => {
    const batches = text().replace('  tasks:', '  any_errors_fatal: true\n  serial: 2\n  tasks:');
    await runPlaybook(batches, { hosts: ['a', 'b', 'c'] });
    expect(readFileSync(join(dir, 'ran'), 'utf8')).toBe('a\na\nc\nc\n');
  });

  test('a failure is that of all, and all rescue it', async () => {
    const failing = `
- hosts: all
  tasks:
    - block:
        - command: sh -c "exit 3"
          run_once: true
      rescue:
        - debug: {msg: "{{ansible_failed_result.rc}}"}
    - command: "false"
      run_once: true
    - debug: {msg: never}
`;
    const run = await runPlaybook(failing, { hosts: ['a', 'b'] });
    expect(story(run).toSorted()).toEqual([
      'a failed command: false exited 1',
      'a ok debug: 3',
      "a rescued command: sh -c 'exit 3' exited 3",
      'b ok debug: 3',
    ]);
    expect(endings(run).map((line) => line.split(':')[0])).toEqual(['a failed', 'b failed']);
  });

  test('a host that has failed before passes its turn on', async () => {
    const gone = new FakeHost({
      name: 'a',
      connects: [{ kind: 'unreachable', reason: 'refused', message: 'no' }],
    });
    const { hostFor } = machines({ a: gone });
    const lines = story(
      await runPlaybook(
        `
- hosts: all
  tasks:
    - command: echo {{inventory_hostname}}
    - command: echo {{inventory_hostname}}
      run_once: true
      register: r
    - debug: {msg: "{{r.stdout}}"}
`,
        { hosts: ['a', 'b', 'c'], hostFor },
      ),
    );
    expect(lines.filter((line) => line.includes('debug')).toSorted()).toEqual([
      'b ok debug: b',
      'c ok debug: b',
    ]);
  });

  test('what one host was lost in is done by nobody else', async () => {
    const lost = new FakeHost({ name: 'a', programs: [losing('change-0')] });
    const { asked, hostFor } = machines({ a: lost });
    const once = '- hosts: all\n  tasks:\n    - command: echo x\n      run_once: true\n';
    const run = await runPlaybook(once, { hosts: ['a', 'b'], hostFor });
    expect(asked).toEqual([]);
    expect(endings(run).map((line) => line.split(':')[0])).toEqual(['a failed', 'b failed']);
  });
});
