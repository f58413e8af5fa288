// The session dies in the middle of the changes, with everything that belongs to it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRolledBack, GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const FILE = '/etc/motd';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('session-killed');
});

afterAll(() => guard.down());

it('goes back at once: a new connection gets in, and the result of the old one is not known', async () => {
  const before = await guard.picture(HOST, FILE);
  const run = await guard.run(
    guard.playbook(`
- copy: { dest: ${FILE}, content: "changed" }
- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }
- shell: pkill -KILL -n -x sshd; sleep 5; touch /run/too-late`),
  );
  expectRolledBack(run, /^edge-1 +lost /m);
  expect(await guard.picture(HOST, FILE)).toBe(before);
});
