// Jobs that outlive their session, on this machine's sh: with dash, and with BusyBox and nothing else.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiagnosticError } from '../../src/diagnostic.ts';
import type { Host } from '../../src/host/host.ts';
import { endings, type PlaybookOptions, runPlaybook, story, thisMachine } from '../support/playbook-run.ts';
import { RecordingHost } from '../support/recording-host.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/async-');
});
afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10 }));

const jobs = (): readonly string[] => {
  const folder = join(dir, '.fairlead_async');
  return existsSync(folder) ? readdirSync(folder) : [];
};

/** `JOB` in what is told stands for a job's id. */
async function told(tasks: string, options: PlaybookOptions = {}): Promise<readonly string[]> {
  const text = `[{hosts: all, environment: {HOME: "${dir}"}, tasks: [${tasks}]}]`;
  const run = await runPlaybook(text, options);
  return [...story(run), ...endings(run)].map((line) =>
    line.replaceAll(dir, 'DIR').replace(/j\d{15}/g, 'JOB'),
  );
}

test('a job that is waited for has the result that the module gives it, and leaves nothing', async () => {
  const tasks = `
    {name: job, shell: 'echo out; echo err >&2; pwd; umask', async: 60, poll: 1, register: r},
    {debug: {msg: "{{r.rc}} {{r.stdout}} {{r.stderr}} {{r.cmd}} {{r.finished}} {{r.changed}} {{r.delta}}"}}`;
  expect(await told(tasks)).toEqual([
    'here changed job: run echo out; echo err >&2; pwd; umask',
    `here ok debug: 0 out\n${process.cwd()}\n0022 err echo out; echo err >&2; pwd; umask true true 0`,
    'here ok: 1 change made',
  ]);
  expect(jobs()).toEqual([]);
});

test('one that fails, and one that finds nothing to change', async () => {
  expect(await told("{shell: 'echo no >&2; exit 3', async: 60, poll: 1}")).toEqual([
    'here failed shell: echo no >&2; exit 3 exited 3: no',
    'here failed: what failed may have changed something',
  ]);
  const copy = `{copy: {content: "x\\n", dest: "${dir}/x"}, async: 60, poll: 1}`;
  expect(await told(`${copy}, ${copy}`)).toEqual([
    'here changed copy: create DIR/x, mode 0644',
    'here ok copy',
    'here ok: 1 change made',
  ]);
  expect(readFileSync(join(dir, 'x'), 'utf8')).toBe('x\n');
});

test('fire and forget; async_status is asked until it has finished, and clears it away', async () => {
  execFileSync('mkfifo', [join(dir, 'gate')]);
  const tasks = `
    {name: start, shell: 'cat ${dir}/gate', async: 60, poll: 0, register: job},
    {debug: {msg: "{{job.started}} {{job.finished}} {{job.results_file}}"}},
    {name: ask, async_status: {jid: "{{job.ansible_job_id}}"}, register: first},
    {name: open, shell: 'echo through >${dir}/gate'},
    {name: wait, async_status: {jid: "{{job.ansible_job_id}}"}, register: r, until: r.finished, retries: 50, delay: 0.1},
    {debug: {msg: "{{first.finished}} {{r.stdout}} {{r.rc}} {{r.changed}}"}},
    {name: clear, async_status: {jid: "{{job.ansible_job_id}}", mode: cleanup}, register: c},
    {debug: {msg: "{{c.erased}}"}},
    {name: gone, async_status: {jid: "{{job.ansible_job_id}}"}, ignore_errors: true}`;
  const lines = (await told(tasks)).filter((line) => !line.includes(' again '));
  expect(lines).toEqual([
    'here changed start: started: run cat DIR/gate',
    'here ok debug: true false DIR/.fairlead_async/JOB',
    'here ok ask: it is running',
    'here changed open: run echo through >DIR/gate',
    'here changed wait: run cat DIR/gate',
    'here ok debug: false through 0 true',
    'here ok clear',
    'here ok debug: DIR/.fairlead_async/JOB',
    'here ignored gone: could not find job',
    'here ok: 3 changes made',
  ]);
  expect(jobs()).toEqual([]);
});

test('only its user can read what is kept of it', async () => {
  await told("{command: 'true', async: 60, poll: 0}");
  const mode = (path: string) => (statSync(join(dir, path)).mode & 0o777).toString(8);
  expect([mode('.fairlead_async'), mode(`.fairlead_async/${jobs()[0]}`)]).toEqual(['700', '700']);
});

