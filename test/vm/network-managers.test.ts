// The two network managers that Debian has for servers, and split-access beside them: ifupdown, whose hooks put right what a
// link took with it, and systemd-networkd, which removes what it did not make unless it is told not to.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secondsUntil } from '../lab/support/role-lab.ts';
import { RolesMachine } from './support/roles-machine.ts';
import { changeToNetworkd } from './support/roles-networkd.ts';

const HOST = 'edge-1';
const RECONCILED = { split_access_reconcile_s: 5 };

let machine: RolesMachine;

beforeAll(async () => {
  machine = await RolesMachine.create('test-network-managers', ['systemd']);
});

afterAll(() => machine.down());

const rules = () =>
  machine.onHost(HOST, "ip rule | grep -c 'proto 222'; ip -6 rule | grep -c 'proto 222' || :");

/** How many the role has had to add, as the journal tells. */
const ruleRepairs = () => machine.onHost(HOST, "journalctl -o cat | grep -c 'ip -[46] rule add' || :");

const isApplied = async () => (await machine.script(HOST, 'split-access', 'status')).exitCode === 0;

describe('ifupdown', () => {
  it('calls the role when a link comes back, and systemd reloads it', async () => {
    await machine.install(['split-access']);
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
    await machine.onHost(HOST, 'ifdown isp2');
    expect((await machine.script(HOST, 'split-access', 'status')).exitCode).toBe(4);
    await machine.onHost(HOST, 'ifup isp2');
    await secondsUntil(isApplied, { withinS: 60, what: 'the hook has put it right' });
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
    expect(await machine.onHost(HOST, 'systemctl is-active fairlead-split-access')).toBe('active\n');
  });

  it('starts the role anew where it failed for want of a link that it needs', async () => {
    await machine.onHost(HOST, 'ifdown isp2');
    const start = 'systemctl stop fairlead-split-access; ! systemctl start fairlead-split-access';
    await machine.install(['split-access'], { split_access_wait_s: 0 }).catch(() => undefined);
    await machine.onHost(HOST, start);
    expect((await machine.lab.inHost(HOST, ['systemctl', 'is-failed', 'fairlead-split-access'])).stdout).toBe(
      'failed\n',
    );
    await machine.onHost(HOST, 'ifup isp2');
    await secondsUntil(isApplied, { withinS: 60, what: 'the hook has started it' });
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
  });
});

describe('systemd-networkd', () => {
  it('is told once to leave foreign rules and routes alone', async () => {
    await machine.onHost(HOST, changeToNetworkd(machine.lab.host(HOST)));
    await machine.rebootFromInside(HOST);
    expect(await machine.onHost(HOST, 'systemctl is-active systemd-networkd')).toBe('active\n');
    expect(await machine.install(['split-access'], RECONCILED)).toBe(1);
    expect(await machine.onHost(HOST, 'cat /etc/systemd/networkd.conf.d/*split-access.conf')).toContain(
      'ManageForeignRoutingPolicyRules=no\nManageForeignRoutes=no\n',
    );
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
    expect(await machine.install(['split-access'], RECONCILED)).toBe(0);
  });

  it('sets its IPv4 addresses anew when it is restarted, and the timer puts back the routes that went with them', async () => {
    const before = await ruleRepairs();
    await machine.onHost(HOST, 'systemctl restart systemd-networkd');
    await secondsUntil(isApplied, { withinS: 60, what: 'the timer has put it right' });
    expect(await ruleRepairs(), 'rules were never gone').toBe(before);
    // Main first, two links, and the virtual address.
    expect(await rules()).toBe('4\n3\n');
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
  });

  it('takes nothing away where it is told to keep its addresses, too', async () => {
    await secondsUntil(isApplied, { withinS: 60, what: 'nothing is left to be put right' });
    await machine.onHost(
      HOST,
      `systemctl stop fairlead-split-access-reconcile.timer
       for file in /etc/systemd/network/10-*; do echo KeepConfiguration=static >>"$file"; done`,
    );
    await machine.onHost(
      HOST,
      'systemctl restart systemd-networkd; sleep 2; systemctl restart systemd-networkd; sleep 2',
    );
    await machine.expectApplied(HOST, ['split-access']);
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
  });

  it('takes the rules away where somebody removed what it was told, and the timer puts them back', async () => {
    await machine.onHost(
      HOST,
      'rm /etc/systemd/networkd.conf.d/*split-access.conf && systemctl restart systemd-networkd',
    );
    await secondsUntil(async () => (await rules()) === '0\n0\n', { withinS: 20, what: 'they are gone' });
    await machine.onHost(HOST, 'systemctl start fairlead-split-access-reconcile.timer');
    await secondsUntil(isApplied, { withinS: 60, what: 'the timer has put it right' });
    expect(await machine.install(['split-access'], RECONCILED)).toBe(1);
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
  });

  it('has the role beside it at the next boot', async () => {
    await machine.rebootFromInside(HOST);
    await secondsUntil(isApplied, { withinS: 60, what: 'the boot is over' });
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
    expect(await machine.onHost(HOST, 'systemctl is-system-running')).toBe('running\n');
  });
});
