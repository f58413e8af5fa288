// What waits for hosts and brings files from them, with OpenSSH's own sshd, and the real sudo, su and doas.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { SshContext } from '../../src/host/ssh/ssh-context.ts';
import { SshHost } from '../../src/host/ssh/ssh-host.ts';
import { type Account, type Sshd, startSshd } from '../host/sshd.ts';
import { runPlaybook, story } from '../support/playbook-run.ts';
import { RecordingHost } from '../support/recording-host.ts';

let sshd: Sshd;
let login: Account;
let dir = '';

beforeAll(async () => {
  dir = mkdtempSync('/tmp/over-sshd-');
  sshd = await startSshd();
  login = sshd.addAccount('/bin/bash');
  sshd.writeFile(`/etc/sudoers.d/${login.name}`, `${login.name} ALL=(ALL) ALL\n`, 0o440);
  sshd.writeFile('/etc/doas.conf', `permit ${login.name}\n`, 0o400);
}, 30_000);
afterAll(() => {
  sshd.stop();
  rmSync(dir, { recursive: true });
});

function overSsh(): SshHost {
  const context = new SshContext({
    local: { user: 'me', homeDirectory: sshd.folder },
    signal: new AbortController().signal,
    sshConfigPaths: [],
  });
  return new SshHost(
    'edge',
    {
      address: '127.0.0.1',
      port: sshd.port,
      user: login.name,
      privateKeyFiles: [sshd.keyFile],
      sshArguments: `-o UserKnownHostsFile=${sshd.knownHosts}`,
    },
    context,
  );
}

/** Calls `onConnect` with how often the host has been connected to. */
function watched(onConnect: (count: number) => void): Host {
  const host = overSsh();
  let connects = 0;
  return {
    name: host.name,
    connect: async (options) => {
      const outcome = await host.connect(options);
      onConnect(++connects);
      return outcome;
    },
    run: (program, options) => host.run(program, options),
    upload: (file, options) => host.upload(file, options),
    disconnect: () => host.disconnect(),
    close: () => host.close(),
  };
}

const inventory = (variables: object): string =>
  JSON.stringify({ all: { hosts: { edge: { ansible_become_password: login.password, ...variables } } } });

test('a job goes on when sshd has killed its session, and its result is read over a new connection', async () => {
  const gate = `/etc/gate-${login.name}`;
  const text = `[{hosts: all, tasks: [
    {name: sshd, shell: 'ps -o ppid= -p $PPID', register: sshd},
    {name: job, shell: 'kill -KILL {{sshd.stdout}}; until [ -e ${gate} ]; do sleep 0.1; done; echo survived',
     async: 60, poll: 1, register: r},
    {debug: {msg: "{{r.stdout}}"}}]}]`;
  const connects: number[] = [];
  const host = watched((count) => {
    connects.push(count);
    if (count === 3) sshd.writeFile(gate, '', 0o644);
  });
  const run = await runPlaybook(text, { hosts: ['edge'], hostFor: () => host });
  expect(story(run).slice(1)).toEqual([
    expect.stringMatching(/^edge changed job: run kill -KILL/),
    'edge ok debug: survived',
  ]);
  expect(connects.length).toBeGreaterThanOrEqual(3);
}, 30_000);

test('one that nobody waits for outlives the run, as another user too', async () => {
  const files = { 'inventory.yml': inventory({ ansible_become: true }) };
  const start = `[{hosts: all, tasks: [{shell: 'until [ -e /etc/later-${login.name} ]; do sleep 0.1; done; id -un',
    async: 60, poll: 0, register: job}, {debug: {msg: "{{job.ansible_job_id}}"}}]}]`;
  const started = story(await runPlaybook(start, { files, hostFor: overSsh }));
  const [, id] = /^edge ok debug: (j\d+)$/.exec(started[1] ?? '') ?? [];
  expect(id).toBeDefined();
  sshd.writeFile(`/etc/later-${login.name}`, '', 0o644);
  const ask = `[{hosts: all, tasks: [
    {async_status: {jid: ${id}}, register: r, until: r.finished, retries: 50, delay: 0.1},
    {debug: {msg: "{{r.stdout}} {{r.rc}}"}}, {async_status: {jid: ${id}, mode: cleanup}}]}]`;
  const asked = story(await runPlaybook(ask, { files, hostFor: overSsh }));
  expect(asked.filter((line) => !line.includes(' again '))).toEqual([
    expect.stringMatching(/^edge changed async_status/),
    'edge ok debug: root 0',
    'edge ok async_status',
  ]);
}, 30_000);

test.each(['sudo', 'doas'])(
  'any bytes come through %s with a password',
  async (method) => {
    const make = 'head -c 400000 /dev/urandom >/etc/secret; chmod 600 /etc/secret; sha256sum /etc/secret';
    const text = `[{hosts: all, tasks: [
    {shell: '${make}', register: made},
    {fetch: {src: /etc/secret, dest: "${dir}/${method}", flat: true}, register: r},
    {debug: {msg: "{{made.stdout}}"}},
    {fetch: {src: /etc/secret, dest: "${dir}/${method}", flat: true}},
    {fetch: {src: /etc/secret, dest: "${dir}/no"}, become: false}]}]`;
    const files = { 'inventory.yml': inventory({ ansible_become: true, ansible_become_method: method }) };
    const lines = story(await runPlaybook(text, { files, hostFor: overSsh }));
    const sum = createHash('sha256')
      .update(readFileSync(join(dir, method)))
      .digest('hex');
    expect(lines.slice(1)).toEqual([
      `edge changed fetch: fetch ${dir}/${method}`,
      `edge ok debug: ${sum}  /etc/secret`,
      'edge ok fetch',
      'edge failed fetch: /etc/secret cannot be read: Permission denied',
    ]);
  },
  30_000,
);

test('a new connection is made, and the old one dropped, although it is there', async () => {
  const host = new RecordingHost(overSsh());
  const ask = (name: string) =>
    `{shell: 'ps -o ppid= -p $PPID', register: ${name}}, {debug: {msg: "{{${name}.stdout}}"}}`;
  const text = `[{hosts: all, tasks: [${ask('a')}, {wait_for_connection: {timeout: 10}}, ${ask('b')}]}]`;
  const lines = story(await runPlaybook(text, { hosts: ['edge'], hostFor: () => host }));
  expect(lines[2]).toBe('edge ok wait_for_connection');
  expect(lines[1]).not.toBe(lines[4]);
}, 30_000);
