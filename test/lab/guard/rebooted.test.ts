// A host that goes down in the middle comes up as it was; one that was confirmed comes up as it is wanted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';
import { secondsUntil } from '../support/role-lab.ts';

const HOST = 'edge-1';
/** Read by the boot: whether it goes back before the network comes up shows in what ifup made of it. */
const INTERFACES = '/etc/network/interfaces';
const CHANGE = `
- lineinfile:
    path: ${INTERFACES}
    insertafter: "^iface mgmt inet "
    line: "  up ip rule add priority 97 from 198.51.100.9 table 77"
- ip_rule: { priority: 97, from: 198.51.100.9, table: 77 }`;

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('rebooted');
});

afterAll(() => guard.down());

const rules = () => guard.role.onHost(HOST, 'ip rule show');

describe('a power cut', () => {
  it('in the middle of the window: it goes back before the network starts', async () => {
    const before = await guard.picture(HOST, INTERFACES);
    const run = guard.start(guard.playbook(`${CHANGE}\n- pause: { seconds: 600 }`));
    await run.until('it waits', (event) => event.kind === 'host-working' && event.doing === 'waiting');
    expect(await rules()).toMatch(/^97:/m);
    await run.kill();
    await guard.lab.reboot(HOST);
    expect(await guard.picture(HOST, INTERFACES)).toBe(before);
    expect(await guard.journal(HOST)).toMatch(/rolled back \(the host rebooted/);
  });

  it('while the controller lives: it notices, and says what has become of it', async () => {
    const before = await guard.picture(HOST, INTERFACES);
    const run = guard.start(guard.playbook(`${CHANGE}\n- shell: touch /run/there; sleep 600`));
    const isThere = async () => (await guard.lab.inHost(HOST, ['test', '-e', '/run/there'])).exitCode === 0;
    await secondsUntil(isThere, { withinS: 20, what: 'the task has begun' });
    await guard.lab.reboot(HOST);
    const { exitCode } = await run.ended;
    expect(exitCode).toBe(1);
    expect(run.events()).toContainEqual(
      expect.objectContaining({
        kind: 'guard-rolled-back',
        reason: 'the host rebooted and nobody had confirmed it',
        differences: [],
      }),
    );
    expect(await guard.picture(HOST, INTERFACES)).toBe(before);
  });

  it('after it was confirmed: it stays', async () => {
    const run = await guard.run(guard.playbook(CHANGE));
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    await guard.lab.reboot(HOST);
    expect(await rules()).toMatch(/^97:/m);
  });
});
