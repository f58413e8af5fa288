import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConnectionSettings } from '../../src/host/ssh/connection-settings.ts';
import { SshContext, type SshContextOptions } from '../../src/host/ssh/ssh-context.ts';
import { SshHost } from '../../src/host/ssh/ssh-host.ts';
import { Secret } from '../../src/secret.ts';
import { exited, program, stdout, steps } from './programs.ts';
import {
  freePort,
  newKey,
  type ServerOptions,
  startServer,
  startSilentServer,
  type TestKey,
  type TestServer,
} from './ssh-server.ts';

const userKey = newKey();
let home: string;
let knownHosts: string;
let abort: AbortController;
let cleanUp: (() => unknown)[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ssh-host-'));
  knownHosts = join(home, 'known_hosts');
  writeFileSync(join(home, 'key'), userKey.private, { mode: 0o600 });
  abort = new AbortController();
  cleanUp = [() => rmSync(home, { recursive: true })];
});
afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
});

async function serve(options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer(options);
  cleanUp.push(() => server.close());
  return server;
}

function context(options: Partial<SshContextOptions> = {}): SshContext {
  return new SshContext({
    local: { user: 'me', homeDirectory: home },
    signal: abort.signal,
    sshConfigPaths: [join(home, 'config')],
    ...options,
  });
}

function hostAt(port: number, settings: ConnectionSettings = {}, shared = context()): SshHost {
  const host = new SshHost(
    'edge-1',
    {
      address: '127.0.0.1',
      port,
      user: 'tester',
      privateKeyFiles: [join(home, 'key')],
      sshArguments: `-o UserKnownHostsFile=${knownHosts}`,
      ...settings,
    },
    shared,
  );
  cleanUp.push(() => host.close());
  return host;
}

function know(port: number, key: TestKey, prefix = ''): void {
  writeFileSync(knownHosts, `${prefix}[127.0.0.1]:${port} ${key.public}\n`, { flag: 'a' });
}

async function connected(
  options: ServerOptions = {},
  settings: ConnectionSettings = {},
): Promise<[SshHost, TestServer]> {
  const server = await serve(options);
  know(server.port, server.hostKey);
  const host = hostAt(server.port, settings);
  expect(await host.connect()).toEqual({ kind: 'connected' });
  return [host, server];
}

function sha256(key: TestKey): string {
  const digest = createHash('sha256').update(Buffer.from(key.public.split(' ')[1] ?? '', 'base64'));
  return `SHA256:${digest.digest('base64').replace(/=+$/, '')}`;
}

