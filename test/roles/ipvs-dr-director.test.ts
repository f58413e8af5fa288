// The script of ipvs-dr on a director: what it tells ipvsadm, and what it leaves alone. A stand-in keeps the services, for this
// kernel has none; what the real one does with packets is in test/vm.
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { director, IpvsHost, SHOP, STATE, services, VIP } from './support/ipvs-dr.ts';
import type { Variables } from './support/render-role.ts';
import { WORLDS } from './support/test-host.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const FOREIGN = `-A -t 192.0.2.77:80 -s rr
-a -t 192.0.2.77:80 -r 10.0.0.9:80 -g -w 1
`;
const KEY = `tcp/${VIP}:80`;
const SHOP_SERVICE = `-A -t ${VIP}:80 -s rr
-a -t ${VIP}:80 -r 192.0.2.11:80 -g -w 1
-a -t ${VIP}:80 -r 192.0.2.12:80 -g -w 1
`;
const servers = (...real_servers: readonly unknown[]): Variables => services({ ...SHOP, real_servers });

describe.each(WORLDS.slice(0, 3))('$title', (world) => {
  let ipvs: IpvsHost;
  beforeEach(async () => {
    ipvs = await IpvsHost.create(world, { arping: false });
    ipvs.services = FOREIGN;
  });
  afterEach(() => ipvs.host.close());

  const install = (variables: Variables = {}) => ipvs.install(director(variables));
  function does(action: string): readonly string[] {
    const { status, stderr } = ipvs.host.script(action);
    expect({ action, status, stderr }).toMatchObject({ status: 0 });
    return ipvs.takeCalls();
  }
  const says = (action: string) => ipvs.host.script(action);

  test('start twice is once, status knows, stop leaves what was there before', () => {
    const before = ipvs.host.snapshot() + ipvs.host.sh('ip -o address');
    install();
    expect(says('status')).toMatchObject({ status: 3, stdout: 'fairlead-ipvs-dr: not applied\n' });
    expect(does('start')).toEqual([
      `-A -t ${VIP}:80 -s rr`,
      `-a -t ${VIP}:80 -r 192.0.2.11:80 -g -w 1`,
      `-a -t ${VIP}:80 -r 192.0.2.12:80 -g -w 1`,
    ]);
    expect(ipvs.host.sh('ip -o address show dev v0')).toContain(` ${VIP}/32 `);
    expect(says('status')).toEqual({ status: 0, stdout: 'fairlead-ipvs-dr: applied\n', stderr: '' });
    expect(does('start')).toEqual([]);
    expect(does('reload')).toEqual([]);
    expect(does('stop')).toEqual([`-D -t ${VIP}:80`]);
    expect(ipvs.services).toBe(FOREIGN);
    expect(ipvs.host.snapshot() + ipvs.host.sh('ip -o address')).toBe(before);
    expect(
      ipvs.host
        .inside('ls -A /var/lib /run')
        .split('\n')
        .filter((name) => /drain|fairlead\//.test(name)),
    ).toEqual([]);
    expect(says('status').status).toBe(3);
  });

  test('what is drifted is edited, one by one', () => {
    install();
    does('start');
    ipvs.services =
      FOREIGN +
      SHOP_SERVICE.replace('-s rr', '-s wlc').replace('192.0.2.11:80 -g -w 1', '192.0.2.11:80 -g -w 9');
    expect(says('status')).toEqual({
      status: 4,
      stdout: `fairlead-ipvs-dr: changed service ${KEY} -s rr | -s wlc
