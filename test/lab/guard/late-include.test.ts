// A file of tasks whose name is only known at run time: the guard begins with the wave that touches the network.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('late-include');
});

afterAll(() => guard.down());

it('is guarded by default from there on', async () => {
  guard.write('net.yml', '- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }\n');
  const playbook = guard.write(
    'late.yml',
    `- hosts: all
  tasks:
    - copy: { dest: /etc/motd, content: "before the include" }
    - command: echo net.yml
      register: which
    - include_tasks: "{{which.stdout}}"
    - copy: { dest: /etc/issue.net, content: "behind it" }
    - command: "false"
      when: fails
`,
  );
  const issue = await guard.role.onHost('edge-1', 'cat /etc/issue.net 2>/dev/null || :');
  const failing = await guard.run(playbook, '-e', '{"fails": true}');
  expect(failing.stdout).toMatch(/^edge-1 +rolled back +a task failed$/m);
  const now = 'cat /etc/motd; cat /etc/issue.net 2>/dev/null; ip rule show priority 99';
  expect(await guard.role.onHost('edge-1', now)).toBe(`before the include${issue}`);
  const fine = await guard.run(playbook, '-v', '-e', '{"fails": false}');
  expect(fine.stdout).toMatch(/^edge-1 +confirmed/m);
  expect(await guard.role.onHost('edge-1', now)).toMatch(/behind it99:/);
});
