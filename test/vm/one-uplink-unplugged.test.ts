// A machine boots while one of its uplinks has no carrier: the rest comes up, and the link is healed when the cable is back.
// With ifupdown under SysV, which sets addresses without a carrier, and with networkd, which waits for one.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure, secondsUntil } from '../lab/support/role-lab.ts';
import { RolesMachine } from './support/roles-machine.ts';
import { changeToNetworkd } from './support/roles-networkd.ts';

const SYSV = 'edge-1';
const NETWORKD = 'edge-2';
/** What networkd has no hook for: the timer sees to it. */
const RECONCILED = { split_access_reconcile_s: 5 };

let machine: RolesMachine;

beforeAll(async () => {
  machine = await RolesMachine.create('test-one-uplink-unplugged', ['sysv', 'systemd']);
  const { lab } = machine;
  const links = Object.fromEntries(
    lab.hosts.map((host) => [
      host.name,
      host.links.map((link) => ({ ...link, optional: link.name === 'isp2' })),
    ]),
  );
  await machine.install(['split-access'], { ...RECONCILED, links });
  await machine.onHost(NETWORKD, changeToNetworkd(lab.host(NETWORKD)));
  await machine.install(['split-access'], { ...RECONCILED, links });
});

afterAll(() => machine.down());

/** New cables come with a boot, so it is pulled while the kernel still starts. */
async function bootWithout(host: string, device: string): Promise<void> {
  const before = await machine.bootId(host);
  const booted = machine.lab.reboot(host);
  await pulled(host, device);
  await booted;
  expect(await machine.bootId(host)).not.toBe(before);
  expect(await machine.onHost(host, `cat /sys/class/net/${device}/carrier`)).toBe('0\n');
}

async function pulled(host: string, device: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { kind } = machine.lab.state(host);
    if (kind === 'boot') {
      try {
        await machine.lab.unplug(host, device);
        return;
      } catch {
        // Its monitor does not listen yet.
      }
    }
    await delay(50);
  }
  throw new Error(`${host} has not begun to boot`);
}

for (const [manager, host] of [
  ['ifupdown', SYSV],
  ['networkd', NETWORKD],
] as const) {
  it(`${manager}: the rest comes up, and the link when its cable is back`, async () => {
    await bootWithout(host, 'isp2');
    await machine.expectAnswers(host, 'isp1');
    expect(await machine.onHost(host, 'ip rule; ip -6 rule')).toMatch(/proto 222[\s\S]*proto 222/);
    await machine.lab.plug(host, 'isp2');
    const answers = async () => {
      const all = await machine.lab.probe({
        addresses: machine.uplink(host, 'isp2'),
        count: 1,
        timeoutMs: 2000,
      });
      return all.every(({ ok }) => ok === 1);
    };
    const seconds = await secondsUntil(answers, { withinS: 60, what: 'isp2 answers again' });
    figure(`${manager}: the link is healed ${seconds.toFixed(1)} s after its cable is back`);
    await machine.expectApplied(host, ['split-access']);
    await machine.expectAnswers(host, 'isp1', 'isp2');
  });
}