describe('a host that is reached', () => {
  test.each([
    ['/bin/sh', ['/bin/sh', '-c']],
    ['BusyBox', ['busybox', 'sh', '-c']],
    ['bash', ['bash', '-c']],
  ])('runs programs where the login shell is %s', async (_, loginShell) => {
    const [host, server] = await connected({ loginShell });
    const outcome = await host.run(program('echo one; echo oops >&2', 'exit 3', 'echo never'));
    expect(steps(outcome)).toEqual([exited(0, 'one\n', 'oops\n'), exited(3), { kind: 'skipped' }]);
    expect(stdout(await host.run(program('echo two')))).toBe('two\n');
    expect(server.events).toEqual(['connection', 'auth publickey', 'auth publickey', 'exec']);
  });

  test('answers a second connect at once, and two at the same time with one connection', async () => {
    const server = await serve();
    know(server.port, server.hostKey);
    const host = hostAt(server.port);
    await Promise.all([host.connect(), host.connect()]);
    await host.connect();
    expect(server.events.filter((event) => event === 'connection')).toEqual(['connection']);
  });

  test('is connected to anew after disconnect', async () => {
    const [host, server] = await connected();
    const before = stdout(await host.run(program('echo $$')));
    await host.disconnect();
    expect(await host.run(program('echo never'))).toEqual({ kind: 'refused', message: 'not connected' });
    expect(await host.connect()).toEqual({ kind: 'connected' });
    expect(stdout(await host.run(program('echo $$')))).not.toBe(before);
    expect(server.events.filter((event) => event === 'connection').length).toBe(2);
  });

  test('takes an upload, and says where one does not fit', async () => {
    const [host] = await connected();
    const bytes = Buffer.alloc(3_000_000, 'abc\0\xff', 'latin1');
    const path = join(home, "it's here");
    expect(steps(await host.upload({ path, bytes }))).toEqual([exited(0)]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const [failed] = steps(await host.upload({ path: join(home, 'no', 'such'), bytes }));
    expect(failed).toMatchObject({ kind: 'exited', stderr: expect.stringMatching(/nonexistent|No such/) });
    expect(failed).not.toMatchObject({ exitCode: 0 });
  });

  test('takes an RSA key, and verifies the host by its RSA key when that is the one we know', async () => {
    const rsa = newKey('rsa');
    writeFileSync(join(home, 'key'), rsa.private);
    const server = await serve({ hostKeys: [newKey(), rsa] });
    know(server.port, rsa);
    const host = hostAt(server.port);
    expect(await host.connect()).toEqual({ kind: 'connected' });
    expect(stdout(await host.run(program('echo hello')))).toBe('hello\n');
  });

  test.each(['password', 'keyboard-interactive'] as const)('lets us in by %s', async (method) => {
    const letIn: ServerOptions['letIn'] = (auth) => {
      if (auth.method !== method) return false;
      if (auth.method === 'password') return auth.password === 'open sesame';
      if (auth.method === 'keyboard-interactive') {
        auth.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
          if (answers[0] === 'open sesame') auth.accept();
          else auth.reject(['keyboard-interactive']);
        });
      }
      return false;
    };
    if (method === 'password') {
      await connected({ letIn, methods: [method] }, { password: new Secret('open sesame') });
      return;
    }
    // The prompt is answered later, so that `letIn` must not reject before: a server of its own.
    const hostKey = newKey();
    const server = new ssh2.Server({ hostKeys: [hostKey.private] }, (client) => {
      client.on('error', () => {});
      client.on('authentication', (auth) => {
        if (auth.method !== 'keyboard-interactive') return auth.reject(['keyboard-interactive']);
        auth.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
          if (answers[0] === 'open sesame') auth.accept();
          else auth.reject(['keyboard-interactive']);
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => server.close());
    const { port } = server.address() as { port: number };
    know(port, hostKey);
    const right = hostAt(port, { password: new Secret('open sesame') });
    expect(await right.connect()).toEqual({ kind: 'connected' });
    expect(await hostAt(port, { password: new Secret('wrong') }).connect()).toMatchObject({
      reason: 'authentication',
    });
  });
});

describe('a host that cannot be reached', () => {
  test('because nobody listens', async () => {
    const port = await freePort();
    expect(await hostAt(port).connect()).toEqual({
      kind: 'unreachable',
      reason: 'refused',
      message: `127.0.0.1:${port} refused the connection`,
      hint: 'is sshd running, and on this port?',
    });
  });

  test('because its name does not resolve', async () => {
    const host = hostAt(22, { address: 'edge-1.invalid' });
    expect(await host.connect()).toMatchObject({
      kind: 'unreachable',
      reason: 'address',
      message: 'the name "edge-1.invalid" does not resolve',
    });
  });

  test('because it accepts the connection and then says nothing', async () => {
    const server = await startSilentServer();
    cleanUp.push(() => server.close());
    expect(await hostAt(server.port, { timeouts: { connectMs: 200 } }).connect()).toEqual({
      kind: 'unreachable',
      reason: 'timeout',
      message: `127.0.0.1:${server.port} accepts connections but did not finish the SSH handshake within 0.2 s`,
    });
  });

  test('because we are interrupted', async () => {
    const server = await startSilentServer();
    cleanUp.push(() => server.close());
    const connecting = hostAt(server.port).connect();
    setTimeout(() => abort.abort(), 50);
    expect(await connecting).toMatchObject({ kind: 'unreachable', reason: 'interrupted' });
    expect(await hostAt(server.port).connect()).toMatchObject({ kind: 'unreachable', reason: 'interrupted' });
  });

  test('because the password is wrong', async () => {
    const server = await serve({ letIn: () => false, methods: ['publickey', 'password'] });
    know(server.port, server.hostKey);
    const host = hostAt(server.port, { password: new Secret('wrong') });
    expect(await host.connect()).toEqual({
      kind: 'unreachable',
      reason: 'authentication',
      message: `user "tester" was not let in: tried key ${home}/key, password; the server takes publickey, password`,
      hint: 'check the user name, and that its authorized_keys has one of these keys',
    });
  });

  test('because there is nothing to offer', async () => {
    const server = await serve({ letIn: () => false, methods: ['publickey'] });
    know(server.port, server.hostKey);
    const host = hostAt(server.port, { privateKeyFiles: [] });
    expect(await host.connect()).toMatchObject({
      reason: 'authentication',
      message: 'user "tester" was not let in: nothing to offer; the server takes publickey',
      hint: 'set ansible_ssh_private_key_file or ansible_password, or start an agent',
    });
  });

  test.each([
    ['is not there', undefined, 'is not there', undefined],
    ['is not a key', 'rubbish', 'cannot be used: not a private key in a known format', undefined],
    [
      'is encrypted',
      ssh2.utils.generateKeyPairSync('ed25519', { passphrase: 'secret', cipher: 'aes256-ctr', rounds: 1 })
        .private,
      'is encrypted, and there is no passphrase for it',
      'give the key to the agent with\n    ssh-add',
    ],
  ])('because the only key file %s; then nothing is sent', async (_, text, message, hint) => {
    const server = await serve();
    know(server.port, server.hostKey);
    const path = join(home, 'other');
    if (text !== undefined) writeFileSync(path, text);
    const host = hostAt(server.port, { privateKeyFiles: [path] });
    expect(await host.connect()).toEqual({
      kind: 'unreachable',
      reason: 'key-file',
      message: `key file ${path} ${message}`,
      ...(hint && { hint: `${hint} ${path}` }),
    });
    expect(server.events).toEqual([]);
  });

  test('an encrypted key file opens with its passphrase, and only with that', async () => {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', {
      passphrase: 'secret',
      cipher: 'aes256-ctr',
      rounds: 1,
    });
    const server = await serve();
    know(server.port, server.hostKey);
    writeFileSync(join(home, 'locked'), pair.private);
    const privateKeyFiles = [join(home, 'locked')];
    const right = hostAt(server.port, { privateKeyFiles, privateKeyPassphrase: new Secret('secret') });
    expect(await right.connect()).toEqual({ kind: 'connected' });
    const wrong = hostAt(server.port, { privateKeyFiles, privateKeyPassphrase: new Secret('guess') });
    expect(await wrong.connect()).toMatchObject({
      message: expect.stringContaining('the passphrase is wrong'),
    });
  });
});

