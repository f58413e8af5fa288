// ip_address against this kernel, in a network namespace of its own, with the ip of iproute2 and that of BusyBox.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ipAddress } from '../../src/modules/network/ip-address.ts';
import { complaints } from './support/lint.ts';
import type { PrivateMachine } from './support/private-machine.ts';
import { everything, IP, routedMachine, WORLDS } from './support/routed-machine.ts';
import { controller } from './support/this-machine.ts';

type Args = Parameters<typeof ipAddress.prepare>[0];

describe.each(WORLDS)('under %s with the ip of %s', (shell, ip) => {
  let machine: PrivateMachine;
  const apply = (args: Args) => machine.apply(ipAddress, args);
  const absent = (args: Args) => apply({ ...args, state: 'absent' });
  const show = (dev: string, family = '-4') =>
    machine
      .say(
        `${IP} -o ${family} addr show dev ${dev} scope 0; ${IP} -o ${family} addr show dev ${dev} scope link; ${IP} -o ${family} addr show dev ${dev} scope host`,
      )
      .split('\n')
      .map((line) => line.replace(/^\d+: \S+\s+inet6? /, '').replace(/\s*\\.*/, ''))
      .filter((line) => !line.startsWith('fe80') && line !== '' && !line.startsWith('127.'));

  beforeAll(async () => {
    machine = await routedMachine({ shell, ip });
  });
  afterAll(() => machine.stop());

  describe.each<readonly [string, Args, string]>([
    ['another network', { address: '203.0.113.9/24', dev: 'e0' }, '203.0.113.9/24 scope global e0'],
    [
      'a second one of a network',
      { address: '192.0.2.11/24', dev: 'e0', label: 'e0:web' },
      '192.0.2.11/24 scope global secondary e0:web',
    ],
    [
      'a virtual one',
      { address: '203.0.113.80/32', dev: 'lo', scope: 'host' },
      '203.0.113.80/32 scope host lo',
    ],
    ['a link scope', { address: '10.1.2.3/8', dev: 'e1', scope: 253 }, '10.1.2.3/8 scope link e1'],
    ['IPv6', { address: '2001:DB8:0:0::20/64', dev: 'e0' }, '2001:db8::20/64 scope global'],
    ['one of IPv6', { address: '2001:db8:9::1/128', dev: 'lo' }, '2001:db8:9::1/128 scope global'],
  ])('%s', (_case, args, line) => {
    const family = args.address.includes(':') ? '-6' : '-4';

    test('is added once, and its program may run twice', () => {
      const { verdict, conclusion, script = '' } = apply(args);
      expect(verdict.kind).toBe('change');
      expect(conclusion).toEqual({ kind: 'changed' });
      expect(show(args.dev, family)).toContain(line);
      const before = everything(machine);
      expect(apply(args).verdict.kind).toBe('unchanged');
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(everything(machine)).toBe(before);
    });

    test('comes back where somebody deleted it', () => {
      machine.say(`${IP} addr del ${args.address} dev ${args.dev}`);
      expect(apply(args).conclusion).toEqual({ kind: 'changed' });
      expect(show(args.dev, family)).toContain(line);
    });

    test('goes once, and nothing else does', () => {
      const before = show(args.dev, family);
      const { conclusion, script = '' } = absent(args);
      expect(conclusion).toEqual({ kind: 'changed' });
      expect(show(args.dev, family)).toEqual(before.filter((each) => each !== line));
      expect(absent(args).verdict.kind).toBe('unchanged');
      expect(machine.run(script)).toMatchObject({ exitCode: 0, stderr: '' });
    });
  });

  test.each<readonly [string, string, Args, string]>([
    [
      'another label',
      '203.0.113.9/24 dev e0 label e0:old',
      { address: '203.0.113.9/24', dev: 'e0', label: 'e0:new' },
      '203.0.113.9/24 scope global e0:new',
    ],
    [
      'another scope',
      '203.0.113.9/24 dev e0 scope link',
      { address: '203.0.113.9/24', dev: 'e0', scope: 'global' },
      '203.0.113.9/24 scope global e0',
    ],
    [
      'another length, with IPv6',
      '2001:db8:7::9/48 dev e0',
      { address: '2001:db8:7::9/64', dev: 'e0' },
      '2001:db8:7::9/64 scope global',
    ],
  ])('%s is put right', (_case, there, args, line) => {
    machine.say(`${IP} addr add ${there}`);
    const family = args.address.includes(':') ? '-6' : '-4';
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(show('e0', family)).toContain(line);
    expect(apply(args).verdict.kind).toBe('unchanged');
    absent(args);
    expect(show('e0', family)).toHaveLength(1);
  });

  test('what is not said is not compared', () => {
    machine.say(`${IP} addr add 203.0.113.9/24 brd + dev e0 label e0:x scope link`);
    expect(apply({ address: '203.0.113.9/24', dev: 'e0' }).verdict.kind).toBe('unchanged');
    expect(absent({ address: '203.0.113.9/24', dev: 'e0' }).conclusion?.kind).toBe('changed');
  });

  test('an address that will end is said to', () => {
    machine.say(`${IP} addr add 203.0.113.9/24 dev e0 valid_lft 1000 preferred_lft 500`);
    expect(apply({ address: '203.0.113.9/24', dev: 'e0' }).verdict).toMatchObject({
      kind: 'unchanged',
      message: expect.stringContaining('dynamic'),
    });
    machine.say(`${IP} addr del 203.0.113.9/24 dev e0`);
  });

  test('the same address of another length or to a peer is another one', () => {
    machine.say(`${IP} addr add 203.0.113.9 peer 203.0.113.1/24 dev e0`);
    expect(absent({ address: '203.0.113.9/24', dev: 'e0' }).verdict.kind).toBe('unchanged');
    expect(absent({ address: '203.0.113.9/32', dev: 'e0' }).verdict.kind).toBe('unchanged');
    machine.say(`${IP} addr del 203.0.113.9 peer 203.0.113.1/24 dev e0`);
  });

  test('the first of a network goes only where the others stay', () => {
    machine.say(`${IP} addr add 10.9.0.1/24 dev e0; ${IP} addr add 10.9.0.2/24 dev e0`);
    const before = everything(machine);
    expect(absent({ address: '10.9.0.1/24', dev: 'e0' }).verdict).toEqual({
      kind: 'failed',
      message: '10.9.0.2/24 would go from e0 along with 10.9.0.1/24, the first of the network',
      hint: 'set net.ipv4.conf.e0.promote_secondaries to 1 first',
    });
    expect(apply({ address: '10.9.0.1/24', dev: 'e0', label: 'e0:1' }).verdict.kind).toBe('failed');
    expect(everything(machine)).toBe(before);
    machine.say('echo 1 >/proc/sys/net/ipv4/conf/e0/promote_secondaries');
    expect(absent({ address: '10.9.0.1/24', dev: 'e0' }).conclusion?.kind).toBe('changed');
    expect(show('e0')).toContain('10.9.0.2/24 scope global e0');
    expect(absent({ address: '10.9.0.2/24', dev: 'e0' }).conclusion?.kind).toBe('changed');
    machine.say('echo 0 >/proc/sys/net/ipv4/conf/e0/promote_secondaries');
  });

  test('without the device nothing can be there, and nothing can be put there', () => {
    const args: Args = { address: '10.0.0.1/8', dev: 'e9' };
    expect(absent(args).verdict).toMatchObject({ kind: 'unchanged', message: 'there is no device e9' });
    expect(apply(args).verdict).toMatchObject({ kind: 'failed', message: 'there is no device e9' });
  });

  test('what is only looked at stays as it is', () => {
    const before = everything(machine);
    const wanted = ipAddress.prepare({ address: '10.0.0.1/8', dev: 'e0' }, controller());
    machine.run(ipAddress.inspect(wanted).script ?? '');
    expect(everything(machine)).toBe(before);
  });

  test('a new address is waited for until it is no longer tentative', { timeout: 60_000 }, () => {
    machine.say(`${IP} link add d0 type veth peer name d1; ${IP} link set d1 up; ${IP} link set d0 up`);
    const args: Args = { address: '2001:db8:d::1/64', dev: 'd0', wait_s: 20 };
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(show('d0', '-6')).toEqual(['2001:db8:d::1/64 scope global']);
  });

  test('an address that somebody else has is a failure, now and in each later run', {
    timeout: 60_000,
  }, () => {
    machine.say(`${IP} addr add 2001:db8:d::2/64 dev d1 nodad`);
    const args: Args = { address: '2001:db8:d::2/64', dev: 'd0', wait_s: 20 };
    const failure = { kind: 'failed', message: 'somebody else on the link of d0 has 2001:db8:d::2/64' };
    expect(apply(args).conclusion).toEqual(failure);
    expect(apply(args).conclusion).toEqual(failure);
    machine.say(`${IP} addr del 2001:db8:d::2/64 dev d1`);
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(apply(args).verdict).toMatchObject({ kind: 'unchanged' });
  });

  test('on a link that is down it stays tentative, which is a failure unless nobody waits', {
    timeout: 60_000,
  }, () => {
    machine.say(`${IP} link add x0 type veth peer name x1; ${IP} link set x0 up`);
    const args: Args = { address: '2001:db8:e::1/64', dev: 'x0', wait_s: 1 };
    expect(apply(args).conclusion).toEqual({
      kind: 'failed',
      message: '2001:db8:e::1/64 is tentative still after 1 s',
      hint: 'is x0 up, and has it a carrier? wait_s: 0 does not wait',
    });
    expect(apply(args).verdict).toMatchObject({ kind: 'unchanged', message: 'it is tentative still' });
    expect(apply({ ...args, address: '2001:db8:e::2/64', wait_s: 0 }).conclusion).toEqual({
      kind: 'changed',
    });
  });

  test(ip === 'busybox' ? 'nodad is refused in plain words' : 'nodad asks nobody', () => {
    const args: Args = { address: '2001:db8:e::3/64', dev: 'x0', nodad: true };
    if (ip === 'busybox') {
      expect(apply(args).verdict).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('nodad'),
      });
      return;
    }
    expect(apply(args).conclusion).toEqual({ kind: 'changed' });
    expect(show('x0', '-6')).toContain('2001:db8:e::3/64 scope global nodad');
  });
});

test('its programs are taken by shellcheck', () => {
  for (const address of ['192.0.2.1/24', '2001:db8::1/64']) {
    const wanted = ipAddress.prepare({ address, dev: "it's" }, controller());
    expect(complaints(ipAddress.inspect(wanted).script ?? '')).toBe('');
    const changes = { remove: [address], add: true, scope: 254 };
    expect(complaints(ipAddress.change(wanted, changes).script)).toBe('');
  }
});
