// A lab of three providers with a LAN behind each host: flows out of hosts and LANs arrive as the lab says, held
// connections tell by which provider their packets went, and links fail in the ways that links fail.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import { countCallers, type FlowOrder, type FlowSource } from '../../src/lab/flows.ts';
import type { Lab } from '../../src/lab/lab.ts';
import {
  CALLER_PORT,
  ECHO_PORT,
  HELLO_PORT,
  INTERNET_ADDRESS,
  INTERNET_ADDRESS6,
  internetAddress,
} from '../../src/lab/plan.ts';
import { uplinkAddresses } from './support/addresses.ts';

const INTERNET4 = internetAddress(1, 'IPv4');
const INTERNET6 = internetAddress(1, 'IPv6');
const BOTH = [INTERNET4, INTERNET6];

let lab: Lab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-flows', hostCount: 2, providers: 3, lan: true, owner: 'this-process' });
});

afterAll(async () => {
  await lab.down();
});

async function onHost(host: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.inHost(host, ['sh', '-c', script]);
  expect({ exitCode, stderr, script }).toEqual({ exitCode: 0, stderr: '', script });
  return stdout;
}

/** A short order of two flows, one per address family, unless it says otherwise. */
function order(more: Partial<FlowOrder> = {}): FlowOrder {
  return { addresses: BOTH, count: 2, atOnce: 2, protocol: 'tcp', timeoutMs: 4000, ...more };
}

async function callers(from: FlowSource, more: Partial<FlowOrder> = {}): Promise<unknown> {
  return countCallers(await lab.flows(from, order(more)));
}

/** Source routing by hand for the third provider, both families. */
const THIRD_BY_SOURCE = `
ip rule add prio 100 from 198.18.3.0/24 lookup 103
ip route replace default via 198.18.3.1 table 103
ip -6 rule add prio 100 from 2001:db8:3::/64 lookup 103
ip -6 route replace default via 2001:db8:3::1 table 103`;

const MASQUERADE = `
iptables -t nat -A POSTROUTING -s 10.88.11.0/24 -o isp+ -j MASQUERADE
ip6tables -t nat -A POSTROUTING -s fd88:11::/64 -o isp+ -j MASQUERADE`;

const FIRST_OF_EDGE_1 = { '192.0.2.11': 1, '2001:db8:1::11': 1 };

describe('a third provider', () => {
  it('is in the inventory, among the known hosts, and a link of every host', async () => {
    const inventory = readFileSync(lab.paths.inventory, 'utf8');
    expect(inventory.slice(inventory.indexOf('            - name: isp3'))).toContain(`- name: isp3
              device: isp3
              address: 198.18.3.11/24
              gateway: 198.18.3.1
              address6: '2001:db8:3::11/64'
              gateway6: '2001:db8:3::1'
        edge-2:`);
    const names =
      'edge-2,10.77.0.12,192.0.2.12,2001:db8:1::12,203.0.113.12,2001:db8:2::12,198.18.3.12,2001:db8:3::12';
    expect(readFileSync(lab.paths.knownHosts, 'utf8')).toContain(`\n${names} ssh-ed25519 `);
    const settings = ['mgmt', 'isp1', 'isp2', 'isp3', 'lan'].map(
      (device) => `net.ipv4.conf.${device}.rp_filter`,
    );
    expect(await onHost('edge-2', `sysctl -n ${settings.join(' ')}`)).toBe('2\n2\n2\n2\n2\n');
  });

  it('drops what is not of its customers, and lets through what is', async () => {
    const addresses = uplinkAddresses(lab.host('edge-2'), 'isp3');
    expect((await lab.probe({ addresses, timeoutMs: 500 })).map(({ ok }) => ok)).toEqual([0, 0]);
    await onHost('edge-2', THIRD_BY_SOURCE);
    expect((await lab.probe({ addresses })).map(({ ok }) => ok)).toEqual([10, 10]);
    expect(await lab.spoofedPackets('isp3')).toBe(0);

    await onHost('edge-2', 'ip route replace default via 198.18.3.1');
    expect(await callers({ host: 'edge-2' }, { addresses: [INTERNET4], count: 1 })).toEqual({
      '198.18.3.12': 1,
    });
    const bound = { addresses: [INTERNET4], count: 1, localAddress: '192.0.2.12', timeoutMs: 300 };
    expect(await callers({ host: 'edge-2' }, bound)).toEqual({ 'failed: timeout': 1 });
    expect(await lab.spoofedPackets('isp3')).toBeGreaterThan(0);
    await lab.reboot('edge-2');
  });
});