describe('a host key that is not accepted ends it before any authentication:', () => {
  test('unknown', async () => {
    const server = await serve();
    expect(await hostAt(server.port).connect()).toEqual({
      kind: 'unreachable',
      reason: 'host-key-unknown',
      message: `the host key of 127.0.0.1:${server.port} is not known: ED25519 ${sha256(server.hostKey)}`,
      hint: `compare the fingerprint, then run with --host-key accept-new, or connect once with\n    ssh -p ${server.port} tester@127.0.0.1`,
    });
    await sawNoMoreThanTheConnection(server);
  });

  test.each(['strict', 'accept-new'] as const)('changed, policy %s', async (hostKeyPolicy) => {
    const server = await serve();
    const old = newKey();
    writeFileSync(knownHosts, '# old friends\n');
    know(server.port, old);
    expect(await hostAt(server.port, { hostKeyPolicy }).connect()).toEqual({
      kind: 'unreachable',
      reason: 'host-key-changed',
      message: `the host key of 127.0.0.1:${server.port} has changed: it shows ED25519 ${sha256(server.hostKey)}, ${knownHosts}:2 has ${sha256(old)}`,
      hint: `somebody may be in between; if the host was reinstalled, remove the old key with\n    ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${knownHosts}`,
    });
    await sawNoMoreThanTheConnection(server);
  });

  test.each(['strict', 'accept-new'] as const)('revoked, policy %s', async (hostKeyPolicy) => {
    const server = await serve();
    know(server.port, server.hostKey, '@revoked ');
    know(server.port, server.hostKey);
    expect(await hostAt(server.port, { hostKeyPolicy }).connect()).toEqual({
      kind: 'unreachable',
      reason: 'host-key-revoked',
      message: `the host key of 127.0.0.1:${server.port} is revoked at ${knownHosts}:1: ED25519 ${sha256(server.hostKey)}`,
    });
    await sawNoMoreThanTheConnection(server);
  });

  test('of another type than the known ones, also under accept-new', async () => {
    const server = await serve();
    know(server.port, newKey('rsa'));
    expect(await hostAt(server.port, { hostKeyPolicy: 'accept-new' }).connect()).toMatchObject({
      reason: 'host-key-unknown',
      message: expect.stringContaining('; known is RSA'),
    });
    await sawNoMoreThanTheConnection(server);
  });
});

