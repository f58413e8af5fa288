// ipvs against a stand-in for ipvsadm that keeps state: there is no IPVS in network namespaces of most kernels for tests.
// How the real one prints is in test/cases/ipvs.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { ipvs } from '../../src/modules/network/ipvs.ts';
import { complaints } from './support/lint.ts';
import { controller, runOnThisMachine, runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

type Args = Parameters<typeof ipvs.prepare>[0];

const FOREIGN = `-A -t 192.0.2.99:80 -s rr
-a -t 192.0.2.99:80 -r 10.0.0.9:80 -g -w 1
-A -f 7 -6 -s sh -b sh-port
`;

describe.each(SHELLS)('under %s', (shell) => {
  const folder = temporaryFolder();
  const tools = () => join(folder.path, 'bin');
  const state = () => readFileSync(join(tools(), 'ipvs'), 'utf8');
  const own = () => state().replace(FOREIGN, '');
  const calls = () => readFileSync(join(tools(), 'ipvs.calls'), 'utf8').split('\n').slice(0, -1);
  const options = () => ({ shell, tools: tools() });
  const apply = (args: Args) => runOnThisMachine(ipvs, args, options());
  const say = (...words: readonly string[]) => runScript(`ipvsadm ${words.join(' ')}`, options());

  beforeEach(() => {
    if (existsSync(tools())) rmSync(tools(), { recursive: true });
    mkdirSync(tools());
    copyFileSync(join(import.meta.dirname, 'support/fake-ipvsadm.sh'), join(tools(), 'ipvsadm'));
    writeFileSync(join(tools(), 'ipvs'), FOREIGN);
    writeFileSync(join(tools(), 'ipvs.calls'), '');
  });

  const args: Args = {
    tcp_service: '192.0.2.80:80',
    scheduler: 'wrr',
    persistent: 300,
    real_servers: [{ real_server: '10.0.0.1', weight: 3 }, { real_server: '10.0.0.2:80' }],
  };
  const good = `-A -t 192.0.2.80:80 -s wrr -p 300
-a -t 192.0.2.80:80 -r 10.0.0.1:80 -g -w 3
-a -t 192.0.2.80:80 -r 10.0.0.2:80 -g -w 1
`;

  test.each<readonly [string, Args, string]>([
    ['direct routing', args, good],
    [
      'IPv6 and NAT to another port',
      {
        udp_service: '[2001:DB8::80]:53',
        ops: true,
        real_servers: [{ real_server: '[2001:db8:0::1]:5353', forward: 'masquerading', weight: 0 }],
      },
      '-A -u [2001:db8::80]:53 -s wlc -o\n-a -u [2001:db8::80]:53 -r [2001:db8::1]:5353 -m -w 0\n',
    ],
    [
      'a mark and tunnels',
      {
        fwmark_service: 7,
        scheduler: 'mh',
        sched_flags: ['mh-port', 'mh-fallback'],
        real_servers: [{ real_server: '10.0.0.1', forward: 'ipip' }],
      },
      '-A -f 7 -s mh -b mh-fallback,mh-port\n-a -f 7 -r 10.0.0.1:0 -i -w 1 --tun-type ipip\n',
    ],
    [
      'clients of a network together',
      { sctp_service: '192.0.2.80:9', persistent: 60, netmask: '255.255.255.0' },
      '-A --sctp-service 192.0.2.80:9 -s wlc -p 60 -M 255.255.255.0\n',
    ],
  ])('%s is set once, and deleted once; other services stay', (_case, said, lines) => {
    const { program } = runTwice(ipvs, said, options());
    expect(own()).toBe(lines);
    expect(runScript(program?.script ?? '', options())).toMatchObject({ exitCode: 0, stderr: '' });
    expect(own().split('\n').toSorted()).toEqual(lines.split('\n').toSorted());
    const gone = runTwice(ipvs, { ...said, state: 'absent' }, options());
    expect(state()).toBe(FOREIGN);
    expect(runScript(gone.program?.script ?? '', options())).toMatchObject({ exitCode: 0, stderr: '' });
    expect(calls().filter((call) => /^(-C|-R|--clear|--restore)/.test(call))).toEqual([]);
  });

  test.each([
    ['a scheduler', ['-E -t 192.0.2.80:80 -s rr -p 300'], 'edit -t 192.0.2.80:80 -s wrr -p 300'],
    ['persistence', ['-E -t 192.0.2.80:80 -s wrr'], 'edit -t 192.0.2.80:80 -s wrr -p 300'],
    ['a weight', ['-e -t 192.0.2.80:80 -r 10.0.0.1:80 -g -w 1'], 'edit 10.0.0.1:80 -g -w 3'],
    ['a lost server', ['-d -t 192.0.2.80:80 -r 10.0.0.2:80'], 'add 10.0.0.2:80 -g -w 1'],
    [
      'a lost service',
      ['-D -t 192.0.2.80:80'],
      'add -t 192.0.2.80:80 -s wrr -p 300, add 10.0.0.1:80 -g -w 3, add 10.0.0.2:80 -g -w 1',
    ],
  ])('%s is put right by editing', (_case, damage, message) => {
    apply(args);
    for (const words of damage) expect(say(words).exitCode).toBe(0);
    writeFileSync(join(tools(), 'ipvs.calls'), '');
    expect(runTwice(ipvs, args, options()).verdict).toMatchObject({ kind: 'change', message });
    expect(own().split('\n').toSorted()).toEqual(good.split('\n').toSorted());
    expect(calls().filter((call) => /^-(D|d)/.test(call))).toEqual([]);
  });

  test('what is not said stays: weight 0 and forwarding of a server, scheduler, foreign servers', () => {
    apply(args);
    say('-e -t 192.0.2.80:80 -r 10.0.0.2:80 -m -w 0');
    say('-a -t 192.0.2.80:80 -r 10.0.0.3:80 -g -w 1');
    expect(apply(args).verdict.kind).toBe('unchanged');
    const { scheduler, ...less } = args;
    say('-E -t 192.0.2.80:80 -s', scheduler === 'wrr' ? 'lc' : 'rr', '-p 300');
    expect(apply(less).verdict.kind).toBe('unchanged');
  });

  test('foreign servers go where the list is all there is to be, after the others have come', () => {
    apply(args);
    const exclusive = { ...args, exclusive: true, real_servers: [{ real_server: '10.0.0.4' }] };
    writeFileSync(join(tools(), 'ipvs.calls'), '');
    runTwice(ipvs, exclusive, options());
    expect(calls().filter((call) => !call.startsWith('-S'))).toEqual([
      '-a -t 192.0.2.80:80 -r 10.0.0.4:80 -g -w 1',
      '-d -t 192.0.2.80:80 -r 10.0.0.1:80',
      '-d -t 192.0.2.80:80 -r 10.0.0.2:80',
    ]);
  });

  test('what cannot be said here is kept when something else changes', () => {
    say('-A -t 192.0.2.80:80 -s sh -p 60 --pe sip');
    say('-a -t 192.0.2.80:80 -r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum');
    const said: Args = {
      tcp_service: '192.0.2.80:80',
      persistent: 90,
      real_servers: [{ real_server: '10.0.0.1', weight: 2 }],
    };
    runTwice(ipvs, said, options());
    expect(own()).toBe(`-A -t 192.0.2.80:80 -s sh -p 90 --pe sip
-a -t 192.0.2.80:80 -r 10.0.0.1:80 -i -w 2 --tun-type gue --tun-port 6080 --tun-nocsum
`);
  });

  test('to look is to ask once and to change nothing', () => {
    const wanted = ipvs.prepare(args, controller());
    runScript(ipvs.inspect(wanted).script ?? '', options());
    expect(calls()).toEqual(['-S -n']);
    expect(state()).toBe(FOREIGN);
  });

  test('a refusal of ipvsadm is the failure, in its words', () => {
    writeFileSync(
      join(tools(), 'ipvsadm'),
      '#!/bin/sh\n[ "$1" != -S ] || exit 0\necho "Scheduler or persistence engine not found" >&2\nexit 255\n',
    );
    expect(apply({ ...args, scheduler: 'twos' }).conclusion).toEqual({
      kind: 'failed',
      message: 'Scheduler or persistence engine not found',
    });
  });

  test('without IPVS in the kernel nothing is there, and nothing can be put there', () => {
    writeFileSync(join(tools(), 'no-ipvs'), '');
    expect(apply({ ...args, state: 'absent' }).verdict.kind).toBe('unchanged');
    expect(apply(args).verdict).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/^Can't initialize ipvs: Protocol not available/),
    });
  });
});

test('its programs are taken by shellcheck', () => {
  const wanted = ipvs.prepare({ tcp_service: '[2001:db8::1]:80' }, controller());
  expect(complaints(ipvs.inspect(wanted).script ?? '')).toBe('');
  const letters = ['A', 'E', 'D', 'a', 'e', 'd'] as const;
  const commands = letters.map((letter) => ({ letter, words: letter === 'D' ? '' : '-r [2001:db8::2]:80' }));
  expect(complaints(ipvs.change(wanted, { commands }).script)).toBe('');
});