fairlead-ipvs-dr: changed server ${KEY} 192.0.2.11:80 -g -w 1 | -g -w 9
`,
      stderr: '',
    });
    expect(does('reload')).toEqual([`-E -t ${VIP}:80 -s rr`, `-e -t ${VIP}:80 -r 192.0.2.11:80 -g -w 1`]);
    ipvs.services = FOREIGN;
    expect(does('reload')).toHaveLength(3);
    ipvs.host.sh(`ip address del ${VIP}/32 dev v0`);
    expect(says('status')).toMatchObject({
      status: 4,
      stdout: `fairlead-ipvs-dr: missing address v0 ${VIP}/32\n`,
    });
    expect(does('reload')).toEqual([]);
    expect(says('status').status).toBe(0);
  });

  test('options that ipvsadm prints in another order are no difference', () => {
    install(
      services({
        ...SHOP,
        scheduler: 'sh',
        scheduler_flags: ['sh-port', 'sh-fallback'],
        persistence_s: 300,
        persistence_mask: '255.255.255.0',
      }),
    );
    expect(does('start')[0]).toBe(`-A -t ${VIP}:80 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port`);
    ipvs.services = ipvs.services.replace('sh-fallback,sh-port', 'sh-port,sh-fallback');
    expect(does('start')).toEqual([]);
  });

  test("somebody else's service is refused, unless it is as wanted: then it is left alone, also by stop", () => {
    install();
    ipvs.services = FOREIGN + SHOP_SERVICE.replace('-s rr', '-s wrr');
    for (const action of ['check', 'start'])
      expect(says(action)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(`${KEY}, made by somebody else, differs from what is wanted`),
      });
    expect(ipvs.takeCalls()).toEqual([]);
    expect(ipvs.host.sh('ip -o address show dev v0')).not.toContain(VIP);
    ipvs.services = FOREIGN + SHOP_SERVICE;
    expect(does('start')).toEqual([]);
    expect(says('status')).toMatchObject({ status: 0, stdout: expect.stringContaining('left alone') });
    expect(does('stop')).toEqual([]);
    expect(ipvs.services).toBe(FOREIGN + SHOP_SERVICE);
  });

  test('a server that leaves has weight 0, and goes once its connections have ended', async () => {
    install();
    does('start');
    install(servers('web-1'));
    ipvs.setConnections({ [`${KEY} 192.0.2.12:80`]: [1, 0] });
    expect(does('reload')).toEqual([`-e -t ${VIP}:80 -r 192.0.2.12:80 -g -w 0`]);
    expect(says('status')).toMatchObject({ status: 0, stdout: expect.stringContaining('has weight 0') });
    expect(does('reload')).toEqual([]);
    ipvs.setConnections({ [`${KEY} 192.0.2.12:80`]: [0, 5] });
    await vi.waitFor(() => expect(ipvs.services).not.toContain('192.0.2.12'), { timeout: 10_000 });
    expect(ipvs.takeCalls()).toEqual([`-d -t ${VIP}:80 -r 192.0.2.12:80`]);
    expect(says('status')).toMatchObject({ status: 0, stdout: 'fairlead-ipvs-dr: applied\n' });
    await vi.waitFor(() => expect(ipvs.host.inside('ls /run')).not.toContain('.drain'), { timeout: 10_000 });
  });

  test('a server of state drained goes likewise, and comes back when it is active again', () => {
    install();
    does('start');
    ipvs.setConnections({ [`${KEY} 192.0.2.12:80`]: [1, 0] });
    install(servers('web-1', { host: 'web-2', state: 'drained' }));
    expect(does('reload')).toEqual([`-e -t ${VIP}:80 -r 192.0.2.12:80 -g -w 0`]);
    install(servers('web-1', { host: 'web-2', weight: 3 }));
    expect(does('reload')).toEqual([`-e -t ${VIP}:80 -r 192.0.2.12:80 -g -w 3`]);
    expect(ipvs.host.inside(`cat ${STATE}`)).not.toContain('drain');
    install(servers('web-1', { host: 'web-2', state: 'drained' }));
    ipvs.setConnections({});
    expect(does('reload')).toEqual([
      `-e -t ${VIP}:80 -r 192.0.2.12:80 -g -w 0`,
      `-d -t ${VIP}:80 -r 192.0.2.12:80`,
    ]);
    expect(does('start')).toEqual([]);
  });

  test('nobody waits longer than was said; of UDP those count too that are not active', () => {
    const dns = { ...SHOP, protocol: 'udp', port: 53 };
    install(services(dns));
    does('start');
    ipvs.setConnections({ [`udp/${VIP}:53 192.0.2.12:53`]: [0, 1] });
    install(services({ ...dns, real_servers: ['web-1'] }));
    expect(does('reload')).toEqual([`-e -u ${VIP}:53 -r 192.0.2.12:53 -g -w 0`]);
    install({
      ...services({ ...dns, real_servers: [{ host: 'web-2', state: 'drained' }] }),
      ipvs_dr_drain_s: 0,
    });
    expect(does('reload')).toEqual([
      `-e -u ${VIP}:53 -r 192.0.2.11:53 -g -w 0`,
      `-d -u ${VIP}:53 -r 192.0.2.11:53`,
    ]);
    expect(does('stop')).toEqual([`-D -u ${VIP}:53`]);
  });

  test('a service that is no longer wanted is emptied first', async () => {
    install(services(SHOP, { ...SHOP, name: 'other', port: 443 }));
    does('start');
    const other = `tcp/${VIP}:443`;
    ipvs.setConnections({ [`${other} 192.0.2.11:443`]: [1, 0] });
    install();
    expect(does('reload')).toEqual([
      `-e -t ${VIP}:443 -r 192.0.2.11:443 -g -w 0`,
      `-e -t ${VIP}:443 -r 192.0.2.12:443 -g -w 0`,
      `-d -t ${VIP}:443 -r 192.0.2.12:443`,
    ]);
    ipvs.setConnections({});
    await vi.waitFor(() => expect(ipvs.services).toBe(FOREIGN + SHOP_SERVICE), { timeout: 10_000 });
    expect(ipvs.takeCalls()).toEqual([`-d -t ${VIP}:443 -r 192.0.2.11:443`, `-D -t ${VIP}:443`]);
    expect(says('status').status).toBe(0);
  });

  test('marks, timeouts and synchronisation come and go', () => {
    install({
      ...services({
        ...SHOP,
        port: null,
        fwmark: 7,
        ports: [80, '443/udp', '8000-8100'],
        forwarding: 'nat',
      }),
      ipvs_dr_timeouts: { tcp: 3600, tcp_fin: 60, udp: 30 },
      ipvs_dr_sync: { device: 'v1', id: 9 },
    });
    const before = ipvs.host.snapshot();
    expect(does('start')).toEqual([
      '-A -f 7 -s rr',
      '-a -f 7 -r 192.0.2.11:0 -m -w 1',
      '-a -f 7 -r 192.0.2.12:0 -m -w 1',
      '--set 3600 60 30',
      '--start-daemon master --mcast-interface v1 --syncid 9',
      '--start-daemon backup --mcast-interface v1 --syncid 9',
    ]);
    expect(ipvs.host.sh('iptables-save -t mangle | grep -e "-A fairlead"')).toBe(
      `-A fairlead-ipvs-dr -d ${VIP}/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x7/0xffffffff
