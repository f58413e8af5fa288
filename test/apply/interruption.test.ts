// Ctrl-C, at every moment that matters: nothing new begins, and each host's line says what is known of it.
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/event.ts';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const tell = (event: RunEvent) => ('host' in event ? `${event.kind} ${event.host}` : event.kind);

/** Aborts when the event has been seen that many times. */
function interruptAt(wanted: string, times = 1) {
  const interruption = new AbortController();
  let seen = 0;
  return {
    signal: interruption.signal,
    onEvent: (event: RunEvent) => {
      if (tell(event) === wanted && ++seen === times) interruption.abort();
    },
  };
}

const SLEEP = '[{hosts: all, tasks: [{command: echo 1}, {command: sleep 60}, {command: echo 2}]}]';

describe('interrupted', () => {
  test('while a change runs: unknown, and nothing behind it', async () => {
    const run = await runPlaybook(SLEEP, interruptAt('host-working here', 2));
    expect(story(run)).toEqual(['here changed command: run echo 1', 'here unknown command: interrupted']);
    expect(endings(run)).toEqual(['here interrupted: unknown: cut off during "command"']);
  });

  test('between two waves: what was done stands', async () => {
    const run = await runPlaybook(SLEEP, interruptAt('task-finished here'));
    expect(story(run)).toEqual(['here changed command: run echo 1']);
    expect(endings(run)).toEqual(['here interrupted: 1 change made before it stopped']);
  });

  test('while it is only looked at: nothing was changed', async () => {
    const run = await runPlaybook(
      '[{hosts: all, tasks: [{copy: {dest: /tmp/never, content: x}}]}]',
      interruptAt('host-working here'),
    );
    expect(story(run)).toEqual([]);
    expect(endings(run)).toEqual(['here interrupted: nothing was changed']);
  });

  test('while facts are gathered', async () => {
    const run = await runPlaybook(
      '[{hosts: all, gather_facts: true, tasks: [{ping: }]}]',
      interruptAt('host-working here'),
    );
    expect(story(run)).toEqual([]);
    expect(endings(run)).toEqual(['here interrupted: nothing was changed']);
  });

  test('before a host was contacted: it stays alone', async () => {
    const run = await runPlaybook(SLEEP, {
      hosts: ['a', 'b'],
      forks: 1,
      ...interruptAt('host-working a', 2),
    });
    expect(endings(run)).toEqual([
      'a interrupted: unknown: cut off during "command"',
      'b interrupted: not contacted',
    ]);
    expect(run.events.map(tell)).not.toContain('host-connecting b');
  });

  test('in the second batch: the first one is done, the third is not contacted', async () => {
    const run = await runPlaybook(
      '[{hosts: all, serial: 1, tasks: [{command: echo 1}, {command: echo 2}]}]',
      {
        hosts: ['a', 'b', 'c'],
        ...interruptAt('task-finished b'),
      },
    );
    expect(endings(run)).toEqual([
      'a ok: 2 changes made',
      'b interrupted: 1 change made before it stopped',
      'c interrupted: not contacted',
    ]);
    expect(story(run).at(-1)).toBe('stopped all: interrupted');
  });

  test('when everything is done already: no difference', async () => {
    const run = await runPlaybook(
      '[{hosts: all, tasks: [{command: echo 1}]}]',
      interruptAt('host-finished here'),
    );
    expect(endings(run)).toEqual(['here ok: 1 change made']);
  });

  test('in lock step: nobody is left waiting', async () => {
    const run = await runPlaybook(
      '[{hosts: all, any_errors_fatal: true, tasks: [{command: echo 1}, {command: echo 2}]}]',
      { hosts: ['a', 'b'], ...interruptAt('task-finished a') },
    );
    expect(run.recap.map(({ status }) => status)).toEqual(['interrupted', 'interrupted']);
  });

  test('before anything began', async () => {
    const interruption = new AbortController();
    interruption.abort();
    const run = await runPlaybook(SLEEP, { signal: interruption.signal });
    expect(run.events.map(tell)).toEqual(['run-started', 'play-started', 'rollout-stopped', 'run-ended']);
    expect(endings(run)).toEqual(['here interrupted: not contacted']);
  });
});
