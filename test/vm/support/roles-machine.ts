// A machine of the lab with our roles on it: installed by one playbook, proven with packets, rebooted for real, and
// uninstalled; and a picture of everything that may be left of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'vitest';
import { createLab } from '../../../src/lab/create-lab.ts';
import { countCallers } from '../../../src/lab/flows.ts';
import { HELLO_PORT, internetAddress } from '../../../src/lab/plan.ts';
import type { LabSystem } from '../../../src/lab/vm/systems.ts';
import { fleetAddresses, POOLS } from '../../lab/support/addresses.ts';
import { changesOf, MAIN } from '../../lab/support/fairlead.ts';
import { freshPorts, RoleLab, SNAPSHOT } from '../../lab/support/role-lab.ts';
import { buildIfStale } from '../../support/compiled.ts';
import type { RoleName } from './roles-variables.ts';
import { UNDO, VARIABLES, VIRTUAL } from './roles-variables.ts';

/**
 * The kernel, the files that a service may have, what init knows of it, and what runs. Without what each boot writes anew, and
 * what insserv reckons from the links.
 */
const PICTURE = `${SNAPSHOT}
ipvsadm -S -n 2>/dev/null; ip maddress show dev isp1 | sort; cat /proc/sys/net/ipv4/ip_forward
find /etc /usr/local /var/lib /var/spool /root -xdev ! -path '/var/lib/systemd/*' ! -path /etc/adjtime |
  sed 's|\\(/rc[0-6S].d/[SK]\\)[0-9][0-9]|\\1--|' | sort
find /etc /usr/local /root -xdev -type f ! -name '.depend.*' ! -path /etc/adjtime -exec cksum {} + | sort
[ ! -d /run/systemd/system ] || systemctl list-units --all --plain --no-legend '*fairlead*'
ls /run | grep fairlead
grep -l -e 'etc/[i]nit.d/fairlead-' -e 'etc/[f]airlead/' /proc/[0-9]*/cmdline 2>/dev/null
:`;

export class RolesMachine extends RoleLab {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fairlead-roles-'));
  #plays = 0;

  static async create(
    name: string,
    systems: readonly LabSystem[],
    { lan = false }: { readonly lan?: boolean } = {},
  ): Promise<RolesMachine> {
    await buildIfStale();
    const options = { name, systems, hostCount: systems.length, lan, owner: 'this-process' } as const;
    return new RolesMachine(await createLab(options));
  }

