// fairlead's own roles: a first run that goes back leaves nothing of the role, an update that goes back leaves the role as
// it was, at work, and whoever is connected notices nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internetAddress } from '../../../src/lab/plan.ts';
import { uplinkAddresses } from '../support/addresses.ts';
import { GuardLab } from '../support/guard-lab.ts';
import { figure } from '../support/role-lab.ts';

const POOL = { name: 'isp1', device: 'isp1', sources: ['192.0.2.101', '192.0.2.102'] };

interface RoleRow {
  readonly role: string;
  readonly host: string;
  readonly variables: object;
  /** Those that the update changes. */
  readonly update: object;
  /** Where replies of new connections are right by its work, as for split-access: all uplinks answer. */
  readonly uplinks: readonly ('isp1' | 'isp2')[];
}

const ROWS: readonly RoleRow[] = [
  {
    role: 'split-access',
    host: 'edge-1',
    variables: {},
    update: { split_access_table_base: 851, split_access_main_first: false },
    uplinks: ['isp1', 'isp2'],
  },
  {
    role: 'ecmp',
    host: 'edge-2',
    variables: {},
    update: { ecmp_weights: { isp1: 3, isp2: 1 }, ecmp_table: 951 },
    uplinks: ['isp1', 'isp2'],
  },
  {
    role: 'snat-rr',
    host: 'edge-3',
    variables: { snat_rr_pools: [POOL], snat_rr_manage_addresses: true },
    update: { snat_rr_pools: [{ ...POOL, sources: [...POOL.sources, '192.0.2.103'] }] },
    uplinks: ['isp1'],
  },
];

/** Whatever lies in /etc, but for the guard's own boot hook. */
const FILES = `cd /etc; find . -type f ! -name fairlead-guard -exec sha256sum {} + | sort -k 2
find . -type l ! -name '*fairlead-guard' -exec ls -l {} + | sed 's/.* \\./. /' | sort; find . -type d | sort`;

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('roles', { hostCount: ROWS.length });
});

afterAll(() => guard.down());

async function picture(host: string): Promise<string> {
  return `${await guard.picture(host)}\n${await guard.role.onHost(host, FILES)}`;
}

function run(
  { role, host, variables }: RoleRow,
  more: { readonly fails: boolean; readonly update?: object },
) {
  const play = `- hosts: ${host}
  guard: 30s
  roles:
    - ${role}
${more.fails ? '  post_tasks:\n    - command: "false"\n' : ''}`;
  const all = JSON.stringify({ ...variables, ...more.update });
  return guard.run(guard.write(`${role}.yml`, play), '-e', all);
}

describe.each(ROWS)('$role', (row) => {
  const { role, host } = row;

  it('a first run that goes back leaves nothing of it', async () => {
    const before = await picture(host);
    const { exitCode, stdout, stderr } = await run(row, { fails: true });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toMatch(/failed, rolled back, as it was before$/m);
    expect(await picture(host)).toBe(before);
    expect(await guard.role.onHost(host, `pgrep -af '[/]fairlead-${role}' || :`)).toBe('');
  });

  it('an update that goes back leaves it as it was, at work, and every connection alive', async () => {
    const bare = await guard.picture(host);
    const installed = await run(row, { fails: false });
    expect({ exitCode: installed.exitCode, stderr: installed.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect((await guard.role.script(host, role, 'status')).exitCode).toBe(0);
    const before = await picture(host);

    const orders = row.uplinks.flatMap((uplink) => uplinkAddresses(guard.lab.host(host), uplink));
    const inwards = await Promise.all(
      orders.map((address) => guard.lab.holdConnections('internet', { address, count: 5 })),
    );
    const outwards = await guard.lab.holdConnections(
      { host },
      { address: internetAddress(10, 'IPv4'), count: 10 },
    );
    const { exitCode, stdout, stderr } = await run(row, { fails: true, update: row.update });
    const reports = (await Promise.all([...inwards, outwards].map((held) => held.stop()))).flat();

    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toMatch(/failed, rolled back, as it was before$/m);
    expect(await picture(host)).toBe(before);
    expect((await guard.role.script(host, role, 'status')).exitCode).toBe(0);
    expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
    expect(reports.length).toBe(orders.length * 5 + 10);
    const gap = Math.max(...reports.map(({ longestGapMs }) => longestGapMs));
    figure(`${role}: ${reports.length} connections lived, the longest silence ${gap.toFixed(0)} ms`);
    expect((await run(row, { fails: false })).stdout).toMatch(/\b0 changed/);
    // They still know what is their own: ecmp comes with split-access.
    for (const each of [role, 'split-access']) {
      await guard.role.onHost(host, `s=/etc/init.d/fairlead-${each}; [ ! -x $s ] || $s stop 2>/dev/null`);
    }
    expect(await guard.picture(host)).toBe(bare);
  });
});
