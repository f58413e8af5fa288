// guard_probes, read; test/cases/bad-input/guard-probes has what cannot be.

import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it, test } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import {
  type ControllerProbe,
  type HostProbe,
  isOfController,
  parseProbes,
  probeLine,
  probeText,
} from '../../src/guard/probes.ts';
import { Reach } from '../../src/guard/reach.ts';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { Origin } from '../../src/load/source.ts';

const NOWHERE: Origin = {
  child: () => NOWHERE,
  key: () => NOWHERE,
  span: () => ({ file: 'x', line: 1, column: 1, length: 1, lineText: '' }),
};

test.each([
  { written: { ping: '192.0.2.1' }, text: 'ping 192.0.2.1', line: 'ping 192.0.2.1' },
  {
    written: { ping: 'fe80::1%eth0', via: 'eth0' },
    text: 'ping fe80::1%eth0 via eth0',
    line: 'ping fe80::1%eth0 eth0',
  },
  {
    written: { ping: 'gw.example', via: 'isp2' },
    text: 'ping gw.example via isp2',
    line: 'ping gw.example isp2',
  },
  {
    written: { tcp: '192.0.2.1:53', from: 'host' },
    text: 'tcp 192.0.2.1:53 from the host',
    line: 'tcp 192.0.2.1 53',
  },
  {
    written: { tcp: '[2001:db8::1]:53', from: 'host' },
    text: 'tcp [2001:db8::1]:53 from the host',
    line: 'tcp 2001:db8::1 53',
  },
  { written: { tcp: '192.0.2.1:22' }, text: 'tcp 192.0.2.1:22' },
  { written: { tcp: 'a.example:22', from: 'controller' }, text: 'tcp a.example:22' },
  { written: { ssh: '192.0.2.1' }, text: 'ssh 192.0.2.1' },
  { written: { ssh: '192.0.2.1:2222' }, text: 'ssh 192.0.2.1:2222' },
  { written: { ssh: '2001:db8::22' }, text: 'ssh 2001:db8::22' },
  { written: { ssh: '[2001:db8::1]:22' }, text: 'ssh [2001:db8::1]:22' },
])('$text', ({ written, text, line }) => {
  const problems = new Problems();
  const probes = parseProbes({ value: [written], origin: NOWHERE }, problems);
  expect(problems.list).toEqual([]);
  expect(probes.map(probeText)).toEqual([text]);
  const lines = probes.filter((each): each is HostProbe => !isOfController(each)).map(probeLine);
  expect(lines).toEqual(line === undefined ? [] : [line]);
});

describe('from the controller', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const listen = async (port = 0): Promise<{ readonly server: Server; readonly port: number }> => {
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
  };
  const tcp = (port: number): ControllerProbe => ({
    kind: 'tcp',
    from: 'controller',
    address: '127.0.0.1',
    port,
  });
  const close = (server: Server) => new Promise((resolve) => server.close(resolve));
  const reachOf = (...probes: readonly ControllerProbe[]) =>
    new Reach(probes, { connectMs: 1000, wayTo: () => new FakeHost({ name: 'h' }) });

  it('only what worked before is tried after, until it works once', async () => {
    const [first, second] = [await listen(), await listen()];
    await close(second.server);
    const reach = reachOf(tcp(first.port), tcp(second.port));
    expect(await reach.keep()).toEqual([`tcp 127.0.0.1:${second.port}`]);
    await close(first.server);
    expect(await reach.lost()).toEqual([`tcp 127.0.0.1:${first.port}`]);
    const back = await listen(first.port);
    expect(await reach.lost()).toEqual([]);
    await close(back.server);
    expect(await reach.lost()).toEqual([]);
  });

  it('a login at another address is one with the way to it, which is closed again', async () => {
    const places: unknown[] = [];
    const hosts: FakeHost[] = [];
    const reach = new Reach([{ kind: 'ssh', address: '192.0.2.7', port: 2222 }], {
      connectMs: 1000,
      wayTo: (place) => {
        places.push(place);
        const host = new FakeHost({ name: 'h' });
        hosts.push(host);
        return host;
      },
    });
    expect(await reach.keep()).toEqual([]);
    expect(await reach.lost()).toEqual([]);
    expect(places).toEqual([
      { address: '192.0.2.7', port: 2222 },
      { address: '192.0.2.7', port: 2222 },
    ]);
    const asked = hosts.map(({ events }) => events.map(({ kind }) => kind));
    expect(asked).toEqual([
      ['connect', 'close'],
      ['connect', 'close'],
    ]);
  });
});
