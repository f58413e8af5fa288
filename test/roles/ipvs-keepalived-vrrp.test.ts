// The tasks for keepalived, and its VRRP, on two hosts of a lab: what is refused and why, what a run changes, who has
// the addresses when a director dies, is stopped, returns, or is told of one more address. There is no IPVS here, so
// keepalived is told to do VRRP alone (-P).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Captured } from '../../src/lab/namespaces.ts';
import { changesOf, MAIN } from '../lab/support/fairlead.ts';
import { figure, RoleLab, secondsUntil } from '../lab/support/role-lab.ts';
import { longestSilenceMs, Newcomers } from './support/newcomers.ts';
import type { Variables } from './support/render-role.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const CONF = '/etc/keepalived/keepalived.conf';
const VIP = '192.0.2.200';
const INSTANCE = {
  name: 'outside',
  router_id: 51,
  priorities: { 'edge-1': 150, 'edge-2': 100 },
  vips: [VIP] as readonly string[],
};
const PLAY = `- hosts: all
  tasks:
    - import_role: {name: ipvs-dr, tasks_from: keepalived-check}
    - import_role: {name: ipvs-dr, tasks_from: keepalived}
`;

// A lab's host has the machine's programs, but an /etc of its own.
const DRESS = `echo DAEMON_ARGS=-P >/etc/default/keepalived
mkdir -p /etc/keepalived
printf %s "$1" >/etc/init.d/keepalived
chmod 755 /etc/init.d/keepalived`;

const folder = mkdtempSync(join(tmpdir(), 'fairlead-vrrp-'));
let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-ipvs-keepalived', hostCount: 2, owner: 'this-process' });
  role = new RoleLab(lab);
  writeFileSync(join(folder, 'play.yml'), PLAY);
  const hosts = lab.hosts.map(({ name }, at) => `    ${name}: {ipvs_dr_address: 192.0.2.${11 + at}}\n`);
  writeFileSync(join(folder, 'more.yml'), `all:\n  vars: {guard_peers: all}\n  hosts:\n${hosts.join('')}`);
  const initScript = readFileSync('/etc/init.d/keepalived', 'utf8');
  for (const { name } of lab.hosts) {
    const { exitCode } = await lab.inHost(name, ['sh', '-ec', DRESS, 'sh', initScript]);
    expect(exitCode).toBe(0);
  }
});
afterAll(async () => {
  await lab.down();
  rmSync(folder, { recursive: true });
});

function run(variables: Variables = {}, ...words: readonly string[]): Promise<Captured> {
  const all = {
    ipvs_dr_manager: 'keepalived',
    ipvs_dr_directors: ['edge-1', 'edge-2'],
    ipvs_dr_device: 'isp1',
    ipvs_dr_vrrp: [INSTANCE],
    ipvs_dr_services: [{ name: 'hello', vip: VIP, port: 7777, real_servers: [{ address: '192.0.2.99' }] }],
    ...variables,
  };
  const inventories = ['-i', lab.paths.inventory, '-i', join(folder, 'more.yml')];
  const extra = ['-e', JSON.stringify(all), ...words];
  return lab.inController([
    process.execPath,
    MAIN,
    'run',
    ...inventories,
    join(folder, 'play.yml'),
    ...extra,
  ]);
}

/** The number of changes; fails where the run does. */
async function runs(variables: Variables = {}): Promise<number> {
  const ran = await run(variables);
  if (ran.exitCode !== 0 || ran.stderr !== '') throw new Error(ran.stdout + ran.stderr);
  return changesOf(ran) ?? Number.NaN;
}

/** The hosts that have the address now. */
async function owners(address: string = VIP): Promise<readonly string[]> {
  const having = await Promise.all(
    lab.hosts.map(async ({ name }) =>
      (await role.onHost(name, 'ip -o address show dev isp1')).includes(` ${address}/`) ? [name] : [],
    ),
  );
  return having.flat();
}

const isAt = (host: string) => async () => (await owners()).join() === host;
const processOf = (host: string) => role.onHost(host, 'cat /run/keepalived.pid');

test("somebody else's keepalived.conf is refused, unless it is to be replaced", async () => {
  await role.onHost('edge-1', `mkdir -p /etc/keepalived; echo '# mine' >${CONF}`);
  const refused = await run();
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain(`${CONF} is there, and not from this role`);
  expect(await role.onHost('edge-1', `cat ${CONF}`)).toBe('# mine\n');
  expect(await runs({ ipvs_dr_keepalived_takeover: true })).toBeGreaterThan(0);
  expect(await role.onHost('edge-1', `cat ${CONF}.*~`)).toBe('# mine\n');
  await secondsUntil(isAt('edge-1'), { withinS: 5, what: 'the highest priority has the address' });
});

test('a second run changes nothing; the file is for root alone, and other arguments stay', async () => {
  expect(await runs()).toBe(0);
  expect(await role.onHost('edge-2', `stat -c '%a %U' ${CONF}; cat /etc/default/keepalived`)).toBe(
    '640 root\nDAEMON_ARGS="--dont-release-ipvs -P"\n',
  );
});

test('where keepalived is not installed, it would be', async () => {
  const overlay = 'lowerdir=/usr/sbin,upperdir=/run/over/up,workdir=/run/over/work';
  await role.onHost(
    'edge-2',
    `mkdir -p /run/kept /run/over/up /run/over/work
    mknod /run/over/up/keepalived c 0 0
    mount -t overlay overlay -o ${overlay} /usr/sbin
    for file in default/keepalived init.d/keepalived ${CONF.slice(5)}; do
      mkdir -p "/run/kept/\${file%/*}"
      mv "/etc/$file" "/run/kept/$file"
    done`,
  );
  const { exitCode, stdout } = await run({}, '--check', '--limit', 'edge-2');
  await role.onHost('edge-2', 'umount /usr/sbin; cp -a /run/kept/. /etc');
  expect(stdout).toContain('keepalived: install keepalived (apt)');
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: expect.stringContaining('1 host: all ok,') });
});

