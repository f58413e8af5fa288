// What a host or the network does to a run: nothing of it may reach another host, and nothing may be said that is
// not known.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/event.ts';
import { answering, FakeHost, losing, refusing } from '../../src/host/fake-host.ts';
import type { Host } from '../../src/host/host.ts';
import { LocalHost } from '../../src/host/local-host.ts';
import { endings, runPlaybook, story, thisMachine } from '../support/playbook-run.ts';
import { programsText, RecordingHost } from '../support/recording-host.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/hosts-');
});
afterEach(() => rmSync(dir, { recursive: true }));

const unreachable = { kind: 'unreachable', reason: 'refused', message: 'nobody listens' } as const;

function byName(hosts: Readonly<Record<string, Host>>): (name: string) => Host {
  return (name) => hosts[name] ?? thisMachine(name);
}

describe('a host that cannot be reached', () => {
  test('is told once, is in no later play, and does not keep others from theirs', async () => {
    const gone = new FakeHost({ name: 'gone', connects: [unreachable] });
    const run = await runPlaybook(
      '[{hosts: all, tasks: [{command: "true"}]}, {hosts: all, tasks: [{command: "true"}]}]',
      { hosts: ['gone', 'b'], hostFor: byName({ gone }) },
    );
    expect(story(run)).toEqual([
      'gone unreachable: nobody listens',
      'b changed command: run true',
      'b changed command: run true',
    ]);
    expect(endings(run)).toEqual(['gone unreachable: nothing was changed', 'b ok: 2 changes made']);
    expect(gone.programs).toEqual([]);
  });

  test('counts as failed for any_errors_fatal', async () => {
    const gone = new FakeHost({ name: 'gone', connects: [unreachable] });
    const run = await runPlaybook(
      '[{hosts: all, any_errors_fatal: true, tasks: [{command: echo 1}, {command: echo 2}]}]',
      { hosts: ['gone', 'b'], hostFor: byName({ gone }) },
    );
    expect(story(run)).toEqual([
      'gone unreachable: nobody listens',
      'b changed command: run echo 1',
      'stopped all: gone failed, and any_errors_fatal is set',
    ]);
  });

  test('is not even tried where all its tasks are known here', async () => {
    const gone = new FakeHost({ name: 'gone', connects: [unreachable] });
    const run = await runPlaybook('[{hosts: all, tasks: [{debug: {msg: hi}}, {command: id, when: false}]}]', {
      hosts: ['gone'],
      hostFor: byName({ gone }),
    });
    expect(endings(run)).toEqual(['gone ok: not contacted']);
    expect(gone.events.filter(({ kind }) => kind !== 'close')).toEqual([]);
  });
});

