// The promise of verify: whatever somebody does to a host behind our back is named, one by one, with exit status 3, and
// looking changes nothing; a run puts it right, and verify then says so with 0.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Captured } from '../../src/lab/namespaces.ts';
import { internetAddress } from '../../src/lab/plan.ts';
import { fairlead, PROJECT } from './support/fairlead.ts';
import { figure, RoleLab, SNAPSHOT } from './support/role-lab.ts';

const HOST = 'edge-1';
const folder = mkdtempSync(join(tmpdir(), 'fairlead-verify-'));
const PLAYBOOK = join(folder, 'site.yml');
const OTHER = join(folder, 'other.yml');

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-verify', hostCount: 1, owner: 'this-process' });
  role = new RoleLab(lab);
  const variables = {
    snat_rr_backend: 'iptables',
    snat_rr_manage_addresses: true,
    snat_rr_pools: [{ name: 'isp1', device: 'isp1', sources: ['192.0.2.101', '192.0.2.102'] }],
    snat_rr_probe_targets: [internetAddress(1, 'IPv4')],
  };
  symlinkSync(join(PROJECT, 'roles'), join(folder, 'roles'));
  writeFileSync(
    PLAYBOOK,
    `- name: edge
  hosts: edge
  vars: ${JSON.stringify(variables)}
  roles:
    - split-access
    - snat-rr
  tasks:
    - name: motd
      copy: { content: "wanted\\n", dest: /etc/motd }
    - name: limits
      sysctl: { name: net.ipv4.ip_local_reserved_ports, value: "8080" }
    - name: a command
      command: "true"
`,
  );
  writeFileSync(
    OTHER,
    `- hosts: edge\n  guard: 30s\n  tasks:\n    - copy: { content: "other\\n", dest: /etc/motd }\n`,
  );
  const run = await fairlead(lab, 'run', PLAYBOOK);
  const { exitCode, stdout, stderr } = run;
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout, stderr: '' });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await lab.down();
});

/** What it says, having changed nothing. */
async function verify(...words: readonly string[]): Promise<Captured> {
  const look = `${SNAPSHOT}\nfind /etc -newer /tmp/before; ls -l /etc/motd /etc/init.d /etc/rc2.d; sha256sum /etc/init.d/* /etc/motd || :`;
  await role.onHost(HOST, 'touch /tmp/before');
  const before = await role.onHost(HOST, look);
  const said = await fairlead(lab, 'verify', PLAYBOOK, ...words);
  expect(await role.onHost(HOST, look)).toBe(before);
  return said;
}

const asWanted = (said: Captured) => ({ status: said.exitCode, last: said.stdout.trim().split('\n').at(-1) });
const WELL = { status: 0, last: '1 host: 1 as wanted, 0 drifted' };

/** Each sort of damage, and how it is named. */
const DAMAGE = (
  [
    [
      'all tables of iptables flushed',
      'for tables in iptables-legacy iptables-nft; do for table in nat mangle; do $tables -t $table -F; $tables -t $table -X; done; done',
      /missing chain -4 nat fairlead-snat-rr/,
    ],
    [
      'a jump deleted',
      `for tables in iptables-legacy iptables-nft; do
       rule=$($tables -t nat -S POSTROUTING | sed -n 's/^-A \\(.*-j fairlead-snat-rr.*\\)/\\1/p' | head -n 1)
       [ -z "$rule" ] || $tables -t nat -D $rule
     done`,
      /missing jump -4 nat POSTROUTING .*fairlead-snat-rr/,
    ],
    [
      'a rule deleted',
      "ip rule del priority $(ip rule | sed -n 's/^\\([0-9]*\\):.*from 192\\.0\\.2\\.11 .*/\\1/p' | head -n 1)",
      /missing -?4? ?rule.*192\.0\.2\.11/,
    ],
    [
      'a route deleted',
      "table=$(ip rule | sed -n 's/.*from 192\\.0\\.2\\.11 lookup \\([^ ]*\\).*/\\1/p' | head -n 1); ip route del default table $table",
      /missing -?4? ?route.*default/,
    ],
    [
      'a setting changed',
      'echo 9999 >/proc/sys/net/ipv4/ip_local_reserved_ports',
      /limits: set net\.ipv4\.ip_local_reserved_ports: 9999 → 8080/,
      /-9999\n.*\+8080/,
    ],
    [
      'a file edited',
      'echo somebody else >>/etc/motd',
      /motd: /,
      /-somebody else/,
      /may have been: whoever wrote it at 20.*\/etc\/motd was last written then and belongs to root/,
    ],
    [
      'a file removed',
      'rm /etc/motd',
      /motd: create \/etc\/motd/,
      /may have been: whoever removed it at 20.*\/etc\/motd is not there/,
    ],
    ['the prober stopped', 'read -r _ pid _ </run/fairlead-snat-rr.prober; kill -9 "$pid"'],
    ['disabled at boot', 'rm /etc/rc[2345].d/S??fairlead-snat-rr', /enable at boot/],
  ] as const satisfies readonly (readonly [string, string, ...RegExp[]])[]
).map(([what, damage, ...names]) => ({ what, damage, names }));

describe('verify', () => {
  it('says of a host that is as wanted that it is, and what it cannot tell', async () => {
    const said = await verify('-v');
    expect(asWanted(said)).toEqual(WELL);
    expect(said.stdout).toMatch(/^edge-1 +as wanted: \d+ tasks$/m);
    expect(said.stdout).toMatch(/^not verified\n {2}a command: it acts each time it runs/m);
  });

  it.each(DAMAGE)('names what is wrong: $what', async ({ what, damage, names }) => {
    await role.onHost(HOST, damage);
    const said = await verify();
    for (const name of names) expect(said.stdout).toMatch(name);
    expect(asWanted(said)).toEqual({ status: 3, last: '1 host: 0 as wanted, 1 drifted' });
    const repaired = await fairlead(lab, 'run', PLAYBOOK);
    expect(repaired).toMatchObject({ exitCode: 0 });
    expect(asWanted(await verify())).toEqual(WELL);
    figure(`${what}: named, and right after a run`);
  });

  it('says who else ran something there', async () => {
    expect(await fairlead(lab, 'run', OTHER)).toMatchObject({ exitCode: 0 });
    const said = await verify();
    expect(said.stdout).toMatch(
      /may have been: a fairlead run by \S+@\S+ at 20\S+ \S+ UTC \(of .*other\.yml, generation \d+\)/,
    );
    expect(said.stdout).toMatch(/last run onto it: 20\S+ \S+ UTC by \S+@\S+, generation \d+/);
    const { exitCode, stdout } = await verify('--output', 'json');
    const [{ hosts }] = JSON.parse(stdout);
    expect({ exitCode, status: hosts[HOST].status }).toEqual({ exitCode: 3, status: 'drifted' });
    expect(hosts[HOST].suspicions.map(({ who }: { who: string }) => who)).toContainEqual(
      expect.stringMatching(/^a fairlead run by /),
    );
  });

  it('has status 1 for a host that cannot be asked', async () => {
    const said = await fairlead(lab, 'verify', PLAYBOOK, '-e', 'ansible_port=1');
    expect(said.exitCode).toBe(1);
    expect(said.stdout).toMatch(/^edge-1 +unreachable\n {2}\S/m);
  });
});