test('the environment is the task’s, and stays out of the process list', async () => {
  const text = `[{hosts: all, environment: {HOME: "${dir}", WORD: hunter2}, tasks: [
    {shell: 'echo $WORD; cat /proc/$PPID/cmdline; ps -eo args', async: 60, poll: 1, register: r},
    {debug: {msg: "{{r.stdout}}"}}]}]`;
  const [, shown = ''] = story(await runPlaybook(text));
  expect(shown.match(/hunter2/g)).toHaveLength(1);
});

test('what runs too long is ended with everything it has started', async () => {
  const script = `(trap "" TERM; exec sleep 1000) & echo $! >${dir}/pid; wait`;
  const lines = await told(`{name: long, shell: '${script}', async: 1, poll: 1}`);
  expect(lines[0]).toMatch(/^here failed long: not done after [1-5] s: it was ended$/);
  const pid = readFileSync(join(dir, 'pid'), 'utf8').trim();
  // Where nobody has waited for it yet, it is there as a zombie.
  const state = existsSync(`/proc/${pid}/stat`)
    ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2]
    : 'gone';
  expect(['gone', 'Z']).toContain(state);
  expect(jobs()).toEqual([]);
}, 20_000);

test('one that was cleared away while it ran is ended all the same', async () => {
  await told(`{shell: 'echo $$ >${dir}/pid; exec sleep 1000', async: 1, poll: 0, register: job},
    {async_status: {jid: "{{job.ansible_job_id}}", mode: cleanup}}`);
  expect(jobs()).toEqual([]);
  execFileSync('sh', ['-c', `until [ -s ${dir}/pid ]; do :; done`], { timeout: 10_000 });
  const pid = readFileSync(join(dir, 'pid'), 'utf8').trim();
  const isRunning = `[ -e /proc/${pid} ] && ! grep -q '^State:.Z' /proc/${pid}/status`;
  execFileSync('sh', ['-c', `while ${isRunning}; do sleep 0.1; done`], { timeout: 10_000, stdio: 'ignore' });
}, 25_000);

test('a connection that is cut while it runs is made anew, and the job has not noticed', async () => {
  execFileSync('mkfifo', [join(dir, 'gate')]);
  const here = thisMachine('here');
  let looks = 0;
  const cutting: Host = {
    name: 'here',
    connect: () => here.connect(),
    run: async (program, options) => {
      const isLook = program.steps[0]?.id === 'state';
      if (isLook && ++looks === 1) {
        await here.disconnect();
        execFileSync('sh', ['-c', `echo through >${dir}/gate`]);
      }
      return here.run(program, options);
    },
    upload: (file, options) => here.upload(file, options),
    disconnect: () => here.disconnect(),
    close: () => here.close(),
  };
  const host = new RecordingHost(cutting);
  const lines = await told(
    `{shell: 'cat ${dir}/gate', async: 60, poll: 1, register: r}, {debug: {msg: "{{r.stdout}}"}}`,
    {
      hostFor: () => host,
    },
  );
  expect(lines).toEqual([
    'here changed shell: run cat DIR/gate',
    'here ok debug: through',
    'here ok: 1 change made',
  ]);
  expect(host.calls.filter((call) => call === 'connect').length).toBeGreaterThan(1);
});

test('an interruption leaves it alone, and says so', async () => {
  execFileSync('mkfifo', [join(dir, 'gate')]);
  const interruption = new AbortController();
  const lines = await told(`{shell: 'cat ${dir}/gate >${dir}/out', async: 60, poll: 1}`, {
    signal: interruption.signal,
    onEvent: (event) => {
      if (event.kind === 'host-working' && event.doing === 'waiting') interruption.abort();
    },
  });
  expect(lines[0]).toBe('here unknown shell: interrupted while it ran as a job, which goes on: JOB');
  execFileSync('sh', ['-c', `echo through >${dir}/gate; until [ -s ${dir}/out ]; do :; done`], {
    timeout: 10_000,
  });
});

test('old ones are cleared away by the next', async () => {
  const old = join(dir, '.fairlead_async/old');
  const young = join(dir, '.fairlead_async/young');
  for (const folder of [old, young]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'result'), '');
  }
  utimesSync(join(old, 'result'), 1, 1);
  await told("{command: 'true', async: 60, poll: 1}");
  expect(jobs()).toEqual(['young']);
});

