// A reboot as a fake host plays it: which boot_id it shows at which connection. Time passes as fast as it is asked for.
import { expect, test } from 'vitest';
import type { Clock } from '../../src/apply/clock.ts';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { ConnectOutcome, Program, ProgramOutcome } from '../../src/host/host.ts';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const OLD = '11111111-1111-1111-1111-111111111111';
const NEW = '22222222-2222-2222-2222-222222222222';
const UP: ConnectOutcome = { kind: 'connected' };
const DOWN: ConnectOutcome = { kind: 'unreachable', reason: 'timeout', message: 'no answer' };

function passingClock(onPause: (ms: number) => 'passed' | 'interrupted' = () => 'passed') {
  let nowMs = 0;
  const pauses: number[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    pause: async (ms) => {
      pauses.push(ms);
      nowMs += ms;
      return onPause(ms);
    },
  };
  return { clock, pauses };
}

/** A host whose answers are these, each once, the last one for ever; `test` is what the test command exits with. */
function rebootingHost(options: {
  readonly connects: readonly ConnectOutcome[];
  readonly bootIds: readonly string[];
  readonly tests?: readonly number[];
  readonly change?: ProgramOutcome;
}): FakeHost {
  const bootIds = [...options.bootIds];
  const tests = [...(options.tests ?? [])];
  const next = <T>(list: T[]): T | undefined => (list.length > 1 ? list.shift() : list[0]);
  const answer = (program: Program): ProgramOutcome => {
    if (program.kind === 'change' && options.change !== undefined) return options.change;
    const steps = program.steps.map(({ id, script }) => {
      const isTest = script === 'systemctl is-system-running';
      const asksBootId = !isTest && program.kind === 'inspect' && script.includes('boot_id');
      const exitCode = isTest ? (next(tests) ?? 0) : 0;
      const stdout = asksBootId ? (next(bootIds) ?? '') : '';
      return [id, { kind: 'exited', exitCode, stdout, stderr: '' }] as const;
    });
    return { kind: 'finished', steps: new Map(steps) };
  };
  return new FakeHost({ name: 'here', connects: options.connects, programs: [answer] });
}

const play = (args = '') => `[{hosts: all, tasks: [{reboot: {${args}}}, {debug: {msg: on}}]}]`;

test('a host is back when it shows another boot_id over a new connection', async () => {
  const { clock, pauses } = passingClock();
  const here = rebootingHost({ connects: [UP, UP, DOWN, DOWN, UP], bootIds: [OLD, OLD, NEW] });
  const run = await runPlaybook(play(), { hostFor: () => here, clock });
  expect(story(run)).toEqual(['here changed reboot: rebooted', 'here ok debug: on']);
  expect(pauses).toEqual([1000, 1000, 1000]);
  expect(here.events.filter(({ kind }) => kind === 'disconnect')).toHaveLength(4);
});

test('a host that answers with its old boot_id has not rebooted', async () => {
  const { clock } = passingClock();
  const here = rebootingHost({ connects: [UP], bootIds: [OLD] });
  const run = await runPlaybook(play('reboot_timeout: 5'), { hostFor: () => here, clock });
  expect(story(run)).toEqual([
    'here failed reboot: not back 5 s after the reboot: it answers, but has not rebooted',
  ]);
  expect(endings(run)).toEqual(['here failed: nothing was changed']);
});

test('a host that does not come back is a failure, whatever ignore_errors says', async () => {
  const { clock } = passingClock();
  const here = rebootingHost({ connects: [UP, DOWN], bootIds: [OLD] });
  const text = '[{hosts: all, ignore_errors: true, tasks: [{reboot: {reboot_timeout: 3}}, {ping: }]}]';
  const run = await runPlaybook(text, { hostFor: () => here, clock });
  expect(story(run)).toEqual(['here failed reboot: not back 3 s after the reboot: no answer']);
});

test('a channel that goes down with the host is no failure', async () => {
  const { clock } = passingClock();
  const here = rebootingHost({
    connects: [UP, DOWN, UP],
    bootIds: [OLD, NEW],
    change: { kind: 'lost', reason: 'connection', message: 'gone', during: 'change-0', steps: new Map() },
  });
  const run = await runPlaybook(play(), { hostFor: () => here, clock });
  expect(story(run)).toEqual(['here changed reboot: rebooted', 'here ok debug: on']);
});

test('the test command has to succeed before the host counts as back, and then it is left alone for a while', async () => {
  const { clock, pauses } = passingClock();
  const here = rebootingHost({ connects: [UP], bootIds: [OLD, NEW], tests: [1, 1, 0] });
  const args = 'test_command: systemctl is-system-running, post_reboot_delay: 7';
  const run = await runPlaybook(play(args), { hostFor: () => here, clock });
  expect(story(run)).toEqual(['here changed reboot: rebooted', 'here ok debug: on']);
  expect(pauses).toEqual([1000, 1000, 7000]);
});

test('a test command that never succeeds is told', async () => {
  const { clock } = passingClock();
  const here = rebootingHost({ connects: [UP], bootIds: [OLD, NEW], tests: [4] });
  const args = 'test_command: systemctl is-system-running, reboot_timeout: 2';
  const run = await runPlaybook(play(args), { hostFor: () => here, clock });
  expect(story(run)).toEqual([
    'here failed reboot: not back 2 s after the reboot: it is up, but the test command exited 4',
  ]);
});

test('an interruption ends the waiting, and nobody knows whether the host is up', async () => {
  const interruption = new AbortController();
  const { clock } = passingClock(() => {
    interruption.abort();
    return 'interrupted';
  });
  const here = rebootingHost({ connects: [UP, DOWN], bootIds: [OLD] });
  const { signal } = interruption;
  const run = await runPlaybook(play(), { hostFor: () => here, clock, signal });
  expect(story(run)).toEqual(['here unknown reboot: interrupted while it rebooted']);
  expect(endings(run)).toEqual(['here interrupted: unknown: cut off during "reboot"']);
});

test('facts are gathered anew', async () => {
  const { clock } = passingClock();
  const here = rebootingHost({ connects: [UP], bootIds: [OLD, OLD, NEW] });
  const text = '[{hosts: all, gather_facts: true, tasks: [{reboot: }, {debug: {msg: on}}]}]';
  const run = await runPlaybook(text, { hostFor: () => here, clock });
  expect(run.events.filter(({ kind }) => kind === 'facts-gathered')).toHaveLength(2);
});

test('check mode reboots nobody', async () => {
  const here = rebootingHost({ connects: [UP], bootIds: [OLD] });
  const run = await runPlaybook(play(), { hostFor: () => here, mode: 'check' });
  expect(story(run)).toEqual(['here would-change reboot: reboot', 'here ok debug: on']);
  expect(here.programs.map(({ kind }) => kind)).toEqual(['inspect']);
});
