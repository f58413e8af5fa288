// What one host does to the others: plays and batches that end for all, failures that are fatal, limits on failures and
// on hosts at work.
import { describe, expect, test } from 'vitest';
import { answering, FakeHost, type FakeProgram } from '../../src/host/fake-host.ts';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const HOSTS = ['a', 'b', 'c'];

describe('meta', () => {
  test('end_play ends all hosts and all batches, by the word of the first, and the next play goes on', async () => {
    const text = `
- hosts: all
  serial: 2
  tasks:
    - debug: {msg: one}
    - meta: end_play
      when: inventory_hostname == "a"
    - debug: {msg: never}
- hosts: all
  tasks: [{debug: {msg: next}}]
`;
    const lines = story(await runPlaybook(text, { hosts: HOSTS }));
    expect(lines.toSorted()).toEqual([
      'a ok debug: next',
      'a ok debug: one',
      'a ok meta: the play ends here',
      'b ok debug: next',
      'b ok debug: one',
      'c ok debug: next',
    ]);
  });

  test('end_batch lets the next batch go on', async () => {
    const text = `
- hosts: all
  serial: 2
  tasks:
    - meta: end_batch
      when: inventory_hostname == "a"
    - debug: {msg: one}
`;
    const lines = story(await runPlaybook(text, { hosts: HOSTS }));
    expect(lines).toEqual([
      'a ok meta: the batch ends here',
      'c skipped meta: when: inventory_hostname == "a"',
      'c ok debug: one',
    ]);
  });

  test('end_play of a host whose condition does not hold is asked of nobody else', async () => {
    const text = `
- hosts: all
  tasks:
    - meta: end_play
      when: inventory_hostname == "b"
    - debug: {msg: one}
`;
    const lines = story(await runPlaybook(text, { hosts: HOSTS }));
    expect(lines.filter((line) => line.includes('debug'))).toHaveLength(3);
  });
});

describe('failures', () => {
  test('any_errors_fatal of a block stops all hosts when they come to the next wave', async () => {
    const text = `
- hosts: all
  tasks:
    - fail: {msg: alone}
      when: inventory_hostname == "a"
    - debug: {msg: between}
    - block:
        - fail: {msg: for all}
          when: inventory_hostname == "b"
      any_errors_fatal: true
    - command: echo never
`;
    const run = await runPlaybook(text, { hosts: HOSTS });
    expect(endings(run).map((line) => line.split(':')[0])).toEqual(['a failed', 'b failed', 'c stopped']);
    expect(story(run).at(-1)).toBe('stopped all: a, b failed, and any_errors_fatal is set');
    expect(story(run).filter((line) => line.includes('never'))).toEqual([]);
  });

  test('max_failures counts all failed hosts of the run', async () => {
    const text = (most: number) => `
- hosts: all
  serial: 1
  max_failures: ${most}
  max_fail_percentage: 100
  tasks:
    - fail: {msg: bad}
      when: inventory_hostname in ["a", "c"]
    - debug: {msg: fine}
`;
    const hosts = ['b', 'a', 'd', 'c', 'e'];
    const inventory = { hosts };
    const stopped = await runPlaybook(
      text(1).replace('max_fail_percentage: 100', 'strategy: linear'),
      inventory,
    );
    expect(stopped.recap.map(({ host, status }) => `${host} ${status}`)).toEqual([
      'b ok',
      'a failed',
      'd not-started',
      'c not-started',
      'e not-started',
    ]);
  });
});

test('order', async () => {
  const order = async (word: string) => {
    const { recap } = await runPlaybook(`- hosts: all\n  order: ${word}\n  tasks: [{debug: {msg: x}}]\n`, {
      hosts: ['b', 'c', 'a'],
    });
    return recap.map(({ host }) => host).join('');
  };
  expect(await order('inventory')).toBe('bca');
  expect(await order('reverse_inventory')).toBe('acb');
  expect(await order('sorted')).toBe('abc');
  expect(await order('reverse_sorted')).toBe('cba');
  expect([...(await order('shuffle'))].toSorted().join('')).toBe('abc');
});

test.each([
  [0, 4],
  [1, 1],
  [2, 2],
])('throttle %s lets %s hosts be at a task at the same time', async (throttle, most) => {
  let atWork = 0;
  let seen = 0;
  const program: FakeProgram = async (...asked) => {
    atWork += 1;
    seen = Math.max(seen, atWork);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    atWork -= 1;
    return answering(() => ({}))(...asked);
  };
  const hosts = ['a', 'b', 'c', 'd'];
  const run = await runPlaybook(
    `- hosts: all\n  tasks:\n    - command: echo x\n      throttle: ${throttle}\n`,
    { hosts, hostFor: (name) => new FakeHost({ name, programs: [program] }) },
  );
  expect(seen).toBe(most);
  expect(endings(run)).toEqual(hosts.map((host) => `${host} ok: 1 change made`));
});