test('one whose host went down has no result', async () => {
  const job = join(dir, '.fairlead_async/j1');
  mkdirSync(job, { recursive: true });
  writeFileSync(join(job, 'started'), '1 another-boot 5\n');
  expect(await told('{async_status: {jid: j1}}')).toEqual([
    'here failed async_status: the job ended without a result: its host went down, or somebody killed it',
    'here failed: nothing was changed',
  ]);
});

test('a job of another run is told as it is', async () => {
  await told("{name: a, shell: 'echo out; exit 4', async: 60, poll: 0}");
  const [id] = jobs();
  const task = `{async_status: {jid: ${id}}, register: r, until: r.finished, retries: 50, delay: 0.1}`;
  expect((await told(task)).filter((line) => !line.includes(' again '))).toEqual([
    'here failed async_status: the job exited 4: out',
    'here failed: nothing was changed',
  ]);
});

test('a loop of jobs, asked for one by one', async () => {
  const tasks = `
    {shell: 'echo {{item}}', loop: [a, b], async: 60, poll: 0, register: all},
    {async_status: {jid: "{{item.ansible_job_id}}"}, loop: "{{all.results}}", loop_control: {label: "{{item.item}}"},
     register: r, until: r.finished, retries: 50, delay: 0.1},
    {debug: {msg: "{{r.results.0.stdout}} {{r.results.1.stdout}}"}}`;
  expect((await told(tasks)).filter((line) => !line.includes(' again '))).toEqual([
    'here changed shell (a): started: run echo a',
    'here changed shell (b): started: run echo b',
    'here changed async_status (a): run echo a',
    'here changed async_status (b): run echo b',
    'here ok debug: a b',
    'here ok: 4 changes made',
  ]);
});

test('check mode starts nothing', async () => {
  const tasks = `{command: 'true', async: 60, poll: 0, register: job}, {async_status: {jid: "{{job.ansible_job_id}}"}}`;
  expect(await told(tasks, { mode: 'check' })).toEqual([
    'here would-change command: run true',
    'here skipped async_status: it needs a result that check mode did not produce',
    'here ok: check mode: nothing was changed',
  ]);
  expect(jobs()).toEqual([]);
});

test('async: 0 is no job', async () => {
  expect(await told("{command: 'true', async: 0}, {debug: {msg: x}, async: 0}")).toHaveLength(3);
  expect(existsSync(join(dir, '.fairlead_async'))).toBe(false);
});

test.each(['debug: {msg: x}', 'reboot: {}', 'fetch: {src: /x, dest: y}', 'pause: {}'])(
  '%s cannot be a job',
  async (task) => {
    await expect(told(`{${task}, async: 5}`)).rejects.toThrow(DiagnosticError);
  },
);

test('without a home folder, or without setsid, it says so', async () => {
  const run = (environment: string) =>
    runPlaybook(`[{hosts: all, environment: ${environment}, tasks: [{command: 'true', async: 5}]}]`).then(
      story,
    );
  expect(await run('{HOME: /nonexistent}')).toEqual([
    'here failed command: a job keeps its result in the home folder, and the user has none',
  ]);
  expect(await run(`{HOME: "${dir}", PATH: /nonexistent}`)).toEqual([
    'here failed command: a job needs setsid, which this host has not got',
  ]);
});

describe('with BusyBox alone', () => {
  test('a job runs, is asked for, and is ended when its time is up', async () => {
    const tools = join(dir, 'tools');
    mkdirSync(tools);
    execFileSync('busybox', ['--install', '-s', tools]);
    const environment = `{HOME: "${dir}", PATH: "${tools}"}`;
    const run = await runPlaybook(`[{hosts: all, environment: ${environment}, tasks: [
      {shell: 'echo out; readlink -f /proc/$$/exe', async: 60, poll: 1, register: r, args: {executable: "${tools}/sh"}},
      {debug: {msg: "{{r.stdout}}"}},
      {shell: 'sleep 1000', async: 1, poll: 1, args: {executable: "${tools}/sh"}}]}]`);
    expect(story(run).slice(1)).toEqual([
      expect.stringMatching(/^here ok debug: out\n.*busybox$/),
      expect.stringMatching(/^here failed shell: not done after [1-4] s: it was ended$/),
    ]);
  }, 20_000);
});
