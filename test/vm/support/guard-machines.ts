// The guard on hosts with kernels and inits of their own: what its tests there share. The windows are longer than in
// namespaces, for an emulated processor needs a second for what takes a real one 50 ms.
import { expect } from 'vitest';
import { HELLO_PORT, type LabHost } from '../../../src/lab/plan.ts';
import { isMachine, type LabSystem } from '../../../src/lab/vm/systems.ts';
import { GuardLab, type RunUnderway } from '../../lab/support/guard-lab.ts';
import { secondsUntil } from '../../lab/support/role-lab.ts';
import { buildIfStale } from '../../support/compiled.ts';

export const GUARD = '/var/lib/fairlead/guard';

/** Seconds that a change on a machine has to be confirmed in. */
export const MACHINE_WINDOW_S = 15;

/** More than any test takes: what has this window does not go back by its timer. */
export const ENDLESS_S = 900;

/** The names of iproute2's tables are no affair of a machine that has none. */
export const NO_TABLE_NAMES = ['-e', '{"split_access_table_names": false}'];

/** Until IPv6 knows that its addresses are nobody else's: until then the kernel's own routes come and go. */
export const SETTLE = `tries=0
while ip -o -6 address | grep -q tentative && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.2; done`;

/**
 * The kernel's state in few processes, whatever the system has to tell of it. Routes' and addresses' lifetimes count down,
 * a link's carrier comes and goes, IPVS brings timeouts with it, and of a setting that nobody may read there is nothing.
 */
const PICTURE = `
${SETTLE}
ip rule; ip -6 rule
ip route show table all; ip -6 route show table all | sed 's/ expires [0-9]*sec//'
ip -o link | sed 's/,LOWER_UP//; s/NO-CARRIER,//; s/,M-DOWN//; s/ state [A-Z]*//; s/ qlen [0-9]*//'
ip -o address | sed 's/ *valid_lft.*//'
iptables-save | sed '/^#/d; s/ \\[[0-9]*:[0-9]*\\]$//'; ip6tables-save | sed '/^#/d; s/ \\[[0-9]*:[0-9]*\\]$//'
nft list tables 2>/dev/null; ipset list -n
[ ! -e /proc/net/ip_vs ] || { ipvsadm -S -n; ipvsadm -L --timeout | grep -v ': 900 120 300$' || :; ipvsadm -L --daemon; }
grep -rs '' /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward || :`;

export class GuardMachines {
  readonly guard: GuardLab;

  private constructor(guard: GuardLab) {
    this.guard = guard;
  }

  /** A host for each; those that are namespaces stand by, and are left alone. */
  static async create(name: string, systems: readonly LabSystem[]): Promise<GuardMachines> {
    await buildIfStale();
    return new GuardMachines(await GuardLab.create(name, { systems, hostCount: systems.length }));
  }

  down(): Promise<void> {
    return this.guard.down();
  }

  get hosts(): readonly LabHost[] {
    return this.guard.lab.hosts.filter(({ system }) => isMachine(system));
  }

  /** The name of the host with that system. */
  named(system: LabSystem): string {
    const host = this.hosts.find((each) => each.system === system);
    if (host === undefined) throw new Error(`the lab has no ${system}`);
    return host.name;
  }

  /** Past the network. Fails the test where the script does. */
  inside(host: string, script: string): Promise<string> {
    return this.guard.role.onHost(host, script);
  }

  /** The same on each host, by its name. */
  async onEach(script: string): Promise<Readonly<Record<string, string>>> {
    const said = await Promise.all(
      this.hosts.map(async ({ name }) => [name, await this.inside(name, script)] as const),
    );
    return Object.fromEntries(said);
  }

  bootIds(): Promise<Readonly<Record<string, string>>> {
    return this.onEach('cat /proc/sys/kernel/random/boot_id');
  }

  /** The kernel's state and these files, of each host; lines in no order. */
  async pictures(...files: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>> {
    const more = files.map((file) => `ls -ld ${file}; cat ${file} || :`).join('\n');
    const said = await this.onEach(`${PICTURE}\n${more}`);
    return Object.fromEntries(Object.entries(said).map(([name, text]) => [name, text.split('\n').sort()]));
  }

  /** A play of these tasks (YAML, not indented) on all machines. */
  playbook(tasks: string, { windowS = MACHINE_WINDOW_S, roles = '' } = {}): string {
    const hosts = this.hosts.map(({ name }) => name).join(',');
    const play = [
      `- hosts: "${hosts}"`,
      `guard: ${windowS}s`,
      `roles: [${roles}]`,
      'tasks:',
      ...indented(tasks),
    ];
    return this.guard.write('play.yml', `${play.join('\n  ')}\n`);
  }

  /** Until each host, or the one that is named, has made the changes and waits; the run that waits with them. */
  async startAndWait(
    playbook: string,
    { on, words = [] }: { readonly on?: string; readonly words?: readonly string[] } = {},
  ): Promise<RunUnderway> {
    const run = this.guard.start(playbook, ...words, ...(on === undefined ? [] : ['--limit', on]));
    const count = on === undefined ? this.hosts.length : 1;
    const waiting = () =>
      new Set(
        run
          .events()
          .flatMap((event) =>
            event.kind === 'host-working' && event.doing === 'waiting' ? [event.host] : [],
          ),
      );
    const ended = run.ended.then(({ stderr }) =>
      expect.fail(`it has ended: ${JSON.stringify(run.events().slice(-4))} ${stderr}`),
    );
    const isWaiting = async () => waiting().size === count;
    await Promise.race([secondsUntil(isWaiting, { withinS: 240, what: 'all hosts wait' }), ended]);
    ended.catch(() => {});
    return run;
  }

  /**
   * Of each host, from the moment that `begun` (sh, on the host) holds: seconds until it takes a new connection where everybody
   * comes by. Not sshd's: to greet whoever knocks is a second's work for an emulated processor.
   */
  async outages(begun: string): Promise<Readonly<Record<string, number>>> {
    const { lab } = this.guard;
    const each = this.hosts.map(async ({ name, managementAddress }) => {
      const isCut = async () => (await lab.inHost(name, ['sh', '-c', begun])).exitCode === 0;
      await secondsUntil(isCut, { withinS: 240, what: `${name} is cut off` });
      const knock = ['nc', '-z', '-w', '1', managementAddress, String(HELLO_PORT)] as const;
      const takes = async () => (await lab.inController(knock)).exitCode === 0;
      expect(await takes(), `${name} is cut off`).toBe(false);
      return [name, await secondsUntil(takes, { withinS: 240, what: `${name} is back` })] as const;
    });
    return Object.fromEntries(await Promise.all(each));
  }

  /** Until nothing is pending there: by how many seconds, of the host's time since boot, the deadline was missed. */
  async latenessS(host: string): Promise<number> {
    const said = await this.inside(
      host,
      `id=$(sed -n 's/^id=//p' ${GUARD}/current)
      while [ -e ${GUARD}/$id/armed ]; do sleep 0.1; done
      read -r now _ </proc/uptime; read -r deadline <${GUARD}/$id/deadline
      until [ ! -e ${GUARD}/current ]; do sleep 0.1; done
      echo "$now $deadline"`,
    );
    const [now = 0, deadline = 0] = said.trim().split(' ').map(Number);
    return now - deadline / 100;
  }
}

function indented(text: string): readonly string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => `  ${line}`);
}
