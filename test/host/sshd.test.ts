// The true thing: OpenSSH's sshd, and becoming somebody else by the real sudo, su and doas.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Become } from '../../src/host/host.ts';
import type { ConnectionSettings } from '../../src/host/ssh/connection-settings.ts';
import { SshContext } from '../../src/host/ssh/ssh-context.ts';
import { SshHost } from '../../src/host/ssh/ssh-host.ts';
import { Secret } from '../../src/secret.ts';
import { exited, program, stdout, steps } from './programs.ts';
import { type Account, type Sshd, startSshd } from './sshd.ts';

let sshd: Sshd;
let login: Account;
let other: Account;
let stranger: Account;
const hosts: SshHost[] = [];

beforeAll(async () => {
  sshd = await startSshd(['MaxSessions 3']);
  login = sshd.addAccount('/bin/bash');
  other = sshd.addAccount();
  stranger = sshd.addAccount();
  const sudoers = `${login.name} ALL=(ALL) ALL\n${stranger.name} ALL=(${other.name}) NOPASSWD: ALL\n`;
  sshd.writeFile(`/etc/sudoers.d/${login.name}`, sudoers, 0o440);
  const doas = `permit ${login.name}\npermit nopass ${stranger.name} as ${other.name}\n`;
  sshd.writeFile('/etc/doas.conf', doas, 0o400);
}, 30_000);
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});
afterAll(() => sshd.stop());

async function connect(user: string, settings: ConnectionSettings = {}): Promise<SshHost> {
  const context = new SshContext({
    local: { user: 'me', homeDirectory: sshd.folder },
    signal: new AbortController().signal,
    sshConfigPaths: [],
  });
  const reach: ConnectionSettings = {
    address: '127.0.0.1',
    port: sshd.port,
    user,
    privateKeyFiles: [sshd.keyFile],
    sshArguments: `-o UserKnownHostsFile=${sshd.knownHosts}`,
  };
  const host = new SshHost('real', { ...reach, ...settings }, context);
  hosts.push(host);
  expect(await host.connect()).toEqual({ kind: 'connected' });
  return host;
}

function through(method: Become['method'], user: string, password?: string): { readonly become: Become } {
  return { become: { method, user, ...(password !== undefined && { password: new Secret(password) }) } };
}

test('programs run as the login user, whose shell is bash', async () => {
  const host = await connect(login.name);
  const outcome = await host.run(program('id -un; pwd', 'echo "$PATH"; exit 5'));
  expect(steps(outcome)).toEqual([
    exited(0, `${login.name}\n/home/${login.name}\n`),
    exited(5, expect.stringMatching(/^\/usr\/local\/sbin:.*:\/sbin:\/bin:/) as unknown as string),
  ]);
});

test('a password lets us in', async () => {
  const host = await connect(login.name, { privateKeyFiles: [], password: new Secret(login.password) });
  expect(stdout(await host.run(program('id -un')))).toBe(`${login.name}\n`);
});

describe.each(['sudo', 'su', 'doas'] as const)('%s', (method) => {
  const user = () => (method === 'su' ? other.name : 'root');
  const password = () => (method === 'su' ? other.password : login.password);

  test('becomes the user once, by the password, which no process list shows', async () => {
    const host = await connect(login.name);
    const become = through(method, user(), password());
    const outcome = await host.run(
      program('id -un; ps -eo args', 'echo "it\'s fine"; echo to stderr >&2'),
      become,
    );
    const [first, second] = steps(outcome);
    if (first?.kind !== 'exited') throw new Error(JSON.stringify(outcome));
    expect(first.stdout.split('\n')[0]).toBe(user());
    expect(first.stdout).not.toContain(password());
    expect(second).toEqual(
      method === 'doas' ? exited(0, "it's fine\nto stderr\n") : exited(0, "it's fine\n", 'to stderr\n'),
    );
    const shells = await Promise.all([1, 2].map(() => host.run(program('echo $$'), become)));
    expect(new Set(shells.map(stdout)).size).toBe(1);
    expect(stdout(await host.run(program('id -un')))).toBe(`${login.name}\n`);
  });

  test('takes large programs and large output byte for byte', async () => {
    const host = await connect(login.name);
    const text = "it's 8 bit: äöü \t\x01\x03\x04\x11\x13\x1a\x7f\r\n".repeat(3000);
    const script = `cat <<'END'\n${text}END`;
    expect(stdout(await host.run(program(script), through(method, user(), password())))).toBe(text);
  });

  test('refuses a wrong password, and nothing has run', async () => {
    const host = await connect(login.name);
    const outcome = await host.run(program('echo never'), through(method, user(), 'wrong'));
    expect(outcome).toEqual({
      kind: 'refused',
      message: `${method} did not accept the password`,
      hint: 'check ansible_become_password',
    });
    expect(stdout(await host.run(program('id -un')))).toBe(`${login.name}\n`);
  }, 15_000);

  test('says so where a password is wanted and none was given', async () => {
    const host = await connect(login.name);
    expect(await host.run(program('echo never'), through(method, user()))).toEqual({
      kind: 'refused',
      message: `${method} wants a password to become ${user()}, and none was given`,
      hint: 'set ansible_become_password',
    });
  });

  test('uploads as the user', async () => {
    const host = await connect(login.name);
    const become = through(method, user(), password());
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256));
    const path = `/tmp/${login.name} ${method}`;
    expect(steps(await host.upload({ path, bytes }, become))).toEqual([exited(0)]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(stdout(await host.run(program(`stat -c %U '${path}'; rm '${path}'`), become))).toBe(`${user()}\n`);
  });

  test('kills a program of the user that hangs', async () => {
    const host = await connect(login.name);
    const become = through(method, user(), password());
    const file = join('/tmp', `${login.name}-${method}-pid`);
    const outcome = await host.run(program(`echo $$ >${file}; exec sleep 300`), {
      ...become,
      timeoutMs: 500,
    });
    expect(outcome).toMatchObject({
      kind: 'lost',
      message: 'not done within 0.5 s; its processes were killed',
    });
    const check = program(`ps -o stat= -p "$(cat ${file})" | grep -v Z || echo gone; rm ${file}`);
    expect(stdout(await host.run(check, become))).toBe('gone\n');
  }, 15_000);
});

test.each(['sudo', 'doas'] as const)('%s without a password waits for nothing', async (method) => {
  const host = await connect(stranger.name);
  expect(stdout(await host.run(program('id -un'), through(method, other.name)))).toBe(`${other.name}\n`);
});

test('sudo says why it does not want to', async () => {
  const host = await connect(stranger.name);
  const outcome = await host.run(program('echo never'), through('sudo', 'root', stranger.password));
  expect(outcome).toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/^sudo failed.*not allowed/),
  });
});

test('to become the login user is to do nothing', async () => {
  const host = await connect('root');
  expect(stdout(await host.run(program('id -un'), through('sudo', 'root', 'any')))).toBe('root\n');
});

test('one identity too many for MaxSessions is refused', async () => {
  const host = await connect('root');
  for (const user of [login.name, other.name, stranger.name]) {
    expect(stdout(await host.run(program('id -un'), through('sudo', user)))).toBe(`${user}\n`);
  }
  expect(await host.run(program('id -un'))).toMatchObject({
    kind: 'refused',
    hint: expect.stringContaining('MaxSessions'),
  });
});