  async down(): Promise<void> {
    await this.lab.down();
    rmSync(this.#folder, { recursive: true });
  }

  /** Puts these roles on all machines; the number of changes. Fails the test where the run does. */
  install(roles: readonly RoleName[], variables: object = {}): Promise<number> {
    return this.play([{ hosts: 'edge', roles }], variables);
  }

  /** In the words of the roles' READMEs, the last one first, and the guard behind them. */
  async uninstall(roles: readonly RoleName[]): Promise<void> {
    await this.play([{ hosts: 'edge', tasks: roles.toReversed().flatMap((role) => UNDO[role]) }]);
    const words = ['guard', 'remove', '-i', this.lab.paths.inventory, 'edge'];
    const { exitCode, stderr } = await this.lab.inController([process.execPath, MAIN, ...words]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  }

  /** Runs these plays; the number of changes. Fails the test where the run does. */
  async play(plays: readonly object[], variables: object = {}): Promise<number> {
    const run = await this.fairlead('run', this.write(plays), variables);
    expect(run.exitCode, run.stdout + run.stderr).toBe(0);
    expect(run.stderr).toBe('');
    return changesOf(run) ?? Number.NaN;
  }

  /** As an audit does: 0 where all is as wanted. */
  async verify(roles: readonly RoleName[], variables: object = {}): Promise<void> {
    const audit = await this.fairlead('verify', this.write([{ hosts: 'edge', roles }]), variables);
    expect(audit.exitCode, audit.stdout + audit.stderr).toBe(0);
  }

  write(plays: readonly object[]): string {
    this.#plays++;
    const path = join(this.#folder, `play-${this.#plays}.yml`);
    writeFileSync(path, JSON.stringify(plays));
    return path;
  }

  /** A template's path, for a task. */
  writeTemplate(text: string): string {
    this.#plays++;
    const path = join(this.#folder, `template-${this.#plays}.hbs`);
    writeFileSync(path, text);
    return path;
  }

  fairlead(command: string, playbook: string, variables: object) {
    const words = [
      '-i',
      this.lab.paths.inventory,
      playbook,
      '-e',
      JSON.stringify({ ...VARIABLES, links: this.#links(), ...variables }),
    ];
    return this.lab.inController([process.execPath, MAIN, command, ...words]);
  }

  /** By host. Virtual addresses are of the first provider's network. */
  #links(): object {
    return Object.fromEntries(
      this.lab.hosts.map(({ name, links }) => [
        name,
        links.map((link, at) => ({ ...link, virtual_addresses: at === 0 ? [VIRTUAL.shared] : [] })),
      ]),
    );
  }

  picture(host: string): Promise<string> {
    return this.onHost(host, PICTURE);
  }

  /** As its init would be asked, wherever the script lies. */
  override async script(host: string, role: string, action: string) {
    const script = `script=/etc/fairlead/fairlead-${role}.sh
      [ -e "$script" ] || script=/etc/init.d/fairlead-${role}
      exec "$script" ${action}`;
    const { exitCode, stdout, stderr } = await this.lab.inHost(host, ['sh', '-c', script]);
    return { exitCode, said: stdout + stderr };
  }

  /** Fails the test where a role's status is not 0. */
  async expectApplied(host: string, roles: readonly string[]): Promise<void> {
    for (const role of roles) {
      const { exitCode, said } = await this.script(host, role, 'status');
      expect(exitCode, said).toBe(0);
    }
  }

  /** As an admin would; fails the test where it is not another boot afterwards. */
  async rebootFromInside(host: string, command: string = 'reboot'): Promise<void> {
    const before = await this.bootId(host);
    await this.onHost(host, 'ip rule add from 10.9.9.9 table 99; echo kept >/etc/kept');
    await this.lab.untilRebooted(host, () => this.lab.inHost(host, ['sh', '-c', command]));
    expect(await this.bootId(host)).not.toBe(before);
    const left = await this.onHost(host, 'cat /etc/kept; rm /etc/kept; ip rule list | grep -c 10.9.9.9 || :');
    expect(left).toBe('kept\n0\n');
  }

  bootId(host: string): Promise<string> {
    return this.onHost(host, 'cat /proc/sys/kernel/random/boot_id');
  }

  /** Both families of one uplink. */
  uplink(host: string, link: 'isp1' | 'isp2'): readonly string[] {
    return fleetAddresses([this.lab.host(host)], link);
  }

  /** What comes in by these uplinks is answered by the same ones, both families; nothing is spoofed. */
  async expectAnswers(host: string, ...links: readonly ('isp1' | 'isp2')[]): Promise<void> {
    const spoofed = await this.spoofed();
    const addresses = links.flatMap((link) => this.uplink(host, link));
    const answers = await this.lab.probe({ addresses, count: 3, timeoutMs: 5000 });
    expect(answers).toEqual(addresses.map((address) => ({ address, ok: 3, failed: 0 })));
    expect(await this.spoofed()).toBe(spoofed);
  }

  /** A port of the host's that leads to the network behind it: whatever link a connection came in by, its replies leave by it. */
  async expectForwardedPort(host: string): Promise<void> {
    const { lan } = this.lab.host(host);
    if (lan === undefined) throw new Error('a lab with a LAN');
    const forward = (verb: 'A' | 'D') =>
      this.onHost(
        host,
        `iptables -t nat -${verb} PREROUTING -p tcp --dport 8080 -j DNAT --to-destination ${lan.client}:${HELLO_PORT}
        ip6tables -t nat -${verb} PREROUTING -p tcp --dport 8080 -j DNAT --to-destination '[${lan.client6}]:${HELLO_PORT}'`,
      );
    const spoofed = await this.spoofed();
    const addresses = [...this.uplink(host, 'isp1'), ...this.uplink(host, 'isp2')];
    await forward('A');
    const answers = await this.lab.probe({ addresses, port: 8080, count: 3, timeoutMs: 5000 });
    await forward('D');
    expect(answers).toEqual(addresses.map((address) => ({ address, ok: 3, failed: 0 })));
    expect(await this.spoofed()).toBe(spoofed);
  }

  /** Both links carry new connections of the network behind the host, and on each its sources take exact turns. */
  async expectTurns(host: string): Promise<void> {
    const spoofed = await this.spoofed();
    for (const family of ['IPv4', 'IPv6'] as const) {
      const flows = await this.lab.flows(
        { lan: host },
        {
          addresses: [internetAddress(10, family)],
          count: 40,
          atOnce: 10,
          protocol: 'tcp',
          localPorts: freshPorts(40),
          timeoutMs: 5000,
        },
      );
      const callers = countCallers(flows);
      const pools = POOLS.map(({ sources }) =>
        sources
          .filter((address) => address.includes(':') === (family === 'IPv6'))
          .map((address) => callers[address] ?? 0),
      );
      expect(
        pools.flat().reduce((sum, each) => sum + each, 0),
        JSON.stringify(callers),
      ).toBe(40);
      for (const counts of pools) {
        expect(Math.min(...counts), JSON.stringify(callers)).toBeGreaterThan(0);
        expect(Math.max(...counts) - Math.min(...counts), JSON.stringify(callers)).toBeLessThanOrEqual(1);
      }
    }
    expect(await this.spoofed()).toBe(spoofed);
  }

  /** A director has its service in the kernel, and its address. */
  async expectVirtualService(host: string): Promise<void> {
    const { service, realServer } = VIRTUAL;
    const kernel = await this.onHost(host, 'ipvsadm -S -n; ip -o -4 address show dev isp1');
    expect(kernel).toContain(`-A -t ${service}:7777 -s wrr\n`);
    expect(kernel).toContain(`-a -t ${service}:7777 -r ${realServer}:7777 -g -w 3\n`);
    expect(kernel).toContain(`inet ${service}/32`);
  }

  /** A node has its bucket, its address and the cluster's, answers to it, and by the link that it belongs to. */
  async expectSharedAddress(host: string): Promise<void> {
    const look =
      '/etc/fairlead/clusterip buckets; iptables-save; ip -o -4 address show dev isp1; ip maddress show dev isp1';
    const kernel = await this.onHost(host, look);
    expect(kernel).toMatch(/^1\n/);
    expect(kernel).toMatch(/^-A fairlead-clusterip.* --cluster-total-nodes 1 /m);
    expect(kernel).toContain(`inet ${VIRTUAL.shared}/32`);
    expect(kernel).toMatch(/^\tlink +03:00:c0:00:02:d2\b/m);
    const spoofed = await this.spoofed();
    const answers = await this.lab.probe({ addresses: [VIRTUAL.shared], count: 10, timeoutMs: 5000 });
    expect(answers).toEqual([{ address: VIRTUAL.shared, ok: 10, failed: 0 }]);
    expect(await this.spoofed()).toBe(spoofed);
  }
}