describe('the host key policy', () => {
  test('accept-new writes a key once, with mode 0600, and knows it afterwards', async () => {
    knownHosts = join(home, 'new', 'known_hosts');
    const server = await serve();
    const shared = context();
    const accepting = { hostKeyPolicy: 'accept-new' } as const;
    const hosts = [1, 2, 3].map(() => hostAt(server.port, accepting, shared));
    for (const outcome of await Promise.all(hosts.map((host) => host.connect()))) {
      expect(outcome).toEqual({ kind: 'connected' });
    }
    const line = `[127.0.0.1]:${server.port} ${server.hostKey.public}\n`;
    expect(readFileSync(knownHosts, 'utf8')).toBe(line);
    expect(statSync(knownHosts).mode & 0o777).toBe(0o600);
    expect(await hostAt(server.port).connect()).toEqual({ kind: 'connected' });
    expect(readFileSync(knownHosts, 'utf8')).toBe(line);
  });

  test('accept-new does not go on where the key cannot be written down', async () => {
    knownHosts = join(home, 'key', 'known_hosts'); // below a file
    const server = await serve();
    expect(await hostAt(server.port, { hostKeyPolicy: 'accept-new' }).connect()).toMatchObject({
      reason: 'host-key-unknown',
      message: expect.stringContaining('cannot be added to known_hosts: '),
    });
  });

  test('off takes any key', async () => {
    const server = await serve();
    know(server.port, newKey());
    expect(await hostAt(server.port, { hostKeyPolicy: 'off' }).connect()).toEqual({ kind: 'connected' });
  });
});

