// A host for a role's script: a network and a mount namespace that vanish with the test's process, two links
// (v0, v1) whose other ends are in a namespace for the outside, and a choice of worlds (shell, tools, kernel).
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class TestHost {
  readonly world: World;
  readonly folder: string;
  readonly #holders: readonly ChildProcessWithoutNullStreams[];
  readonly #pid: number;
  readonly #outsidePid: number;

  private constructor(
    world: World,
    folder: string,
    host: ChildProcessWithoutNullStreams,
    outside: ChildProcessWithoutNullStreams,
  ) {
    this.world = world;
    this.folder = folder;
    this.#holders = [host, outside];
    this.#pid = pidOf(host);
    this.#outsidePid = pidOf(outside);
  }

  /** Links v0 (192.0.2.10/24, 2001:db8:1::10/64) and v1 (203.0.113.10/24), default route by v0. */
  static async create(world: World): Promise<TestHost> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-role-'));
    const host = await hold(`mount -t tmpfs none /var/lib; mount -t tmpfs none /run; ${world.dress}`, folder);
    const outside = await hold(':', folder);
    const made = new TestHost(world, folder, host, outside);
    made.outside('ip link set lo up');
    for (const link of [0, 1]) {
      made.sh(`ip link add v${link} type veth peer name p${link} netns ${outside.pid}
        ip link set v${link} addrgenmode none
        echo 0 >/proc/sys/net/ipv6/conf/v${link}/accept_dad
        echo 1 >/proc/sys/net/ipv6/conf/v${link}/keep_addr_on_down
        ip link set v${link} up`);
      made.outside(`ip link set p${link} addrgenmode none; ip link set p${link} up`);
    }
    made.sh(`ip link set lo up
      ip address add 192.0.2.10/24 dev v0
      ip address add 2001:db8:1::10/64 dev v0
      ip address add 203.0.113.10/24 dev v1
      ip route add default via 192.0.2.1`);
    return made;
  }

  /** A command line in the host's network, with the machine's own tools. Throws where it fails. */
  sh(line: string): string {
    return must(run(['nsenter', '-n', '-t', String(this.#pid), 'sh', '-ec', line]), line);
  }

  /** The same on the other side of the links. */
  outside(line: string): string {
    return must(run(['nsenter', '-n', '-t', String(this.#outsidePid), 'sh', '-ec', line]), line);
  }

  /** A command line in the host's network and mount namespaces: with its world's tools. */
  inside(line: string): Outcome {
    return run(['nsenter', '-n', '-m', '-t', String(this.#pid), 'sh', '-c', line]);
  }

  /** Puts the script in place, in the world's shell. */
  install(text: string): void {
    writeFileSync(this.#script, text);
  }

  script(action: string): Outcome {
    return run([...this.#enter(), ...this.world.shell, this.#script, ...action.split(' ').filter(Boolean)]);
  }

  /** Without waiting for its end. */
  async scriptLater(action: string): Promise<number | null> {
    const [program = '', ...words] = [...this.#enter(), ...this.world.shell, this.#script, action];
    const [status] = (await once(spawn(program, words, { stdio: 'ignore' }), 'close')) as [number | null];
    return status;
  }

  /** Everything a script could leave behind in the kernel. */
  snapshot(): string {
    return this.sh(`for family in -4 -6; do
        echo "== $family"
        ip $family rule
        ip $family route show table all
      done
      for tables in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
        echo "== $tables"
        $tables-save | grep -v '^#' || :
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

  /** A new name for the running kernel, as after a reboot. Kernel state is left to the test. */
  newBootId(): void {
    const file = join(this.folder, 'boot_id');
    writeFileSync(file, `${crypto.randomUUID()}\n`);
    must(this.inside(`mount --bind ${file} /proc/sys/kernel/random/boot_id`), 'mount');
  }

  close(): void {
    for (const holder of this.#holders) holder.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #script(): string {
    return join(this.folder, 'script.sh');
  }

  #enter(): readonly string[] {
    return ['nsenter', '-n', '-m', '-t', String(this.#pid)];
  }
}

/** A process that keeps new namespaces alive until it, or this process, ends. */
async function hold(dress: string, folder: string): Promise<ChildProcessWithoutNullStreams> {
  const program = `set -e
    mount -t sysfs none /sys
    ${dress}
    echo ready
    exec cat`;
  const holder = spawn('unshare', ['--net', '--mount', 'sh', '-c', program, 'sh', folder]);
  let said = '';
  holder.stderr.on('data', (data: Buffer) => {
    said += data.toString();
  });
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
  if (holder.exitCode !== null) throw new Error(`no namespace: ${said}`);
  return holder;
}

function pidOf(child: ChildProcessWithoutNullStreams): number {
  if (child.pid === undefined) throw new Error('not started');
  return child.pid;
}

function run([program = '', ...words]: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function must({ status, stdout, stderr }: Outcome, line: string): string {
  if (status !== 0) throw new Error(`${line}: exited ${status}\n${stdout}${stderr}`);
  return stdout;
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replaceAll('\t', ' '))
    .filter((line) => line !== '');
}
