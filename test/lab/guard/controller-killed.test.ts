// kill -9 of the controller at every stage: the host goes back alone, and the next run tells.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/event.ts';
import { GuardLab, PROMISE_S, type RunUnderway } from '../support/guard-lab.ts';
import { figure, secondsUntil } from '../support/role-lab.ts';

const HOST = 'edge-1';
const FILE = '/etc/motd';

const CHANGES = `
- copy: { dest: ${FILE}, content: "changed" }
- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }`;
const HANG = '- shell: touch /run/there; sleep 600';
const HARMLESS =
  '- copy: { dest: /etc/harmless, content: "x" }\n- ip_rule: { priority: 98, from: 198.51.100.8, table: 77 }';

interface Stage {
  readonly name: string;
  readonly tasks: string;
  /** Done on the host before it begins. */
  readonly before?: string;
  /** Resolves at the moment to kill it. */
  readonly reached: (run: RunUnderway) => Promise<void>;
  readonly isArmed: boolean;
}

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('controller-killed');
});

afterAll(() => guard.down());

const isAt = (doing: string) => (event: RunEvent) => event.kind === 'host-working' && event.doing === doing;

const isThere = () =>
  secondsUntil(async () => (await guard.lab.inHost(HOST, ['test', '-e', '/run/there'])).exitCode === 0, {
    withinS: 20,
    what: 'the task has begun',
  });

const STAGES: readonly Stage[] = [
  {
    name: 'before it is armed',
    tasks: CHANGES,
    // New connections are accepted by the kernel, and nobody answers.
    before: 'pkill -STOP -o -x sshd',
    reached: (run) => run.until('it connects', (event) => event.kind === 'host-connecting'),
    isArmed: false,
  },
  {
    name: 'once it is armed, before the first change is done',
    tasks: `${HANG}\n${CHANGES}`,
    reached: async () => void (await isThere()),
    isArmed: true,
  },
  {
    name: 'in the middle of the changes',
    tasks: `${CHANGES}\n${HANG}`,
    reached: async () => void (await isThere()),
    isArmed: true,
  },
  {
    name: 'after the changes',
    tasks: `${CHANGES}\n- pause: { seconds: 600 }`,
    reached: (run) => run.until('it waits', isAt('waiting')),
    isArmed: true,
  },
  {
    name: 'while it confirms',
    // New connections are accepted by the kernel, and nobody answers.
    tasks: `${CHANGES}\n- command: pkill -STOP -o -x sshd`,
    reached: (run) => run.until('it confirms', isAt('confirming')),
    isArmed: true,
  },
];

describe('the controller is killed', () => {
  it.each(STAGES)('$name', async ({ tasks, before: prepare = ':', reached, isArmed }) => {
    await guard.role.onHost(HOST, 'rm -f /run/there /etc/harmless; ip rule del priority 98 2>/dev/null || :');
    const before = await guard.picture(HOST, FILE);
    await guard.role.onHost(HOST, prepare);
    const run = guard.start(guard.playbook(tasks));
    await reached(run);
    await run.kill();
    const began = performance.now();
    await guard.role.onHost(HOST, 'pkill -CONT -o -x sshd');
    await secondsUntil(async () => (await pending()) === '', {
      withinS: PROMISE_S,
      what: 'nothing is pending',
    });
    figure(`back ${((performance.now() - began) / 1000).toFixed(1)} s after the kill`);
    expect(await guard.picture(HOST, FILE)).toBe(before);
    await guard.reachable(5);

    const next = await guard.run(guard.playbook(HARMLESS));
    expect({ exitCode: next.exitCode, stderr: next.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const told =
      /earlier +what \S+ changed with \S+ at \S+ was rolled back at \S+: its time was up and nobody had confirmed it/;
    if (isArmed) expect(next.stdout).toMatch(told);
    else expect(next.stdout).not.toMatch(/earlier/);
  });
});

function pending(): Promise<string> {
  return guard.role.onHost(HOST, 'cat /var/lib/fairlead/guard/current 2>/dev/null || :');
}