describe('a program on a host', () => {
  test('that is cut off keeps the steps that had ended', async () => {
    const [host, server] = await connected();
    const file = join(home, 'started');
    const running = host.run(program('echo done', `echo x >${file}; sleep 60`, 'echo never'));
    await settled(() => existsSync(file));
    server.cut();
    expect(await running).toEqual({
      kind: 'lost',
      reason: 'connection',
      message: 'the host closed the connection',
      during: 's1',
      steps: new Map([['s0', exited(0, 'done\n')]]),
    });
    expect(await host.run(program('echo never'))).toEqual({
      kind: 'refused',
      message: 'not connected: the host closed the connection',
    });
    expect(await host.connect()).toEqual({ kind: 'connected' });
    expect(stdout(await host.run(program('echo back')))).toBe('back\n');
  });

  test('that is cut off before its first step is lost, not refused: it may have begun', async () => {
    const [host] = await connected({ mute: true, onInput: (cut) => cut() });
    expect(await host.run(program('echo done'))).toEqual({
      kind: 'lost',
      reason: 'connection',
      message: 'the host closed the connection',
      during: undefined,
      steps: new Map(),
    });
  });

  test('that hangs is killed, and the next one has a new session on the same connection', async () => {
    const [host, server] = await connected();
    const outcome = await host.run(program('echo done', 'sleep 300'), { timeoutMs: 300 });
    expect(outcome).toEqual({
      kind: 'lost',
      reason: 'killed',
      message: 'not done within 0.3 s; its processes were killed',
      during: 's1',
      steps: new Map([['s0', exited(0, 'done\n')]]),
    });
    expect(stdout(await host.run(program('echo anew')))).toBe('anew\n');
    expect(server.events.filter((event) => event === 'connection')).toEqual(['connection']);
    expect(server.events.filter((event) => event === 'exec').length).toBe(3); // session, kill, session
  });

  test('is lost where the shell never says a word', async () => {
    const [host] = await connected({ mute: true }, { timeouts: { openMs: 200 } });
    expect(await host.run(program('echo never'))).toEqual({
      kind: 'lost',
      reason: 'timeout',
      message: 'the shell said nothing within 0.2 s',
      during: undefined,
      steps: new Map(),
    });
  });

  test('is refused where the account has no shell', async () => {
    const [host] = await connected({
      loginShell: ['sh', '-c', 'echo This account is not available; exit 1'],
    });
    expect(await host.run(program('echo never'))).toEqual({
      kind: 'refused',
      message: '/bin/sh did not start (status 1): This account is not available',
    });
  });

  test('is refused where the server opens no channel', async () => {
    const [host] = await connected({ maxSessions: 0 });
    expect(await host.run(program('echo never'))).toEqual({
      kind: 'refused',
      message: expect.stringMatching(/^the host opened no channel: /),
      hint: 'each identity (become_user) holds a channel; see MaxSessions in its sshd_config',
    });
  });

  test('ends as interrupted when the run is', async () => {
    const [host] = await connected();
    const begun = join(home, 'begun');
    const running = host.run(program('echo done', `: >${begun}; sleep 60`));
    await vi.waitUntil(() => existsSync(begun), { timeout: 10_000 });
    abort.abort();
    expect(await running).toMatchObject({
      kind: 'lost',
      reason: 'interrupted',
      message: expect.stringMatching(/^interrupted; its processes (were|are being) killed$/),
    });
  });

  test('is lost as idle when keepalives stay without an answer', async () => {
    const [host, server] = await connected({}, { timeouts: { keepaliveIntervalMs: 50, keepaliveCount: 2 } });
    stdout(await host.run(program('echo warm')));
    server.freeze();
    expect(await host.run(program('echo never'))).toMatchObject({
      kind: 'lost',
      reason: 'idle',
      message: 'the host no longer answers keepalives',
    });
  });
});