-A fairlead-ipvs-dr -d ${VIP}/32 -p udp -m udp --dport 443 -j MARK --set-xmark 0x7/0xffffffff
-A fairlead-ipvs-dr -d ${VIP}/32 -p tcp -m tcp --dport 8000:8100 -j MARK --set-xmark 0x7/0xffffffff
`,
    );
    expect(ipvs.host.sh('cat /proc/sys/net/ipv4/ip_forward').trim()).toBe('1');
    expect(ipvs.host.setting('v0', 'send_redirects')).toBe('0');
    expect(does('start')).toEqual([]);
    expect(says('status').status).toBe(0);
    expect(does('stop')).toEqual([
      '--stop-daemon master',
      '--stop-daemon backup',
      '-D -f 7',
      '--set 900 120 300',
    ]);
    expect(ipvs.host.snapshot().replaceAll(/table ip mangle\n/g, '')).toBe(
      before.replaceAll(/table ip mangle\n/g, ''),
    );
  });

  test('marks of both families have their chains', () => {
    const marked = { port: null, ports: [80], forwarding: 'nat' };
    install(
      services(
        { ...SHOP, ...marked, vip: '2001:db8::200', fwmark: 6 },
        { ...SHOP, ...marked, name: 'four', fwmark: 4 },
      ),
    );
    does('start');
    expect(ipvs.host.sh('ip6tables-save -t mangle')).toContain(
      '-A fairlead-ipvs-dr -d 2001:db8::200/128 -p tcp',
    );
    expect(ipvs.host.sh('iptables-save -t mangle')).toContain(`-A fairlead-ipvs-dr -d ${VIP}/32 -p tcp`);
    expect(says('status').status).toBe(0);
    does('stop');
    expect(ipvs.host.sh('iptables-save; ip6tables-save')).not.toContain('fairlead');
  });

  test('keepalived has VIPs and services, the rest is ours', () => {
    install({
      ...services({ ...SHOP, port: null, fwmark: 7, ports: [80] }),
      ipvs_dr_manager: 'keepalived',
      ipvs_dr_directors: ['host-1', 'lb-1'],
      ipvs_dr_sync: { device: 'v1' },
    });
    expect(does('start')).toEqual([]);
    expect(ipvs.host.sh('ip -o address')).not.toContain(VIP);
    expect(ipvs.host.sh('iptables-save -t mangle')).toContain('--set-xmark 0x7/0xffffffff');
    ipvs.services = FOREIGN + SHOP_SERVICE.replace('-s rr', '-s wrr');
    expect(says('status').status).toBe(0);
    expect(does('stop')).toEqual([]);
  });

  test('what the script has made is left to keepalived when it comes', () => {
    install();
    does('start');
    install({ ipvs_dr_manager: 'keepalived' });
    expect(does('reload')).toEqual([]);
    expect(ipvs.services).toBe(FOREIGN + SHOP_SERVICE);
    expect(ipvs.host.sh('ip -o address')).not.toContain(VIP);
    expect(does('stop')).toEqual([]);
  });

  test.each<[string, Variables, number, RegExp]>([
    [
      'a scheduler that the kernel has not',
      services({ ...SHOP, scheduler: 'nq' }),
      5,
      /no scheduler nq \(module ip_vs_nq\)/,
    ],
    [
      'a real server twice',
      servers('web-1', { address: '192.0.2.11' }),
      6,
      /has the real server 192\.0\.2\.11:80 twice/,
    ],
    [
      'a service twice',
      services(SHOP, { ...SHOP, name: 'b' }),
      6,
      /there are two services tcp\/192\.0\.2\.200:80/,
    ],
    ['a real server that is a director', servers('host-1'), 6, /host-1 is a director and a real server/],
    [
      'two directors without keepalived',
      { ipvs_dr_directors: ['host-1', 'lb-1'] },
      6,
      /2 directors would have the same/,
    ],
    ['no device', { ipvs_dr_device: null }, 6, /say ipvs_dr_device, the interface that has 192\.0\.2\.200/],
    [
      'snat without conntrack',
      { ...services({ ...SHOP, forwarding: 'nat', snat: true }), ipvs_dr_settings: { conntrack: 0 } },
      6,
      /snat needs ipvs_dr_settings: \{conntrack: 1\}/,
    ],
  ])('%s is refused before anything is changed', (_title, variables, status, told) => {
    install(variables);
    for (const action of ['check', 'start'])
      expect(says(action)).toMatchObject({ status, stderr: expect.stringMatching(told) });
    expect(ipvs.takeCalls()).toEqual([]);
    expect(ipvs.services).toBe(FOREIGN);
    expect(ipvs.host.sh('ip -o address')).not.toContain(VIP);
  });

  test('a VIP that the network configuration brings stays', () => {
    install();
    ipvs.host.sh(`ip address add ${VIP}/24 dev v0`);
    does('start');
    expect(says('status').status).toBe(0);
    does('stop');
    expect(ipvs.host.sh('ip -o address show dev v0')).toContain(`${VIP}/24`);
  });

  test('after a reboot nothing is taken for ours that was so before', () => {
    install();
    does('start');
    ipvs.host.newBootId();
    ipvs.services = SHOP_SERVICE.replace('-s rr', '-s wrr');
    expect(says('status')).toMatchObject({ status: 3 });
    expect(says('check')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('made by somebody else'),
    });
  });
});

test('a VIP that somebody else on the network has is refused, and taken once it is free', async () => {
  const [world] = WORLDS;
  if (world === undefined) throw new Error('no world');
  const ipvs = await IpvsHost.create(world, { arping: true });
  onTestFinished(() => ipvs.host.close());
  ipvs.install(director());
  ipvs.host.outer.sh(`ip address add ${VIP}/24 dev p0`);
  expect(ipvs.host.script('check')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/192\.0\.2\.200 cannot be added to v0: [0-9A-Fa-f:]+ has it/),
  });
  ipvs.host.outer.sh(`ip address del ${VIP}/24 dev p0`);
  expect(ipvs.host.script('start')).toMatchObject({ status: 0 });
  expect(ipvs.host.sh('ip -o address show dev v0')).toContain(VIP);
});