describe('a connection that is lost', () => {
  const text = `
- hosts: all
  tasks:
    - copy: {dest: "DIR/{{inventory_hostname}}.1", content: x}
    - copy: {dest: "DIR/{{inventory_hostname}}.2", content: x}
    - copy: {dest: "DIR/{{inventory_hostname}}.3", content: x}
`;
  /** Probes that find nothing. */
  const absent = answering(() => ({}));

  test('while something is changed: what had ended stands, what ran is unknown, the rest has not begun', async () => {
    const cut = new FakeHost({ name: 'cut', programs: [absent, losing('change-1')] });
    const run = await runPlaybook(text.replaceAll('DIR', dir), {
      hosts: ['cut', 'b'],
      hostFor: byName({ cut }),
    });
    expect(story(run).map((line) => line.replaceAll(dir, ''))).toEqual([
      'cut changed copy: create /cut.1, mode 0644',
      'cut unknown copy: the connection was lost',
      'b changed copy: create /b.1, mode 0644',
      'b changed copy: create /b.2, mode 0644',
      'b changed copy: create /b.3, mode 0644',
    ]);
    expect(endings(run)).toEqual(['cut failed: unknown: cut off during "copy"', 'b ok: 3 changes made']);
    expect(existsSync(join(dir, 'b.3'))).toBe(true);
  });

  test('is not forgiven by ignore_errors: there is no host to go on with', async () => {
    const cut = new FakeHost({ name: 'cut', programs: [absent, losing('change-0')] });
    const run = await runPlaybook(
      `[{hosts: all, ignore_errors: true, tasks: [{copy: {dest: ${dir}/a, content: x}}, {debug: {msg: on}}]}]`,
      { hosts: ['cut'], hostFor: byName({ cut }) },
    );
    expect(story(run)).toEqual(['cut unknown copy: the connection was lost']);
    expect(endings(run)).toEqual(['cut failed: unknown: cut off during "copy"']);
  });

  test('while it was only looked at: nothing was changed', async () => {
    const cut = new FakeHost({ name: 'cut', programs: [losing('files')] });
    const run = await runPlaybook(
      `[{hosts: all, ignore_errors: true, tasks: [{debug: {msg: first}}, {copy: {dest: ${dir}/a, content: x}}]}]`,
      { hosts: ['cut'], hostFor: byName({ cut }) },
    );
    expect(story(run)).toEqual([
      'cut ok debug: first',
      'cut failed copy: the connection was lost, while it was only looked at',
    ]);
    expect(endings(run)).toEqual(['cut failed: nothing was changed']);
  });

  test('behind the last step takes no result with it', async () => {
    const cut = new FakeHost({
      name: 'cut',
      programs: [
        (program) =>
          ({ ...losing('')(program, {}), during: undefined }) as ReturnType<ReturnType<typeof losing>>,
        answering(() => ({ stdout: 'on' })),
      ],
    });
    const run = await runPlaybook('[{hosts: all, tasks: [{command: echo 1}, {command: echo 2}]}]', {
      hosts: ['cut'],
      hostFor: byName({ cut }),
    });
    expect(endings(run)).toEqual(['cut ok: 2 changes made']);
  });

  test('a shell that dies on a real machine', async () => {
    const run = await runPlaybook(
      '[{hosts: all, tasks: [{command: echo 1}, {shell: "kill -9 $PPID"}, {debug: {msg: on}}]}]',
    );
    expect(story(run)).toEqual([
      'here changed command: run echo 1',
      'here unknown shell: the shell ended with status 137 before the program was done',
    ]);
  });

  test('a command that hangs is ended by the time limit of its task, and the host is there to go on with', async () => {
    const run = await runPlaybook(
      '[{hosts: all, tasks: [{command: sleep 60, timeout: 1, ignore_errors: true}, {debug: {msg: on}}]}]',
    );
    expect(story(run)).toEqual([
      'here ignored command: not done within 1 s; its processes were killed',
      'here ok debug: on',
    ]);
    expect(endings(run)).toEqual(['here ok: nothing was changed']);
  });

  test('an inspection that hangs is a failure that can be ignored', async () => {
    const killed = {
      kind: 'lost',
      reason: 'killed',
      message: 'not done',
      during: 'files',
      steps: new Map(),
    } as const;
    const slow = new FakeHost({
      name: 'slow',
      programs: [() => killed, answering(() => ({ stdout: 'pong' }))],
    });
    const run = await runPlaybook(
      `[{hosts: all, tasks: [{copy: {dest: ${dir}/a, content: x}, ignore_errors: true}, {debug: {msg: on}}]}]`,
      { hosts: ['slow'], hostFor: byName({ slow }) },
    );
    expect(story(run)).toEqual([
      'slow ignored copy: not done, while it was only looked at',
      'slow ok debug: on',
    ]);
  });
});

describe('a host that refuses to run anything', () => {
  test('fails at its first task', async () => {
    const closed = new FakeHost({ name: 'closed', programs: [refusing('sudo: a password is required')] });
    const run = await runPlaybook('[{hosts: all, become: true, tasks: [{ping: }, {command: id}]}]', {
      hosts: ['closed'],
      hostFor: byName({ closed }),
    });
    expect(story(run)).toEqual(['closed failed ping: sudo: a password is required']);
    expect(endings(run)).toEqual(['closed failed: nothing was changed']);
  });

  test('each task on its own, where errors are ignored', async () => {
    const closed = new FakeHost({ name: 'closed', programs: [refusing('no')] });
    const run = await runPlaybook(
      `[{hosts: all, ignore_errors: true, tasks: [{ping: }, {ping: }, {copy: {dest: ${dir}/a, content: x}}]}]`,
      { hosts: ['closed'], hostFor: byName({ closed }) },
    );
    expect(story(run)).toEqual([
      'closed ignored ping: no',
      'closed ignored ping: no',
      'closed ignored copy: no',
    ]);
  });

  test('the right become password goes on stdin, a wrong one is a failure', async () => {
    const files = {
      'inventory.yml': 'all: {hosts: {here: {ansible_become_password: wrong, ansible_become_user: nobody}}}',
    };
    const programs = [refusing('sudo: incorrect password')];
    const here = new FakeHost({ name: 'here', programs });
    await runPlaybook('[{hosts: all, become: true, tasks: [{command: id}]}]', {
      files,
      hostFor: () => here,
    });
    const [run] = here.events.filter((event) => event.kind === 'run');
    expect(run?.options.become).toMatchObject({ method: 'sudo', user: 'nobody' });
    expect(run?.options.become?.password?.reveal()).toBe('wrong');
    expect(JSON.stringify(run)).not.toContain('wrong');
  });
});