describe('flows out of a host', () => {
  const protocols = ['tcp', 'udp'] as const;

  it.each(protocols)(
    'over %s are answered from the address that was asked, 3,000 in seconds',
    async (protocol) => {
      const numbers = Array.from({ length: 20 }, (_, at) => at + 1);
      const addresses = numbers.flatMap((n) => [internetAddress(n, 'IPv4'), internetAddress(n, 'IPv6')]);
      const startMs = performance.now();
      const results = await lab.flows(
        { host: 'edge-1' },
        order({ addresses, count: 3000, atOnce: 100, protocol }),
      );
      const tookMs = Math.round(performance.now() - startMs);
      console.log(`3,000 ${protocol} flows in ${tookMs} ms`);
      expect(countCallers(results)).toEqual({ '192.0.2.11': 1500, '2001:db8:1::11': 1500 });
      expect(results.map(({ target }) => target)).toEqual(
        results.map((_, at) => ({ address: addresses[at % 40], port: CALLER_PORT })),
      );
      expect(tookMs).toBeLessThan(15_000);
    },
  );

  it.each(protocols)('over %s start where the order says, time and again', async (protocol) => {
    const localPorts = [50_001, 50_002, 50_001];
    const addresses = [2, 3, 4].map((n) => internetAddress(n, 'IPv4'));
    const local = order({ addresses, count: 3, localAddress: '192.0.2.11', localPorts, protocol });
    for (const _ of ['once', 'and again']) {
      expect(await lab.flows({ host: 'edge-1' }, local)).toEqual(
        addresses.map((address, at) => ({
          kind: 'answered',
          protocol,
          caller: { address: '192.0.2.11', port: localPorts[at] },
          target: { address, port: CALLER_PORT },
        })),
      );
    }
  });

  it('say why they fail', async () => {
    const from = { host: 'edge-1' };
    for (const protocol of protocols) {
      expect(await callers(from, { port: 9, protocol })).toEqual({ 'failed: ECONNREFUSED': 2 });
    }
    // The hello service says one line and does not hang up.
    const silent = { addresses: ['192.0.2.12'], port: HELLO_PORT, count: 1, timeoutMs: 200 };
    expect(await callers(from, silent)).toEqual({ 'failed: timeout': 1 });
    const unowned = { addresses: [INTERNET4], localAddress: '192.0.2.99', count: 1 };
    expect(await callers(from, unowned)).toEqual({ 'failed: EADDRNOTAVAIL': 1 });
  });

  it.each([
    [{ addresses: [] }, 'flows: no addresses'],
    [{ addresses: ['internet'] }, 'flows: "internet" is no address'],
    [{ count: 0 }, 'flows: "count" and "atOnce" are from 1'],
    [{ localPorts: [1] }, 'flows: 1 local ports for 2 flows'],
    [{ localAddress: '192.0.2.11' }, `flows: from 192.0.2.11 nothing can go to ${INTERNET6}`],
  ])('are refused for %j', async (more, message) => {
    await expect(lab.flows({ host: 'edge-1' }, order(more))).rejects.toThrow(message);
  });

  it('are counted at every provider that saw a packet of theirs, dropped or not', async () => {
    const one = order({ addresses: [INTERNET6.toUpperCase()], count: 1 });
    const [answered] = await lab.flows({ host: 'edge-1' }, one);
    if (answered?.kind !== 'answered') throw new Error('no answer');
    const packets = await lab.providersOf(answered);
    expect(Object.keys(packets)).toEqual(['isp1']);
    expect(packets.isp1).toBeGreaterThanOrEqual(3);

    const localPorts = [50_100];
    const spoofed = {
      addresses: [INTERNET4],
      count: 1,
      localAddress: '203.0.113.11',
      localPorts,
      timeoutMs: 300,
    };
    const [lost] = await lab.flows({ host: 'edge-1' }, order(spoofed));
    expect(lost).toMatchObject({ kind: 'failed', reason: 'timeout' });
    const caller = { address: '203.0.113.11', port: 50_100 };
    const target = { address: INTERNET4, port: CALLER_PORT };
    expect(
      await lab.providersOfAll([
        { protocol: 'tcp', caller, target },
        { protocol: 'udp', caller, target },
      ]),
    ).toEqual([{ isp1: 1 }, {}]);
  });
});

