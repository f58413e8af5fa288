// Handlers that the host remembers, with and without a guard: what is rolled back is forgotten with it, what has been
// confirmed or was never guarded is made up for by the next run.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { GuardLab, PROMISE_S } from '../support/guard-lab.ts';
import { secondsUntil } from '../support/role-lab.ts';

const HOST = 'edge-1';
const HANDLERS = '  handlers: [{ name: restart, shell: echo restarted >>/run/log }]\n';
const CHANGE = '- copy: { dest: /etc/conf, content: one }\n  notify: restart';
const HANG = '- shell: touch /run/there; sleep 600';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('remembered');
});

afterAll(() => guard.down());

beforeEach(() => guard.role.onHost(HOST, 'rm -rf /etc/conf /run/log /run/there /var/lib/fairlead/handlers'));

const playbook = (tasks: string, window?: string) =>
  guard.playbook(tasks, { keys: HANDLERS, ...(window !== undefined && { guard: window }) });

const there = () =>
  guard.role.onHost(HOST, 'ls /var/lib/fairlead/handlers 2>/dev/null || :; cat /run/log 2>/dev/null || :');

async function killedBehindTheChange(window?: string): Promise<void> {
  const run = guard.start(playbook(`${CHANGE}\n${HANG}`, window));
  await secondsUntil(
    async () => (await guard.lab.inHost(HOST, ['test', '-e', '/run/there'])).exitCode === 0,
    {
      withinS: 20,
      what: 'the change is made',
    },
  );
  expect(await there()).toMatch(/^[0-9a-f]{32}\n$/);
  await run.kill();
}

it('a controller that is killed between the change and the handler: the next run makes up for it', async () => {
  await killedBehindTheChange('off');
  const next = await guard.run(playbook(CHANGE, 'off'));
  expect({ exitCode: next.exitCode, stderr: next.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(next.stdout).toMatch(/^edge-1 +earlier +handler "restart", notified by an earlier run$/m);
  expect(await there()).toBe('restarted\n');
});

it('a failure in a guarded play takes the memory back with the change', async () => {
  const failed = await guard.run(playbook(`${CHANGE}\n- command: "false"`));
  expect(failed.stdout).toMatch(/^edge-1 +rolled back +a task failed$/m);
  expect(failed.stdout).not.toMatch(/not as before/);
  expect(await there()).toBe('');
});

it('so does the timer, when nobody is there any more', async () => {
  await killedBehindTheChange();
  await secondsUntil(async () => (await guard.role.onHost(HOST, 'ls /etc/conf 2>/dev/null || :')) === '', {
    withinS: PROMISE_S,
    what: 'the file is gone again',
  });
  await secondsUntil(
    async () => (await guard.role.onHost(HOST, 'ls /var/lib/fairlead/guard/current 2>/dev/null || :')) === '',
    { withinS: PROMISE_S, what: 'nothing is pending' },
  );
  expect(await there()).toBe('');
});

it('a handler of an earlier run whose making up for it is rolled back stays remembered', async () => {
  await guard.run(playbook(`${CHANGE}\n- command: "false"`, 'off'));
  const remembered = await there();
  expect(remembered).toMatch(/^[0-9a-f]{32}\n$/);
  await guard.run(playbook(`${CHANGE}\n- meta: flush_handlers\n- command: "false"`));
  expect(await there()).toBe(`${remembered}restarted\n`);
  await guard.run(playbook(CHANGE));
  expect(await there()).toBe('restarted\nrestarted\n');
});

it('a guarded run that is confirmed leaves nothing', async () => {
  const run = await guard.run(playbook(CHANGE));
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await there()).toBe('restarted\n');
  expect((await guard.role.onHost(HOST, 'ls /var/lib/fairlead')).trim()).toBe('guard');
});
