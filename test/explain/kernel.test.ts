// Whole explanations of hosts that are namespaces: the program in several shells, marks, NAT, the sample, what the kernel
// drops. The text is what somebody sees.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { agrees } from '../../src/explain/explain.ts';
import { explanationJson } from '../../src/explain/explain-json.ts';
import { explanationText } from '../../src/explain/explain-text.ts';
import { NO_COLOURS } from '../../src/report/paint.ts';
import { Kernel } from './support/kernel.ts';

vi.setConfig({ testTimeout: 60_000 });

let kernel: Kernel | undefined;
afterEach(() => {
  kernel?.close();
  kernel = undefined;
});

/** As split-access and ecmp leave a host. */
const ROLES = `echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy
ip -batch - <<'END'
route add default via 192.0.2.1
route add default via 192.0.2.1 dev v0 table 801 proto 222 src 192.0.2.10
route add default via 203.0.113.1 dev v1 table 802 proto 222 src 203.0.113.10
route add default table 901 proto 223 nexthop via 192.0.2.1 dev v0 weight 3 nexthop via 203.0.113.1 dev v1
rule add prio 10000 lookup main suppress_prefixlength 0 protocol 222
rule add prio 10001 fwmark 0x100000/0xff00000 lookup 801 protocol 222
rule add prio 10101 from 192.0.2.10 lookup 801 protocol 222
rule add prio 10102 from 203.0.113.10 lookup 802 protocol 222
rule add prio 11900 lookup 901 protocol 223
END
iptables-restore <<'END'
*nat
:fairlead-snat-rr-v0-tcp - [0:0]
-A POSTROUTING -o v0 -p tcp -j fairlead-snat-rr-v0-tcp
-A fairlead-snat-rr-v0-tcp -s 192.0.2.10/32 -j RETURN
-A fairlead-snat-rr-v0-tcp -m statistic --mode nth --every 2 --packet 0 -j SNAT --to-source 192.0.2.11
-A fairlead-snat-rr-v0-tcp -j SNAT --to-source 192.0.2.12
COMMIT
END`;

async function host(setup: string, dress?: string): Promise<Kernel> {
  kernel = await Kernel.create(dress);
  kernel.sh(setup);
  return kernel;
}

/** The kernel's release differs by machine, and so does its hash by boot. */
function textOf(explained: Parameters<typeof explanationText>[0]): string {
  return explanationText({ ...explained, kernel: 'K' }, NO_COLOURS);
}

test('a forwarded flow, as text', async () => {
  const it = await host(ROLES);
  it.sh('ip route replace default via 192.0.2.1 dev v0 table 901 proto 223');
  const explained = it.explain({ to: '198.51.100.1', from: '10.9.0.7', dport: '443' });
  expect(textOf(explained)).toMatchInlineSnapshot(`
    "host-1: 10.9.0.7 → 198.51.100.1 tcp dport 443, forwarded, comes in by w0 (kernel K)
      marks   0: a new connection
       1  0     from all lookup local                                          no route to it in there
       2  10000 from all lookup main suppress_prefixlength 0   (split-access)  only its default would match: suppressed
       3  10001 from all fwmark 0x100000/0xff00000 lookup 801  (split-access)  no: the mark is 0
       4  10101 from 192.0.2.10 lookup 801                     (split-access)  no: the source is 10.9.0.7
       5  10102 from 203.0.113.10 lookup 802                   (split-access)  no: the source is 10.9.0.7
       6  11900 from all lookup 901                            (ecmp)          default via 192.0.2.1 dev v0
       → via 192.0.2.1 dev v0, by table 901
      kernel  agrees: 198.51.100.1 from 10.9.0.7 via 192.0.2.1 dev v0 table 901 cache iif w0
      way     via 192.0.2.1 dev v0, source 10.9.0.7
      nat     source by turns over 2 (nat fairlead-snat-rr-v0-tcp)
              1/2   source 192.0.2.11
              1/2   source 192.0.2.12
    "
  `);
});

test('a program that binds no address: the second lookup, pinned by its source', async () => {
  const it = await host(ROLES);
  const explained = it.explain({ to: '198.51.100.1', dport: '443' });
  expect(explained.lookups.map(({ purpose }) => purpose)).toEqual(['source', 'again']);
  const source = explained.way.source ?? '';
  expect(explained.way).toMatchObject(
    source === '192.0.2.10' ? { device: 'v0', table: 801 } : { device: 'v1', table: 802 },
  );
  expect(explained.remarks.join()).not.toContain('no rule "from');
  expect(agrees(explained)).toBe(true);
});

