// Pauses with a clock that passes as fast as it is asked to, and a person who types what the test says.
import { mkdtempSync, rmSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../src/apply/clock.ts';
import type { Answer, Person, Question } from '../../src/apply/errands/person.ts';
import { DiagnosticError } from '../../src/diagnostic.ts';
import { endings, type PlaybookOptions, runPlaybook, story } from '../support/playbook-run.ts';

/** `passing`: each pause is over at once; `still`: only when it is cut. */
function clockThat(passes: 'passing' | 'still') {
  let nowMs = 0;
  const pauses: number[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    pause: async (ms, cut) => {
      pauses.push(ms);
      if (passes === 'still') {
        await new Promise((resolve) => cut?.addEventListener('abort', resolve));
        return 'interrupted';
      }
      nowMs += ms;
      await turn();
      return 'passed';
    },
  };
  return { clock, pauses };
}

/** Who answers all questions alike; `silent` never types anything. */
function personWho(answer: string | 'silent'): Person & { readonly questions: Question[] } {
  const questions: Question[] = [];
  return {
    questions,
    ask: async (question, cut): Promise<Answer> => {
      questions.push(question);
      if (answer !== 'silent') return { kind: 'said', text: answer };
      if (!cut.aborted) await new Promise((resolve) => cut.addEventListener('abort', resolve));
      return { kind: 'cut' };
    },
  };
}

const play = (args: string, show = 'user_input'): string =>
  `[{hosts: all, tasks: [{name: wait, pause: {${args}}, register: r}, {debug: {msg: "{{r.${show}}}"}}]}]`;

test('time passes once for all hosts, and each knows how long', async () => {
  const { clock, pauses } = clockThat('passing');
  const run = await runPlaybook(play('minutes: 2', 'delta'), { clock, hosts: ['a', 'b'] });
  expect(story(run)).toEqual(['a ok wait', 'a ok debug: 120', 'b ok debug: 120']);
  expect(pauses).toEqual([120_000]);
});

test('its result has the fields that Ansible gives it', async () => {
  const { clock } = clockThat('passing');
  const run = await runPlaybook(play('seconds: 90'), { clock });
  const [finished] = run.events.filter((event) => event.kind === 'task-finished');
  const when = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
  expect(finished?.outcome.fields).toEqual({
    user_input: '',
    start: when,
    stop: when,
    delta: 90,
    echo: true,
    rc: 0,
    stdout: 'Paused for 90 seconds',
    stderr: '',
  });
});

test('a question waits for its answer', async () => {
  const { clock, pauses } = clockThat('still');
  const person = personWho('yes');
  const run = await runPlaybook(play('prompt: go on?, echo: false'), { clock, person, hosts: ['a', 'b'] });
  expect(story(run)).toEqual(['a ok wait', 'a ok debug: yes', 'b ok debug: yes']);
  expect(person.questions).toEqual([{ text: '[wait] go on? (what you type is not shown): ', echo: false }]);
  expect(pauses).toEqual([]);
});

test('without a terminal a question is not waited for, and a time is', async () => {
  const { clock, pauses } = clockThat('passing');
  expect(story(await runPlaybook(play(''), { clock }))).toEqual([
    'here ok wait: went on at once: there is no terminal to wait for an answer at',
    'here ok debug',
  ]);
  expect(pauses).toEqual([]);
  expect(story(await runPlaybook(play('seconds: 5, prompt: x'), { clock }))).toEqual([
    'here ok wait',
    'here ok debug',
  ]);
  expect(pauses).toEqual([5000]);
});

test('Enter ends a time early; what was typed is no input', async () => {
  const { clock } = clockThat('still');
  const person = personWho('typed');
  expect(story(await runPlaybook(play('seconds: 3600'), { clock, person }))).toEqual([
    'here ok wait',
    'here ok debug',
  ]);
  expect(person.questions.map(({ text }) => text)).toEqual([
    '[wait] pausing for 3600 seconds, Enter goes on at once: ',
  ]);
});

test('a time that has passed takes its question away', async () => {
  const { clock } = clockThat('passing');
  const person = personWho('silent');
  expect(story(await runPlaybook(play('seconds: 3, prompt: look', 'delta'), { clock, person }))).toEqual([
    'here ok wait',
    'here ok debug: 3',
  ]);
});

test.each(['', 'seconds: 5'])('an interruption ends it for all (%s)', async (args) => {
  const interruption = new AbortController();
  const { clock } = clockThat('still');
  const options: PlaybookOptions = { clock, signal: interruption.signal, hosts: ['a', 'b'] };
  const running = runPlaybook(play(args), { ...options, person: personWho('silent') });
  setImmediate(() => setImmediate(() => interruption.abort()));
  const run = await running;
  expect(story(run)).toEqual([]);
  expect(endings(run)).toEqual(['a interrupted: not contacted', 'b interrupted: not contacted']);
});

test('it comes when everything before it is done, also in the wave', async () => {
  const { clock } = clockThat('passing');
  const folder = mkdtempSync('/tmp/pause-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const copy = `{copy: {dest: ${folder}/x, content: x}}`;
  const text = `[{hosts: all, tasks: [${copy}, {pause: {seconds: 1}}, {command: echo 2}]}]`;
  const doing: string[] = [];
  await runPlaybook(text, {
    clock,
    onEvent: (event) => {
      if (event.kind === 'host-working') doing.push(`${event.doing} ${event.tasks[0]?.module}`);
      if (event.kind === 'task-finished') doing.push(event.outcome.status);
    },
  });
  expect(doing).toEqual([
    ...['inspecting copy', 'changing copy', 'changed'],
    ...['waiting pause', 'ok', 'changing command', 'changed'],
  ]);
});

test('a failure before it keeps it from happening', async () => {
  const person = personWho('yes');
  const text = `[{hosts: all, tasks: [{fail: {msg: no}}, {pause: {}}]}]`;
  expect(story(await runPlaybook(text, { person }))).toEqual(['here failed fail: no']);
  expect(person.questions).toEqual([]);
});

test('nor does it come before a change of its wave that fails', async () => {
  const person = personWho('yes');
  const text = '[{hosts: all, tasks: [{copy: {dest: /nonexistent/x, content: x}}, {pause: {}}]}]';
  const [failed, ...others] = story(await runPlaybook(text, { person }));
  expect(failed).toMatch(/^here failed copy/);
  expect(others).toEqual([]);
  expect(person.questions).toEqual([]);
});

test('it is over when the terminal is free again', async () => {
  const { clock } = clockThat('passing');
  const order: string[] = [];
  const person: Person = {
    ask: async (_, cut): Promise<Answer> => {
      if (!cut.aborted) await new Promise((resolve) => cut.addEventListener('abort', resolve));
      for (let turns = 0; turns < 20; turns += 1) await turn();
      order.push('free');
      return { kind: 'cut' };
    },
  };
  await runPlaybook(play('seconds: 1'), {
    clock,
    person,
    onEvent: ({ kind }) => kind === 'task-finished' && order.push('told'),
  });
  expect(order).toEqual(['free', 'told', 'told']);
});

test('it pauses in check mode, too, as Ansible does', async () => {
  const { clock, pauses } = clockThat('passing');
  await runPlaybook(play('seconds: 4'), { clock, mode: 'check' });
  expect(pauses).toEqual([4000]);
});

test('two lengths are a mistake before anything runs', async () => {
  await expect(runPlaybook(play('seconds: 1, minutes: 1'))).rejects.toThrow(DiagnosticError);
});