test('--forks is also how many connections are open: a host that is done lets go before the next one connects', async () => {
  const calls: string[] = [];
  class Watched extends FakeHost {
    override async connect() {
      calls.push(`${this.name} connect`);
      return super.connect();
    }
    override async close() {
      calls.push(`${this.name} close`);
      return super.close();
    }
  }
  await runPlaybook('[{hosts: all, tasks: [{command: echo 1}]}]', {
    hosts: ['a', 'b'],
    forks: 1,
    hostFor: (name) => new Watched({ name }),
  });
  expect(calls.slice(0, 4)).toEqual(['a connect', 'a close', 'b connect', 'b close']);
});

describe('content too large for a program', () => {
  const large = 'x'.repeat(300_000);
  const text = (first: string) =>
    JSON.stringify([
      {
        hosts: 'all',
        tasks: [first === '' ? { debug: { msg: 'hi' } } : { copy: { dest: first, content: 'a' } }],
      },
      { hosts: 'all', tasks: [{ copy: { dest: 'DIR/large', src: 'large' } }] },
    ]).replaceAll('DIR', dir);

  test('is sent before the program that puts it in its place', async () => {
    const here = new RecordingHost(thisMachine('here'));
    const files = { 'files/large': large };
    const run = await runPlaybook(text(''), { files, hostFor: () => here });
    expect(endings(run)).toEqual(['here ok: 1 change made']);
    expect(here.calls.filter((call) => call === 'upload')).toHaveLength(1);
    expect(existsSync(join(dir, 'large'))).toBe(true);
  });

  test('does not overtake changes of earlier tasks', async () => {
    const here = new RecordingHost(thisMachine('here'));
    const playbook = JSON.stringify([
      {
        hosts: 'all',
        tasks: [
          { copy: { dest: `${dir}/small`, content: 'a' } },
          { copy: { dest: `${dir}/large`, src: 'large' } },
        ],
      },
    ]);
    await runPlaybook(playbook, { files: { 'files/large': large }, hostFor: () => here });
    expect(programsText(here.programs)).toBe('look, change 1, look, change 1');
  });

  test('that cannot be sent is a failure of its task, before anything else of it runs', async () => {
    class Full extends LocalHost {
      override async upload(): ReturnType<Host['upload']> {
        const outcome = {
          kind: 'exited',
          exitCode: 1,
          stdout: '',
          stderr: 'No space left on device\n',
        } as const;
        return { kind: 'finished', steps: new Map([['upload', outcome]]) };
      }
    }
    const here = new RecordingHost(
      new Full({ name: 'here', user: 'root', signal: new AbortController().signal }),
    );
    const run = await runPlaybook(text(''), { files: { 'files/large': large }, hostFor: () => here });
    expect(story(run).map((line) => line.replaceAll(dir, 'DIR'))).toEqual([
      'here ok debug: hi',
      'here failed copy: its content cannot be written to DIR, what was there before still is: No space left on device',
    ]);
    expect(programsText(here.programs)).toBe('look');
  });
});

describe('facts', () => {
  const gathered = (events: readonly RunEvent[]) =>
    events.flatMap((event) => (event.kind === 'facts-gathered' ? [event.facts.hostname] : []));

  test('are only asked for where somebody needs them', async () => {
    const here = new RecordingHost(thisMachine('here'));
    const run = await runPlaybook('[{hosts: all, tasks: [{ping: }]}]', { hostFor: () => here });
    expect(gathered(run.events)).toEqual([]);
    expect(programsText(here.programs)).toBe('look');
  });

  test.each([
    ['a task names them', '[{hosts: all, tasks: [{debug: {msg: "{{facts.hostname}}"}}]}]'],
    [
      'a variable names them',
      '[{hosts: all, vars: {n: "{{facts.hostname}}"}, tasks: [{debug: {msg: "{{n}}"}}]}]',
    ],
    ['a condition names them', '[{hosts: all, tasks: [{debug: {msg: x}, when: facts.cpus > 0}]}]'],
    [
      'a handler names them',
      '[{hosts: all, tasks: [{command: id, notify: h}], handlers: [{name: h, debug: {msg: "{{facts.hostname}}"}}]}]',
    ],
    ['gather_facts is true', '[{hosts: all, gather_facts: true, tasks: [{ping: }]}]'],
  ])('are gathered once per play when %s', async (_, text) => {
    const run = await runPlaybook(text);
    expect(gathered(run.events)).toHaveLength(1);
    expect(run.recap).toMatchObject([{ status: 'ok' }]);
  });

  test('that cannot be gathered are a failure', async () => {
    const here = new FakeHost({
      name: 'here',
      programs: [answering(() => ({ exitCode: 2, stderr: 'no such thing\n' }))],
    });
    const run = await runPlaybook('[{hosts: all, gather_facts: true, tasks: [{ping: }]}]', {
      hostFor: () => here,
    });
    expect(story(run)).toEqual(['here failed gathering facts: no such thing']);
  });
});