test('without a rule that pins the source, older kernels get a warning', async () => {
  const it = await host(`${ROLES}\nip rule del prio 10101; ip rule del prio 10102`);
  const { remarks, kernel: release } = it.explain({ to: '198.51.100.1' });
  const isOld = /^([0-5]\.|6\.(\d|1[0-5])(\D|$))/.test(release);
  expect(remarks.some((remark) => remark.startsWith('no rule "from'))).toBe(isOld);
});

test('the sample has the weights, and says so', async () => {
  const it = await host(ROLES);
  const { sample } = it.explain({ to: '198.51.100.1', from: '10.9.0.7', dport: '443', sample: '2000' });
  expect(sample).toMatchObject({ asked: 2000, answered: 2000, verdict: 'within-chance' });
  expect(sample?.links.map(({ device, expected }) => [device, expected])).toEqual([
    ['v0', 1500],
    ['v1', 500],
  ]);
  it.sh('echo 0 >/proc/sys/net/ipv4/fib_multipath_hash_policy');
  const alone = it.explain({ to: '198.51.100.1', from: '10.9.0.7', sample: '100' }).sample;
  expect(alone?.verdict).toBe('addresses-alone');
  expect(alone?.links.map(({ observed }) => observed).sort()).toEqual([0, 100]);
  const spread = it.explain({ to: '198.51.0.0/16', from: '10.9.0.7', sample: '1000' }).sample;
  expect(spread).toMatchObject({ answered: 1000, verdict: 'within-chance' });
});

test('each source port gets the answer that the kernel gives it', async () => {
  const it = await host(ROLES);
  const devices = Array.from({ length: 40 }, (_, at) => String(2000 + at)).map((sport) => {
    const { way } = it.explain({ to: '198.51.100.1', from: '10.9.0.7', sport, dport: '443' });
    const said = it.sh(`ip route get 198.51.100.1 from 10.9.0.7 iif w0 ipproto tcp sport ${sport} dport 443`);
    expect(said).toContain(`via ${way.via} dev ${way.device} `);
    return way.device;
  });
  expect([...new Set(devices)].sort()).toEqual(['v0', 'v1']);
});

describe('a mark that mangle gives', () => {
  const mark = (hook: string) =>
    `${ROLES}\niptables -t mangle -A ${hook} -p tcp --dport 443 -j MARK --set-xmark 0x100000/0xff00000`;

  test('to what is forwarded is asked for', async () => {
    const it = await host(`${mark('PREROUTING')}\nip route replace default via 203.0.113.1 dev v1 table 901`);
    expect(it.explain({ to: '198.51.100.1', from: '10.9.0.7', dport: '443' })).toMatchObject({
      marksText: '0x100000, given by mangle',
      way: { device: 'v0', table: 801 },
      lookups: [{ mark: 0x100000, agreement: { kind: 'agree' } }],
    });
    expect(it.explain({ to: '198.51.100.1', from: '10.9.0.7', dport: '80' }).way.device).toBe('v1');
  });

  test('to what the host sends routes it once more, from the source that it has', async () => {
    const it = await host(`${mark('OUTPUT')}\nip route replace default via 203.0.113.1 dev v1 table 901`);
    const explained = it.explain({ to: '198.51.100.1', dport: '443' });
    expect(explained.lookups.map(({ purpose, mark: given }) => [purpose, given])).toEqual([
      ['source', 0],
      ['again', 0],
      ['again', 0x100000],
    ]);
    expect(explained.way).toMatchObject({ device: 'v0', source: '203.0.113.10' });
    expect(agrees(explained)).toBe(true);
  });
});

describe('NAT', () => {
  const shares = (explained: ReturnType<Kernel['explain']>) =>
    explained.translation.shares.map(({ source }) => source);

  test('by turns, and an excluded source', async () => {
    const it = await host(`${ROLES}\nip route replace default via 192.0.2.1 dev v0 table 901`);
    expect(shares(it.explain({ to: '198.51.100.1', from: '10.9.0.7' }))).toEqual([
      '192.0.2.11',
      '192.0.2.12',
    ]);
    expect(it.explain({ to: '198.51.100.1', from: '192.0.2.10' }).translation.by).toBeUndefined();
  });

  test('of iptables-legacy as well, and of our nft table; of others it is said that nobody looked', async () => {
    const it = await host(`ip route add default via 192.0.2.1
iptables-legacy -t nat -A POSTROUTING -o v0 -p udp -j MASQUERADE
nft -f - <<'END'
table ip fairlead-snat-rr {
  chain post {
    type nat hook postrouting priority srcnat;
    oifname "v0" meta l4proto tcp snat to numgen inc mod 2 map { 0 : 192.0.2.11, 1 : 192.0.2.12 }
  }
}
table inet firewall { chain post { type nat hook postrouting priority 100; oifname "v1" masquerade; }; }
END`);
    const [tcp, udp] = ['tcp', 'udp'].map((proto) =>
      it.explain({ to: '198.51.100.1', from: '10.9.0.7', proto }),
    );
    expect(tcp && shares(tcp)).toEqual(['192.0.2.11', '192.0.2.12']);
    expect(udp && shares(udp)).toEqual(['192.0.2.10']);
    expect(tcp?.remarks).toContain('nft table "inet firewall" changes sources too, and was not looked at');
  });
});

