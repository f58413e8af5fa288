// Waiting for a host that a fake plays. Time passes as fast as it is asked for.
import { mkdtempSync, rmSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { answering, FakeHost, refusing } from '../../src/host/fake-host.ts';
import type { ConnectOutcome } from '../../src/host/host.ts';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const UP: ConnectOutcome = { kind: 'connected' };
const DOWN: ConnectOutcome = { kind: 'unreachable', reason: 'timeout', message: 'no answer' };

function passingClock(onPause: (ms: number) => 'passed' | 'interrupted' = () => 'passed') {
  let nowMs = 0;
  const pauses: number[] = [];
  const clock = {
    nowMs: () => nowMs,
    pause: async (ms: number) => {
      pauses.push(ms);
      nowMs += ms;
      return onPause(ms);
    },
  };
  return { clock, pauses };
}

const play = (args = '', more = '') =>
  `[{hosts: all, tasks: [{wait_for_connection: {${args}}, register: r${more}}, {debug: {msg: "{{r.elapsed}}"}}]}]`;

test('a host that is not there yet is waited for, and not unreachable', async () => {
  const { clock, pauses } = passingClock();
  const here = new FakeHost({ name: 'here', connects: [DOWN, DOWN, UP] });
  const run = await runPlaybook(play('delay: 10, sleep: 4'), { hostFor: () => here, clock });
  expect(story(run)).toEqual(['here ok wait_for_connection', 'here ok debug: 18']);
  expect(pauses).toEqual([10_000, 4000, 4000]);
  expect(endings(run)).toEqual(['here ok: nothing was changed']);
  expect(run.events.filter(({ kind }) => kind === 'host-connected')).toHaveLength(1);
});

test('a connection that there is counts for nothing: it is dropped, and the new one has to run programs', async () => {
  const { clock, pauses } = passingClock();
  const programs = [answering(() => ({})), refusing('no shell'), answering(() => ({}))];
  const here = new FakeHost({ name: 'here', programs });
  const text = '[{hosts: all, tasks: [{command: reboot}, {wait_for_connection: }, {command: uptime}]}]';
  const run = await runPlaybook(text, { hostFor: () => here, clock });
  expect(story(run)).toEqual([
    'here changed command: run reboot',
    'here ok wait_for_connection',
    'here changed command: run uptime',
  ]);
  expect(pauses).toEqual([1000]);
  expect(here.events.map(({ kind }) => kind)).toEqual([
    ...['connect', 'run', 'disconnect', 'connect', 'run', 'disconnect', 'connect', 'run'],
    ...['run', 'close', 'close'],
  ]);
});

test('after reset_connection nobody connects before it does', async () => {
  const { clock } = passingClock();
  const here = new FakeHost({ name: 'here', connects: [UP, DOWN, UP] });
  const text =
    '[{hosts: all, tasks: [{command: a}, {meta: reset_connection}, {wait_for_connection: }, {command: b}]}]';
  const run = await runPlaybook(text, { hostFor: () => here, clock });
  expect(endings(run)).toEqual(['here ok: 2 changes made']);
});

test('one that does not come fails, which can be ignored or rescued', async () => {
  const { clock } = passingClock();
  const here = new FakeHost({ name: 'here', connects: [DOWN] });
  const run = await runPlaybook(play('timeout: 3', ', ignore_errors: true'), { hostFor: () => here, clock });
  expect(story(run)).toEqual([
    'here ignored wait_for_connection: timed out after 3 s: no answer',
    'here ok debug: 3',
  ]);
});

test('a delegated one waits for that host', async () => {
  const { clock } = passingClock();
  const hosts = new Map([
    ['here', new FakeHost({ name: 'here' })],
    ['there', new FakeHost({ name: 'there', connects: [DOWN, UP] })],
  ]);
  const hostFor = (name: string) => hosts.get(name) ?? new FakeHost({ name });
  const run = await runPlaybook(play('', ', delegate_to: there'), { hosts: ['here'], hostFor, clock });
  expect(story(run)).toEqual(['here ok wait_for_connection', 'here ok debug: 1']);
  expect(hosts.get('here')?.events.filter(({ kind }) => kind !== 'close')).toEqual([]);
});

test('what stands before it in its wave is changed first', async () => {
  const folder = mkdtempSync('/tmp/wait-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const doing: string[] = [];
  await runPlaybook(
    `[{hosts: all, tasks: [{copy: {dest: ${folder}/x, content: x}}, {wait_for_connection: }]}]`,
    { onEvent: (event) => event.kind === 'host-working' && doing.push(event.doing) },
  );
  expect(doing).toEqual(['inspecting', 'changing', 'waiting']);
});

test('check mode does not wait', async () => {
  const here = new FakeHost({ name: 'here', connects: [DOWN] });
  const text = '[{hosts: all, tasks: [{wait_for_connection: }]}]';
  const run = await runPlaybook(text, { hostFor: () => here, mode: 'check' });
  expect(story(run)).toEqual(['here skipped wait_for_connection: check mode does not wait']);
  expect(new Set(here.events.map(({ kind }) => kind))).toEqual(new Set(['close']));
});

test('an interruption ends it', async () => {
  const interruption = new AbortController();
  const { clock } = passingClock(() => {
    interruption.abort();
    return 'interrupted';
  });
  const here = new FakeHost({ name: 'here', connects: [DOWN] });
  const run = await runPlaybook(play(), { hostFor: () => here, clock, signal: interruption.signal });
  expect(story(run)).toEqual([]);
  expect(run.recap.map(({ status }) => status)).toEqual(['interrupted']);
});
