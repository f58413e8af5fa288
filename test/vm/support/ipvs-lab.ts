// What the IPVS tests on real machines share: a lab whose inventory says who is what, the playbook on it, and clients in the
// internet that tell who answered them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createLab } from '../../../src/lab/create-lab.ts';
import type { Argv } from '../../../src/lab/namespaces.ts';
import { bareAddress, HELLO_PORT } from '../../../src/lab/plan.ts';
import type { LabSystem } from '../../../src/lab/vm/systems.ts';
import { changesOf, MAIN, PROJECT } from '../../lab/support/fairlead.ts';
import { linksOf, RoleLab, SNAPSHOT } from '../../lab/support/role-lab.ts';

/** In isp1's network, and nobody's. */
export const VIP = '192.0.2.200';
export const VIP6 = '2001:db8:1::200';

/** Connects again and again, unless four stay silent, and prints as JSON the first line of each answer, or what went wrong. */
const ASK = `
const { address, port, count } = JSON.parse(process.argv[1]);
const heard = [];
function ask() {
  const hopeless = heard.filter((who) => who === 'silent').length === 4;
  if (heard.length === count || hopeless) return console.log(JSON.stringify(heard));
  const socket = require('node:net').connect({ host: address, port });
  let said = 'silent';
  const timer = setTimeout(() => socket.destroy(), 5000);
  socket.on('error', (error) => { said = error.code; });
  socket.on('data', (data) => { said = String(data).split('\\n')[0]; socket.destroy(); });
  socket.on('close', () => { clearTimeout(timer); heard.push(said); ask(); });
}
ask();`;

export type Variables = Readonly<Record<string, unknown>>;

export interface Target {
  /** Unsaid: the VIP. */
  readonly address?: string;
  /** Unsaid: the hello service's. */
  readonly port?: number;
  /** A host that asks. Unsaid: the internet. */
  readonly from?: string;
}

export class IpvsLab extends RoleLab {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fairlead-ipvs-'));
  /** By host: what its colleagues know of it. */
  #own: Readonly<Record<string, Variables>> = {};

  /** edge-1 is the director, the next two are real servers; further hosts are neighbours. */
  static async create(name: string, systems: readonly LabSystem[]): Promise<IpvsLab> {
    const lab = await createLab({ name, hostCount: systems.length, systems, owner: 'this-process' });
    return new IpvsLab(lab);
  }

  async down(): Promise<void> {
    await this.lab.down();
    rmSync(this.#folder, { recursive: true });
  }

  address(host: string, link = 'isp1'): string {
    return bareAddress(linksOf(this.lab.host(host), link)[0]?.address ?? '');
  }

  address6(host: string, link = 'isp1'): string {
    return bareAddress(linksOf(this.lab.host(host), link)[0]?.address6 ?? '');
  }

  /** Each host's device and address, for its colleagues. */
  use(link: string): void {
    const hosts = ['edge-1', 'edge-2', 'edge-3'];
    const own = (host: string) => ({
      ipvs_dr_address: this.address(host, link),
      ipvs_dr_address6: this.address6(host, link),
      ipvs_dr_device: host === 'edge-1' ? 'isp1' : link,
    });
    this.#own = Object.fromEntries(hosts.map((host) => [host, own(host)]));
  }

  /** Runs playbooks/ipvs-dr.yml with this service; the number of changes. Fails the test where the run does. */
  async play(service: Variables, others: Variables = {}): Promise<number> {
    const group = (...names: readonly string[]) => ({
      hosts: Object.fromEntries(names.map((name) => [name, this.#own[name]])),
    });
    const inventory = join(this.#folder, 'services.json');
    const services = [{ name: 'hello', vip: VIP, port: HELLO_PORT, ...service }];
    const vars = { ipvs_dr_services: services, ...others };
    const children = { directors: group('edge-1'), real_servers: group('edge-2', 'edge-3') };
    writeFileSync(inventory, JSON.stringify({ all: { vars, children } }));
    const playbook = join(PROJECT, 'playbooks/ipvs-dr.yml');
    const words = ['run', '-i', this.lab.paths.inventory, '-i', inventory, playbook];
    const run = await this.lab.inController([process.execPath, MAIN, ...words]);
    if (run.exitCode !== 0 || run.stderr !== '') throw new Error(run.stdout + run.stderr);
    return changesOf(run) ?? Number.NaN;
  }

  /** Connects so many times, one after the other; how often each answered. */
  async ask(count: number, target: Target = {}): Promise<Readonly<Record<string, number>>> {
    const job = JSON.stringify({ address: VIP, port: HELLO_PORT, ...target, count });
    const argv: Argv = [process.execPath, '-e', ASK, job];
    const { from } = target;
    const { stdout, stderr } = await (from === undefined
      ? this.lab.inInternet(argv)
      : this.lab.inHost(from, argv));
    if (stdout === '') throw new Error(stderr);
    const heard: Record<string, number> = {};
    for (const name of JSON.parse(stdout) as readonly string[]) heard[name] = (heard[name] ?? 0) + 1;
    return heard;
  }

  /** Everything that the role may touch on a host. */
  picture(host: string): Promise<string> {
    return this.onHost(
      host,
      `${SNAPSHOT}
      ip -o link | sed 's/^[0-9]*: \\([^@:]*\\)[^<]*<\\([^>]*\\)>.*/\\1 \\2/'
      [ ! -e /proc/net/ip_vs ] || ipvsadm -S -n
      cat /proc/sys/net/ipv4/ip_forward
      [ ! -d /proc/sys/net/ipv4/vs ] || grep -r . /proc/sys/net/ipv4/vs | sort
      ls -A /var/lib/fairlead 2>/dev/null | grep -v '^guard$' || :`,
    );
  }

  bootId(host: string): Promise<string> {
    return this.onHost(host, 'cat /proc/sys/kernel/random/boot_id');
  }
}