test('what the kernel drops on its way in is told, and is no disagreement', async () => {
  const it = await host(`${ROLES}\necho 1 >/proc/sys/net/ipv4/conf/v1/rp_filter`);
  const explained = it.explain({ to: '10.9.0.9', from: '10.9.0.7', iif: 'v1' });
  expect(explained.remarks).toContain(
    'the reverse path filter (rp_filter) drops what comes in by v1 from there',
  );
  expect(agrees(explained)).toBe(true);
  it.sh('echo 0 >/proc/sys/net/ipv4/ip_forward');
  expect(it.explain({ to: '198.51.100.1', from: '10.9.0.7' }).remarks).toContain(
    'the host does not forward what comes in by w0',
  );
});

test.each([
  ['dash', ['dash'], ':'],
  [
    'BusyBox ash, awk and grep',
    ['busybox', 'ash'],
    'mount --bind /usr/bin/busybox /usr/bin/mawk; mount --bind /usr/bin/busybox /usr/bin/grep',
  ],
])('the same in %s', async (_, shell, dress) => {
  const it = await host(`${ROLES}\nip route replace default via 203.0.113.1 dev v1 table 901`, dress);
  const json = explanationJson(
    it.explain({ to: '198.51.100.1', from: '10.9.0.7', dport: '443', sample: '50' }, shell),
  );
  expect(json).toMatchObject({
    agrees: true,
    way: { via: '203.0.113.1', device: 'v1', table: 901, source: '10.9.0.7' },
    sample: { answered: 50, verdict: 'one-nexthop' },
  });
});

test("BusyBox's ip: less is known, and that is said", async () => {
  const it = await host(ROLES, 'mount --bind /usr/bin/busybox "$(readlink -f /usr/sbin/ip)"');
  const explained = it.explain({ to: '198.51.100.1', from: '203.0.113.10', dport: '443' });
  expect(explained.way).toMatchObject({ via: '203.0.113.1', device: 'v1', table: 802 });
  expect(explained.remarks).toEqual([
    "the host's ip is old or BusyBox's: it may leave out parts of rules and routes",
    "the host's ip cannot ask with protocol and ports: the kernel's word is without them",
  ]);
});

test('what a host says cannot reach the terminal as it is', async () => {
  const it = await host(ROLES);
  const explained = it.explain({ to: '198.51.100.1', from: '203.0.113.10', sample: '5' });
  const evil = '\u001b[2J\n';
  const [lookup] = explained.lookups;
  const [step] = lookup?.steps ?? [];
  if (lookup === undefined || step === undefined) throw new Error('nothing was explained');
  const text = textOf({
    ...explained,
    host: evil,
    iif: evil,
    kind: 'forwarded',
    marksText: evil,
    remarks: [evil],
    way: { via: evil, device: evil, table: 1, source: evil },
    lookups: [
      { ...lookup, kernel: evil, outcome: evil, steps: [{ ...step, rule: evil, owner: evil, says: evil }] },
    ],
    translation: {
      by: evil,
      doubts: [],
      shares: [{ source: evil, share: { above: 1, below: 1 }, chain: evil, rule: evil, how: 'fixed' }],
    },
    sample: explained.sample && {
      ...explained.sample,
      links: [{ via: evil, device: evil, observed: 1, weight: 1, expected: 1 }],
    },
  });
  expect(text).not.toContain('\u001b');
  expect(text.match(/\\x1b\[2J\\n/g)?.length).toBe(18);
});

test('asking leaves nothing behind', async () => {
  const it = await host(ROLES);
  const everything = () =>
    it.sh(
      'ip rule; ip route show table all; iptables-nft-save | grep -v "^#"; cat /proc/net/ip_tables_names 2>/dev/null || :; nft list ruleset',
    );
  const before = everything();
  it.explain({ to: '198.51.100.1', from: '10.9.0.7', sample: '10' });
  expect(everything()).toBe(before);
});
