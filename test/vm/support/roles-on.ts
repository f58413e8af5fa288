// The same story on every init: all roles on one machine, proven with packets, a real reboot, proven again, and gone without
// a trace. What is particular to an init is said in its test file.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineSystem } from '../../../src/lab/vm/systems.ts';
import { figure } from '../../lab/support/role-lab.ts';
import { RolesMachine } from './roles-machine.ts';
import type { RoleName } from './roles-variables.ts';

const HOST = 'edge-1';

/** As iptables-save prints it: chains that let everything pass, and no rule. */
const EMPTY_TABLE = /^\*\w+\n(?::\w+ ACCEPT\n)+COMMIT\n/gm;

export interface InitParticulars {
  /** In the order in which the playbook has them. */
  readonly roles: readonly RoleName[];
  /** sh on the machine with `$script`, a boot script's name: status 0 where init will start it at boot. */
  readonly isEnabled: string;
  /** split-access and ecmp mark connections, so that what is forwarded goes back by the link it came in by, too. */
  readonly marks?: boolean;
  /** A host without nft keeps the built-in tables that iptables has made, empty, until it boots. */
  readonly emptyTables?: 'gone' | 'stay';
  /** What only this init has to show. */
  readonly more?: (machine: () => RolesMachine) => void;
}

export function rolesOn(
  system: MachineSystem,
  { roles, isEnabled, marks = false, emptyTables = 'gone', more }: InitParticulars,
): void {
  const scripts = roles.flatMap((role) => (role === 'ecmp' ? ['split-access', role] : [role]));
  const has = (role: RoleName) => roles.includes(role);
  const variables = marks ? { split_access_track: true, ecmp_track: true } : {};
  let machine: RolesMachine;
  let before: string;

  beforeAll(async () => {
    const startMs = performance.now();
    machine = await RolesMachine.create(`test-roles-on-${system}`, [system], { lan: true });
    before = await machine.picture(HOST);
    figure(`${system}: up after ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  });

  afterAll(() => machine.down());

  async function expectEverythingWorks(): Promise<void> {
    await machine.expectApplied(HOST, scripts);
    await machine.expectAnswers(HOST, 'isp1', 'isp2');
    if (marks) await machine.expectForwardedPort(HOST);
    if (has('snat-rr')) await machine.expectTurns(HOST);
    if (has('ipvs-dr')) await machine.expectVirtualService(HOST);
    if (has('clusterip')) await machine.expectSharedAddress(HOST);
  }

  describe(`all roles on ${system}`, () => {
    it('are put there by one playbook, enabled at boot, and work', async () => {
      expect(await machine.install(roles, variables)).toBeGreaterThanOrEqual(scripts.length);
      await expectEverythingWorks();
      for (const script of scripts) await machine.onHost(HOST, `script=fairlead-${script}; ${isEnabled}`);
    });

    it('are left alone by a second run', async () => {
      expect(await machine.install(roles, variables)).toBe(0);
    });

    it('work after a reboot, and nothing differs from what is wanted', async () => {
      await machine.rebootFromInside(HOST);
      await expectEverythingWorks();
      await machine.verify(roles, variables);
    });

    more?.(() => machine);

    it('go without a trace', async () => {
      await machine.uninstall(roles);
      const after = await machine.picture(HOST);
      expect(after.split('\n').filter((line) => line.includes('fairlead'))).toEqual([]);
      expect(emptyTables === 'stay' ? after.replaceAll(EMPTY_TABLE, '') : after).toBe(before);
    });
  });
}
