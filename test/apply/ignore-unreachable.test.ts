// ignore_unreachable: a task whose machine cannot be reached is told and passed over, and the next one tries again.
import { expect, test } from 'vitest';
import { answering, FakeHost, losing } from '../../src/host/fake-host.ts';
import type { ConnectOutcome } from '../../src/host/host.ts';
import { endings, type PlaybookOptions, runPlaybook, story } from '../support/playbook-run.ts';

const DOWN: ConnectOutcome = { kind: 'unreachable', reason: 'refused', message: 'nobody listens' };
const UP: ConnectOutcome = { kind: 'connected' };
const fine = answering(() => ({}));

/** In waves and task by task. */
async function told(text: string, hostFor: (name: string) => FakeHost, more: PlaybookOptions = {}) {
  const run = await runPlaybook(text, { ...more, hostFor });
  const slowly = await runPlaybook(text, { ...more, hostFor, waveLimit: 1 });
  expect(story(slowly)).toEqual(story(run));
  expect(endings(slowly)).toEqual(endings(run));
  return { story: story(run), endings: endings(run), run };
}

test.each(['apply', 'check'] as const)('of a task, with its result (%s)', async (mode) => {
  const text = `
- hosts: all
  tasks:
    - command: one
      ignore_unreachable: true
      failed_when: true
      register: r
      retries: 2
    - debug: {msg: "{{r.unreachable}} {{r.failed}}"}
    - command: two
      ignore_unreachable: true
    - command: three
`;
  const { story: lines, endings: ends } = await told(
    text,
    (name) => new FakeHost({ name, connects: [DOWN, DOWN, DOWN], programs: [] }),
    { mode },
  );
  expect(lines).toEqual([
    'here ignored command: here is unreachable: nobody listens',
    'here ok debug: true false',
    'here ignored command: here is unreachable: nobody listens',
    'here unreachable: nobody listens',
  ]);
  expect(ends[0]).toMatch(/^here unreachable: (check mode: )?nothing was changed$/);
});

test('of a play: facts are not there, and tasks go on', async () => {
  const text = `
- hosts: all
  gather_facts: true
  ignore_unreachable: true
  tasks:
    - command: one
    - block:
        - command: two
          ignore_unreachable: false
      rescue:
        - debug: {msg: never}
`;
  const host = (name: string) => new FakeHost({ name, connects: [DOWN, DOWN, UP], programs: [fine, fine] });
  const { story: lines, endings: ends } = await told(text, host);
  expect(lines).toEqual([
    'here ignored gathering facts: unreachable: nobody listens',
    'here ignored command: here is unreachable: nobody listens',
    'here changed command: run two',
  ]);
  expect(ends).toEqual(['here ok: 1 change made']);
});

test('of a task during which the connection is lost, and of one that is delegated', async () => {
  const text = `
- hosts: here
  tasks:
    - command: one
      ignore_unreachable: true
    - command: two
      delegate_to: there
      ignore_unreachable: true
    - command: three
`;
  const hostFor = (name: string) =>
    name === 'there'
      ? new FakeHost({ name, connects: [DOWN] })
      : new FakeHost({ name, programs: [losing('change-0'), fine] });
  const { story: lines, endings: ends } = await told(text, hostFor);
  expect(lines).toEqual([
    expect.stringMatching(/^here ignored command: unreachable: /),
    'here ignored command: there is unreachable: nobody listens',
    'here changed command: run three',
  ]);
  expect(ends).toEqual(['here ok: 1 change made']);
});
