// One transaction at a time: who comes second is told who is at work there, and until when.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';
import { secondsUntil } from '../support/role-lab.ts';

const HOST = 'edge-1';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('two-controllers');
});

afterAll(() => guard.down());

it('refuses the second controller, which changes nothing; the first one goes on', async () => {
  const first = guard.start(
    guard.playbook(
      '- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }\n- shell: touch /run/there; while [ ! -e /run/go ]; do sleep 0.1; done',
    ),
  );
  const isThere = async () => (await guard.lab.inHost(HOST, ['test', '-e', '/run/there'])).exitCode === 0;
  await secondsUntil(isThere, { withinS: 20, what: 'the task has begun' });
  const second = await guard.run(
    guard.playbook('- ip_rule: { priority: 98, from: 198.51.100.8, table: 77 }'),
  );
  await guard.role.onHost(HOST, 'touch /run/go');
  expect({ exitCode: second.exitCode, stderr: second.stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(second.stdout).toMatch(
    /\S+@\S+ is changing this host \(\S+play\.yml, since \S+Z, \d s before it goes back\)/,
  );
  expect((await first.ended).exitCode).toBe(0);
  const rules = await guard.role.onHost(HOST, 'ip rule show');
  expect(rules).toMatch(/^99:/m);
  expect(rules).not.toMatch(/^98:/m);
});

it('lets exactly one of many that begin at the same moment in', async () => {
  const playbooks = [81, 82, 83, 84].map((priority) =>
    guard.write(
      `play-${priority}.yml`,
      `- hosts: all\n  guard: 20s\n  tasks:\n    - ip_rule: { priority: ${priority}, from: 198.51.100.9, table: 77 }\n    - shell: until [ -e /run/all ]; do sleep 0.1; done\n`,
    ),
  );
  const runs = playbooks.map((playbook) => guard.start(playbook));
  const ended = runs.map((run) => run.ended);
  const ends = async () => runs.filter((run) => run.events().some(({ kind }) => kind === 'run-ended')).length;
  await secondsUntil(async () => (await ends()) === 3, { withinS: 15, what: 'three are refused' });
  await guard.role.onHost(HOST, 'touch /run/all');
  expect((await Promise.all(ended)).map(({ exitCode }) => exitCode).sort()).toEqual([0, 1, 1, 1]);
  const rules = await guard.role.onHost(HOST, 'ip rule show');
  expect([...rules.matchAll(/^8[1-4]:/gm)]).toHaveLength(1);
});
