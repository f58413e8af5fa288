// wait_for against real ports and files of this machine.
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../src/modules/system/wait-for.ts';
import { complaints } from './support/lint.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller, runOnThisMachine, runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('under %s', (shell) => {
  const folder = temporaryFolder();
  const wait = (args: object) => runOnThisMachine(waitFor, { timeout: 0, ...args }, { shell });
  const found = { kind: 'unchanged', fields: { elapsed: 0 } };
  let server: Server;
  let port = 0;

  beforeAll(async () => {
    server = createServer().listen(0, '0.0.0.0');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  test('a port that listens is there, by address and by name', () => {
    expect(wait({ port }).verdict).toEqual(found);
    expect(wait({ port, host: 'localhost' }).verdict).toEqual(found);
    expect(wait({ port, state: 'stopped' }).conclusion).toMatchObject({ kind: 'failed' });
  });

  test('one that does not listen is not, and the message says which', () => {
    expect(wait({ port: 1 }).conclusion).toEqual({
      kind: 'failed',
      message: 'timed out after 0 s: waited until port 1 of 127.0.0.1 answers',
      fields: { elapsed: expect.toBeOneOf([0, 1]) }, // whole ones: the next may just have begun
    });
    expect(wait({ port: 1, state: 'stopped' }).verdict).toEqual(found);
  });

  test('a listener of IPv4 alone is not one of ::1', () => {
    expect(wait({ port, host: '::1' }).conclusion).toMatchObject({ kind: 'failed' });
  });

  test('a port is drained when its last connection is gone', async () => {
    expect(wait({ port, state: 'drained' }).verdict).toEqual(found);
    const client = connect(port, '127.0.0.1');
    const [accepted] = await once(server, 'connection');
    expect(wait({ port, state: 'drained' }).conclusion).toMatchObject({ kind: 'failed' });
    // The side that ends first keeps a connection in TIME_WAIT: nobody uses it any more.
    const closed = Promise.all([once(client, 'close'), once(accepted, 'close')]);
    client.resume();
    accepted.resume().end();
    await closed;
    expect(wait({ port, state: 'drained', timeout: 5 }).conclusion?.kind).not.toBe('failed');
  });

  test('a file is there or gone', () => {
    const path = join(folder.path, "it's here");
    expect(wait({ path, state: 'absent' }).verdict).toEqual(found);
    expect(wait({ path }).conclusion).toMatchObject({ kind: 'failed' });
    writeFileSync(path, 'one\nready 7\n');
    expect(wait({ path }).verdict).toEqual(found);
    expect(wait({ path, search_regex: '^ready [0-9]+$' }).verdict).toEqual(found);
    expect(wait({ path, search_regex: '^ready$' }).conclusion).toMatchObject({ kind: 'failed' });
    expect(wait({ path, search_regex: 'one', state: 'absent' }).conclusion).toMatchObject({ kind: 'failed' });
    rmSync(path);
  });

  test('what comes meanwhile ends the wait, which is no change', () => {
    const path = join(folder.path, 'late');
    mkdirSync(path);
    const wanted = waitFor.prepare({ path, state: 'absent', timeout: 60 }, controller());
    const program = waitFor.change(wanted, wanted);
    const meanwhile = program.script.replace(
      'while :; do',
      `while :; do [ ! -d '${path}' ] || rmdir '${path}'`,
    );
    const output = runScript(meanwhile, { shell });
    expect(waitFor.conclude?.(wanted, wanted, output)).toMatchObject({ kind: 'unchanged' });
  });
});

describe('another host', () => {
  let machine: PrivateMachine;
  const listener =
    'ip addr add 192.0.2.1/32 dev lo; busybox nc -ll -p 8080 -e /bin/true >/dev/null 2>&1 & echo $! >/run/nc.pid';
  const without = (...tools: string[]) =>
    tools
      .map(
        (tool) =>
          `for f in /usr/bin/${tool} /bin/${tool}; do [ ! -e $f ] || mount --bind /dev/null $f; done\n`,
      )
      .join('');

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell: 'dash', setup: listener });
  });
  afterAll(async () => {
    machine.run('kill "$(cat /run/nc.pid)"');
    await machine.stop();
  });

  test.each([
    ['nc', []],
    ['curl', ['nc', 'nc.openbsd', 'nc.traditional']],
    ['bash', ['curl']],
  ])('is asked by %s', (_tool, gone) => {
    machine.say(`${without(...gone)}:`);
    const ask = (port: number) =>
      machine.apply(waitFor, { host: '192.0.2.1', port, timeout: 0, connect_timeout: 2 });
    expect(ask(8080).verdict.kind).toBe('unchanged');
    expect(ask(8081).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('timed out'),
    });
  });

  test('cannot be asked where there is nothing to ask with', () => {
    machine.say(`${without('timeout')}:`);
    expect(machine.apply(waitFor, { host: '192.0.2.1', port: 8080 }).verdict).toEqual({
      kind: 'failed',
      message: 'nothing on this host can open a connection: nc, curl or bash is needed',
    });
  });
});

test.each([
  ['a local port', { port: 80 }],
  ['a far port', { port: 80, host: '192.0.2.1', state: 'stopped' }],
  ['a drain', { port: 80, state: 'drained' }],
  ['a text', { path: '/a b', search_regex: "it's" }],
  ['a pause', { timeout: 3, delay: 2 }],
] as const)('the programs for %s are taken by shellcheck', (_case, args) => {
  const wanted = waitFor.prepare(args, controller());
  expect(complaints(waitFor.inspect(wanted).script ?? ':')).toBe('');
  expect(complaints(waitFor.change(wanted, wanted).script)).toBe('');
});