describe('the client behind a host', () => {
  const sees = (host: string) =>
    lab.inLan(host, ['sh', '-c', 'ip -o address show dev lan scope global | awk "{ print \\$4 }"']);

  it('has its own network, and the host forwards for it', async () => {
    expect((await sees('edge-1')).stdout).toBe('10.88.11.2/24\nfd88:11::2/64\n');
    expect((await sees('edge-2')).stdout).toBe('10.88.12.2/24\nfd88:12::2/64\n');
    // Its own address is spoofed at the provider: it came that far.
    const before = await lab.spoofedPackets('isp1');
    expect(await callers({ lan: 'edge-1' }, { timeoutMs: 300 })).toEqual({ 'failed: timeout': 2 });
    expect((await lab.spoofedPackets('isp1')) - before).toBeGreaterThanOrEqual(2);
  });

  it("calls under the host's address where the host translates, before and after a reboot of the host", async () => {
    for (const _ of ['before', 'after']) {
      await onHost('edge-1', MASQUERADE);
      expect(await callers({ lan: 'edge-1' })).toEqual(FIRST_OF_EDGE_1);
      expect(await callers({ lan: 'edge-1' }, { protocol: 'udp' })).toEqual(FIRST_OF_EDGE_1);
      await lab.reboot('edge-1');
      expect((await sees('edge-1')).stdout).toBe('10.88.11.2/24\nfd88:11::2/64\n');
    }
  });

  it('says hello on forwarded ports', async () => {
    await onHost(
      'edge-1',
      `iptables -t nat -A PREROUTING -i isp1 -p tcp --dport 80 -j DNAT --to-destination 10.88.11.2:${HELLO_PORT}
      ip6tables -t nat -A PREROUTING -i isp1 -p tcp --dport 80 -j DNAT --to-destination '[fd88:11::2]:${HELLO_PORT}'`,
    );
    for (const address of uplinkAddresses(lab.host('edge-1'), 'isp1')) {
      const held = await lab.holdConnections('internet', { address, port: 80, count: 2 });
      const reports = await held.stop();
      expect(reports).toHaveLength(2);
      for (const report of reports) {
        expect(report).toMatchObject({
          greeting: 'edge-1-client',
          broken: null,
          caller: { address: address.includes(':') ? INTERNET_ADDRESS6 : INTERNET_ADDRESS },
          target: { address, port: 80 },
          providers: ['isp1'],
        });
      }
    }
    await lab.reboot('edge-1');
  });
});

describe('held connections', () => {
  it.each(BOTH)('from a host and its LAN to %s tell who called and by which provider', async (address) => {
    await onHost('edge-1', MASQUERADE);
    const own = address === INTERNET4 ? '192.0.2.11' : '2001:db8:1::11';
    const held = await Promise.all([
      lab.holdConnections({ host: 'edge-1' }, { address, count: 3 }),
      lab.holdConnections({ lan: 'edge-1' }, { address, count: 3 }),
    ]);
    await expect
      .poll(async () => (await lab.inProvider('isp1', ['nft', 'list', 'table', 'inet', 'flows'])).stdout)
      .toMatch(/packets \d\d/);
    const reports = (await Promise.all(held.map((each) => each.stop()))).flat();
    expect(new Set(reports.map(({ caller }) => caller.port)).size).toBe(6);
    for (const report of reports) {
      expect(report).toMatchObject({
        protocol: 'tcp',
        caller: { address: own },
        target: { address, port: ECHO_PORT },
        broken: null,
        providers: ['isp1'],
      });
      expect(report.packets.isp1).toBeGreaterThan(report.exchanged);
      expect(report.longestGapMs).toBeLessThan(2000);
    }
    await lab.reboot('edge-1');
  });

  it('tell when packets went astray, how long that lasted, and that it was survived', async () => {
    const held = await lab.holdConnections({ host: 'edge-1' }, { address: INTERNET4, count: 2 });
    const strayed = () => lab.inProvider('isp2', ['nft', 'list', 'set', 'inet', 'flows', 'seen4']);
    await onHost('edge-1', 'ip route replace default via 203.0.113.1');
    await expect.poll(async () => (await strayed()).stdout.split('192.0.2.11').length).toBeGreaterThan(2);
    const meanwhile = { addresses: [INTERNET4], count: 1, localAddress: '192.0.2.11', timeoutMs: 300 };
    expect(await callers({ host: 'edge-1' }, meanwhile)).toEqual({ 'failed: timeout': 1 });
    await onHost('edge-1', 'ip route replace default via 192.0.2.1 dev isp1');
    for (const report of await held.stop()) {
      expect(report).toMatchObject({ broken: null, providers: ['isp1', 'isp2'] });
      expect(report.longestGapMs).toBeGreaterThan(250);
    }
  });

  it('tell of each whether it broke', async () => {
    const held = await lab.holdConnections(
      { host: 'edge-1' },
      { address: INTERNET4, count: 3, patienceMs: 500 },
    );
    const list = `ss --tcp --no-header state established dst ${INTERNET4}`;
    const ports = [...(await onHost('edge-1', list)).matchAll(/192\.0\.2\.11:(\d+)/g)].map(([, port]) =>
      Number(port),
    );
    expect(ports).toHaveLength(3);
    await onHost('edge-1', `iptables -A OUTPUT -p tcp --sport ${ports[1]} -j REJECT --reject-with tcp-reset`);
    await expect.poll(() => onHost('edge-1', `${list} | wc -l`), { timeout: 5000 }).toBe('2\n');
    const reports = await held.stop();
    const broken = reports.filter((report) => report.broken !== null);
    expect(broken.map(({ caller }) => caller)).toEqual([{ address: '192.0.2.11', port: ports[1] }]);
    await lab.reboot('edge-1');
  });

  it('do not begin where nobody listens', async () => {
    await expect(
      lab.holdConnections({ host: 'edge-1' }, { address: INTERNET4, port: 9, count: 2 }),
    ).rejects.toThrow(`no connection to ${INTERNET4}: connect ECONNREFUSED`);
  });
});