test.each([
  ['no instance', { ipvs_dr_vrrp: [] }, 'ipvs_dr_vrrp is empty'],
  ['no device', { ipvs_dr_device: null }, 'outside: no device is said, nor ipvs_dr_device of edge-1'],
  [
    'one priority twice',
    { ipvs_dr_vrrp: [{ ...INSTANCE, priorities: { 'edge-1': 100, 'edge-2': 100 } }] },
    'outside: edge-2 has the priority of edge-1',
  ],
  [
    'a stranger with a priority',
    { ipvs_dr_vrrp: [{ ...INSTANCE, priorities: { ...INSTANCE.priorities, 'edge-9': 50 } }] },
    'outside: edge-9, which has a priority, is not in ipvs_dr_directors',
  ],
  [
    'a vip that nobody has',
    { ipvs_dr_vrrp: [{ ...INSTANCE, vips: ['192.0.2.201'] }] },
    'service hello: no instance of ipvs_dr_vrrp has its vip 192.0.2.200',
  ],
  [
    'a device beside the instance',
    service({ device: 'isp2' }),
    'service hello: its device and prefix are for the boot script',
  ],
  [
    'a check without a port',
    service({ port: null, fwmark: 7, check: { kind: 'http' } }),
    'it has no port of its own that a check could ask',
  ],
  [
    'what keepalived does not take',
    { ipvs_dr_vrrp: [{ ...INSTANCE, device: 'isp9' }] },
    "interface isp9 for vrrp_instance outside doesn't exist",
  ],
])('is refused, and nothing changes: %s', async (_title, variables, said) => {
  const before = await role.onHost('edge-1', `cat ${CONF} /run/keepalived.pid`);
  const { exitCode, stdout } = await run(variables, '--limit', 'edge-1');
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: expect.stringContaining(said) });
  expect(await role.onHost('edge-1', `cat ${CONF} /run/keepalived.pid`)).toBe(before);
});

test('a director without a priority is an error before any host is contacted', async () => {
  const { exitCode, stderr } = await run({ ipvs_dr_vrrp: [{ ...INSTANCE, priorities: { 'edge-1': 150 } }] });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('edge-2') });
});

test('one more address on one director after the other: the address stays where it is', async () => {
  const before = await processOf('edge-1');
  const watch = new Newcomers(lab, VIP);
  const more = { ipvs_dr_vrrp: [{ ...INSTANCE, vips: [VIP, '192.0.2.201', '2001:db8:1::200'] }] };
  expect((await run(more, '--limit', 'edge-2')).exitCode).toBe(0);
  // Longer than three adverts that are not heard.
  await role.onHost('edge-2', 'sleep 3');
  expect(await owners()).toEqual(['edge-1']);
  expect(await runs(more)).toBe(2);
  await secondsUntil(async () => (await owners('192.0.2.201')).join() === 'edge-1', {
    withinS: 5,
    what: 'it is there',
  });
  expect(await owners('2001:db8:1::200')).toEqual(['edge-1']);
  const attempts = await watch.stop();
  expect([...new Set(attempts.map(({ heard }) => heard))]).toEqual(['edge-1']);
  expect(await processOf('edge-1')).toBe(before);
  expect(await runs()).toBeGreaterThan(0);
  await secondsUntil(async () => (await owners('192.0.2.201')).length === 0, {
    withinS: 5,
    what: 'it is gone',
  });
});

test('a power cut: the other one has the address within 3 s, and keeps it when the first is back', async () => {
  const watch = new Newcomers(lab, VIP);
  await lab.reboot('edge-1');
  await secondsUntil(isAt('edge-2'), { withinS: 5, what: 'edge-2 has the address' });
  const held = await lab.holdConnection(VIP);
  await secondsUntil(async () => (await processOf('edge-1')) !== '', {
    withinS: 10,
    what: 'keepalived is back',
  });
  // Longer than it takes the highest priority to take over.
  await role.onHost('edge-1', 'sleep 3');
  expect(await owners()).toEqual(['edge-2']);
  expect(await held.stop()).toMatchObject({ broken: null });
  const silence = longestSilenceMs(await watch.stop());
  figure(`power cut: nobody answered new connections for ${silence} ms`);
  expect(silence).toBeGreaterThan(0);
  expect(silence).toBeLessThanOrEqual(3000);
});

test('a service that is stopped hands over at once', async () => {
  const watch = new Newcomers(lab, VIP);
  await role.onHost('edge-2', '/etc/init.d/keepalived stop');
  await secondsUntil(isAt('edge-1'), { withinS: 5, what: 'edge-1 has the address' });
  const silence = longestSilenceMs(await watch.stop());
  figure(`stopped: nobody answered new connections for ${silence} ms`);
  expect(silence).toBeLessThanOrEqual(1500);
});

test('a director that does not run is started by the next run', async () => {
  expect(await runs()).toBe(1);
  await processOf('edge-2');
});

function service(more: Variables): Variables {
  const real_servers = [{ address: '192.0.2.99' }];
  return { ipvs_dr_services: [{ name: 'hello', vip: VIP, port: 7777, real_servers, ...more }] };
}
