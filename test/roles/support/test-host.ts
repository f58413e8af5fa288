// A host for a role's script: a network and a mount namespace that vanish with the test's process, two links
// (v0, v1) whose other ends (p0, p1) are in a namespace for the outside, and a choice of worlds to live in.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace, type Outcome, run } from './namespace.ts';

export interface World {
  readonly title: string;
  readonly shell: readonly string[];
  /** sh that dresses the host's mount namespace; `$1` is a folder of its own. */
  readonly dress: string;
  /** What rules look like here: with our protocol number or without. */
  readonly rulesAreTagged: boolean;
  /** Rules can put main first without its default route. */
  readonly mainFirst: boolean;
}

const BUSYBOX_AWK = 'mount --bind /usr/bin/busybox /usr/bin/mawk';
const kernel = (release: string) =>
  `echo ${release} >"$1/osrelease"; mount --bind "$1/osrelease" /proc/sys/kernel/osrelease`;

export const WORLDS: readonly World[] = [
  { title: 'dash', shell: ['dash'], dress: ':', rulesAreTagged: true, mainFirst: true },
  {
    title: 'BusyBox ash and awk',
    shell: ['busybox', 'ash'],
    dress: BUSYBOX_AWK,
    rulesAreTagged: true,
    mainFirst: true,
  },
  {
    title: 'BusyBox ash, awk and ip, without flock',
    shell: ['busybox', 'ash'],
    dress: `${BUSYBOX_AWK}; mount --bind /usr/bin/busybox "$(readlink -f /usr/sbin/ip)"; mount --bind /dev/null /usr/bin/flock`,
    rulesAreTagged: false,
    mainFirst: true,
  },
  {
    title: 'kernel 4.9',
    shell: ['dash'],
    dress: kernel('4.9.0-19-amd64'),
    rulesAreTagged: false,
    mainFirst: true,
  },
  {
    title: 'kernel 3.10',
    shell: ['dash'],
    dress: kernel('3.10.0-1160.el7.x86_64'),
    rulesAreTagged: false,
    mainFirst: false,
  },
];

export class TestHost {
  readonly world: World;
  readonly folder: string;
  readonly inner: Namespace;
  readonly outer: Namespace;
  readonly #others: Namespace[] = [];

  private constructor(world: World, folder: string, inner: Namespace, outer: Namespace) {
    this.world = world;
    this.folder = folder;
    this.inner = inner;
    this.outer = outer;
  }

  /** Links v0 (192.0.2.10/24, 2001:db8:1::10/64) and v1 (203.0.113.10/24), default route by v0. */
  static async create(world: World): Promise<TestHost> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-role-'));
    const dress = `mount -t tmpfs none /var/lib; mount -t tmpfs none /run; ${world.dress}`;
    const host = new TestHost(
      world,
      folder,
      await Namespace.create(dress, folder),
      await Namespace.create(':', folder),
    );
    for (const link of [0, 1]) host.#connect(`v${link}`, host.outer, `p${link}`);
    host.outer.sh('ip link set lo up');
    host.sh(`ip link set lo up
      ip address add 192.0.2.10/24 dev v0
      ip address add 2001:db8:1::10/64 dev v0
      ip address add 203.0.113.10/24 dev v1
      ip route add default via 192.0.2.1`);
    return host;
  }

  /** One more namespace, connected by `device` here and `eth0` there. */
  async addNeighbour(device: string): Promise<Namespace> {
    const neighbour = await Namespace.create(':', this.folder);
    this.#others.push(neighbour);
    this.#connect(device, neighbour, 'eth0');
    return neighbour;
  }

  /** A command line in the host's network, with the machine's own tools. Throws where it fails. */
  sh(line: string): string {
    return this.inner.sh(line);
  }

  /** A command line with its world's files and tools. Throws where it fails. */
  inside(line: string): string {
    const { status, stdout, stderr } = run([...this.inner.enter('all'), 'sh', '-ec', line]);
    if (status !== 0) throw new Error(`${line}: exited ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Puts the script in place. */
  install(text: string): void {
    writeFileSync(this.#script, text);
  }

  /** Runs it in the world's shell. */
  script(...words: readonly string[]): Outcome {
    return run([...this.inner.enter('all'), ...this.world.shell, this.#script, ...words]);
  }

  /** The same, beside whatever else is going on. */
  async scriptMeanwhile(action: string): Promise<number | null> {
    const [program = '', ...words] = [...this.inner.enter('all'), ...this.world.shell, this.#script, action];
    const [status] = (await once(spawn(program, words, { stdio: 'ignore' }), 'close')) as [number | null];
    return status;
  }

  /** Everything a script could leave behind in the kernel, without counters. */
  snapshot(): string {
    return this.sh(`for family in -4 -6; do
        echo "== $family"
        ip $family rule
        ip $family route show table all
      done
      for tables in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
        echo "== $tables"
        $tables-save | sed '/^#/d; s/ \\[[0-9]*:[0-9]*\\]$//'
      done
      nft list tables
      grep -r . /proc/sys/net/ipv4/conf | sort`);
  }

  rules(family: 4 | 6 = 4): readonly string[] {
    return lines(this.sh(`ip -${family} rule`)).filter((line) => /^1[0-9]{4}:/.test(line));
  }

  routes(table: number, family: 4 | 6 = 4): readonly string[] {
    return lines(this.sh(`ip -${family} route show table ${table} 2>/dev/null || :`));
  }

  setting(device: string, key: string): string {
    return this.sh(`cat /proc/sys/net/ipv4/conf/${device}/${key}`).trim();
  }

  set(device: string, key: string, value: number): void {
    this.sh(`echo ${value} >/proc/sys/net/ipv4/conf/${device}/${key}`);
  }

  /** A new name for the running kernel, as after a reboot. What a reboot does to kernel state is left to the test. */
  newBootId(): void {
    const file = join(this.folder, 'boot_id');
    writeFileSync(file, `${crypto.randomUUID()}\n`);
    this.inside(`mount --bind ${file} /proc/sys/kernel/random/boot_id`);
  }

  close(): void {
    for (const namespace of [this.inner, this.outer, ...this.#others]) namespace.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #script(): string {
    return join(this.folder, 'script.sh');
  }

  #connect(device: string, other: Namespace, otherDevice: string): void {
    this.sh(`ip link add ${device} type veth peer name ${otherDevice} netns ${other.pid}
      ip link set ${device} addrgenmode none
      echo 0 >/proc/sys/net/ipv6/conf/${device}/accept_dad
      echo 1 >/proc/sys/net/ipv6/conf/${device}/keep_addr_on_down
      ip link set ${device} up`);
    other.sh(`ip link set ${otherDevice} addrgenmode none; ip link set ${otherDevice} up`);
  }
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replaceAll('\t', ' '))
    .filter((line) => line !== '');
}