describe('a link fails', () => {
  const carrier = (host: string) => onHost(host, 'cat /sys/class/net/isp1/carrier');

  it('without a carrier: one host alone, until it is plugged in again', async () => {
    await lab.unplug('edge-1', 'isp1');
    expect([await carrier('edge-1'), await carrier('edge-2')]).toEqual(['0\n', '1\n']);
    expect(await onHost('edge-1', 'ip route show default')).toContain(' linkdown');
    expect(await callers({ host: 'edge-2' })).toEqual({ '192.0.2.12': 1, '2001:db8:1::12': 1 });
    await lab.plug('edge-1', 'isp1');
    expect(await carrier('edge-1')).toBe('1\n');
    expect(await callers({ host: 'edge-1' })).toEqual(FIRST_OF_EDGE_1);
  });

  it('on the LAN and at the controller likewise', async () => {
    await onHost('edge-1', MASQUERADE);
    for (const device of ['lan', 'mgmt']) {
      await lab.unplug('edge-1', device);
      expect(await onHost('edge-1', `cat /sys/class/net/${device}/carrier`)).toBe('0\n');
      await lab.plug('edge-1', device);
      expect(await onHost('edge-1', `cat /sys/class/net/${device}/carrier`)).toBe('1\n');
    }
    expect(await callers({ lan: 'edge-1' })).toEqual(FIRST_OF_EDGE_1);
    await expect(lab.unplug('edge-1', 'isp4')).rejects.toThrow('edge-1 has no device "isp4"');
  });

  it('by a gateway that says nothing, to one host or to all, in both families', async () => {
    const forget = 'ip neigh flush dev isp1; ip -6 neigh flush dev isp1';
    const silentTo = async (host: string) => {
      await onHost(host, forget);
      expect(await callers({ host })).toEqual({ 'failed: EHOSTUNREACH': 2 });
      expect(await carrier(host)).toBe('1\n');
    };
    const speaksTo = async (host: string) => {
      await onHost(host, forget);
      await expect
        .poll(() => callers({ host }), { timeout: 10_000 })
        .toEqual({ [`192.0.2.1${host.slice(-1)}`]: 1, [`2001:db8:1::1${host.slice(-1)}`]: 1 });
    };
    await lab.silenceGateway('isp1', 'edge-1');
    await silentTo('edge-1');
    await speaksTo('edge-2');
    await lab.silenceGateway('isp1');
    await Promise.all([silentTo('edge-1'), silentTo('edge-2')]);
    await lab.wakeGateway('isp1', 'edge-2');
    await speaksTo('edge-2');
    await silentTo('edge-1');
    await lab.wakeGateway('isp1');
    await speaksTo('edge-1');
  });

  it('behind a gateway that lives', async () => {
    const forward = (act: string) =>
      lab.inProvider('isp1', [
        'sh',
        '-c',
        `iptables ${act} FORWARD -j DROP && ip6tables ${act} FORWARD -j DROP`,
      ]);
    expect((await forward('-I')).exitCode).toBe(0);
    expect(await callers({ host: 'edge-1' }, { timeoutMs: 500 })).toEqual({ 'failed: timeout': 2 });
    await onHost('edge-1', 'ping -c 1 -W 2 192.0.2.1 && ping -c 1 -W 2 2001:db8:1::1');
    expect((await forward('-D')).exitCode).toBe(0);
    expect(await callers({ host: 'edge-1' })).toEqual(FIRST_OF_EDGE_1);
  });
});