describe('jump hosts', () => {
  test('two hops, each verified by its own name, and one connection to each for all targets', async () => {
    const [outer, inner, target] = [await serve(), await serve(), await serve()];
    for (const server of [outer, inner, target]) know(server.port, server.hostKey);
    const shared = context();
    const sshArguments = `-o UserKnownHostsFile=${knownHosts} -J tester@127.0.0.1:${outer.port},tester@127.0.0.1:${inner.port}`;
    const hosts = [1, 2, 3].map(() => hostAt(target.port, { sshArguments }, shared));
    for (const outcome of await Promise.all(hosts.map((host) => host.connect()))) {
      expect(outcome).toEqual({ kind: 'connected' });
    }
    const outputs = await Promise.all(hosts.map((host) => host.run(program('echo through'))));
    expect(outputs.map(stdout)).toEqual(['through\n', 'through\n', 'through\n']);
    const connections = (server: TestServer) =>
      server.events.filter((event) => event === 'connection').length;
    expect([outer, inner, target].map(connections)).toEqual([1, 1, 3]);
    expect(outer.events.filter((event) => event.startsWith('forward'))).toEqual([
      `forward 127.0.0.1:${inner.port}`,
    ]);

    await Promise.all(hosts.map((host) => host.close()));
    await settled(() => inner.openConnections() + outer.openConnections() === 0);
    const late = hostAt(target.port, { sshArguments }, shared);
    expect(await late.connect()).toEqual({ kind: 'connected' });
    expect([outer, inner].map(connections)).toEqual([2, 2]);
  });

  test('a lost hop takes its targets with it, and is connected to anew', async () => {
    const [jump, target] = [await serve(), await serve()];
    for (const server of [jump, target]) know(server.port, server.hostKey);
    const sshArguments = `-o UserKnownHostsFile=${knownHosts} -J 127.0.0.1:${jump.port}`;
    const host = hostAt(target.port, { sshArguments });
    await host.connect();
    const started = join(home, 'started');
    const running = host.run(program(`: >${started}`, 'sleep 60'));
    // The target has a shell before we hear of it: cut off in between, nothing has run, and nothing is lost.
    await settled(() => existsSync(started));
    jump.cut();
    expect(await running).toMatchObject({ kind: 'lost', reason: 'connection' });
    expect(await host.connect()).toEqual({ kind: 'connected' });
    expect(stdout(await host.run(program('echo back')))).toBe('back\n');
  });

  test('a hop with an unknown key names the hop, and the target sees nothing', async () => {
    const [jump, target] = [await serve(), await serve()];
    know(target.port, target.hostKey);
    const sshArguments = `-o UserKnownHostsFile=${knownHosts} -J 127.0.0.1:${jump.port}`;
    expect(await hostAt(target.port, { sshArguments }).connect()).toEqual({
      kind: 'unreachable',
      reason: 'jump',
      message: `jump host 127.0.0.1: the host key of 127.0.0.1:${jump.port} is not known: ED25519 ${sha256(jump.hostKey)}`,
      hint: expect.stringContaining('--host-key accept-new'),
    });
    expect(jump.events).toEqual(['connection']);
    expect(target.events).toEqual([]);
  });

  test('a target that the hop cannot reach', async () => {
    const jump = await serve();
    know(jump.port, jump.hostKey);
    const port = await freePort();
    const sshArguments = `-o UserKnownHostsFile=${knownHosts} -J 127.0.0.1:${jump.port}`;
    expect(await hostAt(port, { sshArguments }).connect()).toMatchObject({
      reason: 'jump',
      message: expect.stringMatching(`^jump host 127.0.0.1: cannot reach 127.0.0.1:${port} from it: `),
    });
  });

  test('that go in a circle', async () => {
    writeFileSync(join(home, 'config'), 'Host a\n ProxyJump b\nHost b\n ProxyJump a\n');
    expect(await hostAt(22, { address: 'a' }, context()).connect()).toMatchObject({
      reason: 'jump',
      message: 'ProxyJump of edge-1 goes in a circle',
    });
  });
});

test('what cannot be done as the ssh arguments ask is said before anything is sent', async () => {
  const server = await serve();
  const host = hostAt(server.port, { sshArguments: '-o ProxyCommand="nc %h %p" -w 3' });
  expect(await host.connect()).toMatchObject({
    reason: 'protocol',
    message: 'not supported for edge-1: -w, 3, ProxyCommand nc %h %p',
  });
  expect(server.events).toEqual([]);
});

test('no more handshakes are in flight than the limit says', async () => {
  const server = await startSilentServer();
  cleanUp.push(() => server.close());
  const shared = context({ handshakeLimit: 2 });
  const started = performance.now();
  const hosts = [1, 2, 3, 4, 5].map(() => hostAt(server.port, { timeouts: { connectMs: 100 } }, shared));
  const outcomes = await Promise.all(hosts.map((host) => host.connect()));
  expect(outcomes.every((outcome) => outcome.kind === 'unreachable' && outcome.reason === 'timeout')).toBe(
    true,
  );
  expect(performance.now() - started).toBeGreaterThan(280); // three rounds of two
});

/** Looks when the connection is gone, so that nothing can come later. */
async function sawNoMoreThanTheConnection(server: TestServer): Promise<void> {
  await settled(() => server.openConnections() === 0);
  expect(server.events).toEqual(['connection']);
}

/** Resolves once it is so; the test's own timeout is the limit. */
async function settled(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}
