// A host with a neighbour on the wire, and the parts of the guard that keep its links, addresses, neighbours, routes
// and rules, in a choice of shells and tools.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace, run } from './namespace.ts';

export interface RoutingWorld {
  readonly title: string;
  readonly shell: readonly string[];
  readonly dress: string;
}

const replaceBy = (tools: string) =>
  `for tool in ${tools}; do mount --bind /usr/bin/busybox "$(readlink -f "$(command -v $tool)")"; done`;
const TOOLS = 'mawk grep sort cut cmp sed rm mkdir mv';

export const FULL_WORLDS: readonly RoutingWorld[] = [
  { title: 'dash, iproute2', shell: ['dash'], dress: ':' },
  { title: 'BusyBox, iproute2', shell: ['busybox', 'ash'], dress: replaceBy(TOOLS) },
];
export const SMALL_WORLD: RoutingWorld = {
  title: 'BusyBox alone',
  shell: ['busybox', 'ash'],
  dress: replaceBy(`${TOOLS} ip`),
};

const START = '192.0.2.254';
const END = '192.0.2.253';

const GUARD = join(import.meta.dirname, '../../../templates/guard');
const KINDS = ['links', 'addresses', 'neighbours', 'multicast', 'routes', 'rules'] as const;
export const PROGRAM: string = ['common.sh', 'snap.sh', ...KINDS.map((kind) => `state/${kind}.sh`)]
  .map((path) => readFileSync(join(GUARD, path), 'utf8'))
  .join('\n');

export class RoutingHost {
  readonly peer: Namespace;
  readonly #folder: string;
  readonly #world: RoutingWorld;
  readonly #space: Namespace;
  #count = 0;

  private constructor(world: RoutingWorld, folder: string, spaces: readonly [Namespace, Namespace]) {
    this.#world = world;
    this.#folder = folder;
    [this.#space, this.peer] = spaces;
  }

  /** eth0 (192.0.2.1/24, 2001:db8::1/64) leads to the peer (.2, ::2); eth1.7 and eth2 lead to nobody. */
  static async create(world: RoutingWorld): Promise<RoutingHost> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-routing-'));
    writeFileSync(join(folder, 'program'), `${PROGRAM}\n${MAIN}`);
    const space = await Namespace.create(world.dress, folder);
    const peer = await Namespace.create(':', folder);
    const host = new RoutingHost(world, folder, [space, peer]);
    host.sh(`ip link add eth0 type veth peer name eth0 netns ${peer.pid}
      ip link add eth1.7 type veth peer name p1; ip link add eth2 type veth peer name p2
      for link in lo eth0 eth1.7 p1 eth2 p2; do ip link set $link up; done
      ip addr add 192.0.2.1/24 dev eth0; ip addr add 2001:db8::1/64 dev eth0 nodad
      ip addr add 198.51.100.1/24 dev eth1.7; ip addr add 2001:db8:1::1/64 dev eth1.7 nodad`);
    peer.sh(
      `ip link set eth0 up; ip addr add 192.0.2.2/24 dev eth0; ip addr add 2001:db8::2/64 dev eth0 nodad`,
    );
    host.sh(
      `until ip -6 addr show dev eth0 | grep -q fe80 && ! ip -6 addr | grep -q tentative; do sleep 0.05; done`,
    );
    return host;
  }

  /** With the machine's own tools. Throws where it fails. */
  sh(line: string): string {
    return this.#space.sh(line);
  }

  /** Keeps the state in a new folder. */
  take(): string {
    this.#count += 1;
    const folder = join(this.#folder, `state-${this.#count}`);
    this.#run('take', folder);
    return folder;
  }

  /** Puts it back; what could not be put back. */
  put(folder: string): string {
    return this.#run('put', folder);
  }

  /** The files of a folder that people see, each behind its name. */
  read(folder: string): string {
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    return names.map((name) => `== ${name}\n${readFileSync(join(folder, name), 'utf8')}`).join('');
  }

  /** What the kernel says of changes while something is done. */
  watch(deed: () => void): string {
    const log = join(this.#folder, 'monitor');
    const [program = '', ...words] = [
      ...this.#space.enter('network'),
      'ip',
      'monitor',
      'link',
      'address',
      'route',
      'rule',
    ];
    const output = openSync(log, 'w');
    const monitor = spawn(program, words, { stdio: ['ignore', output, 'ignore'] });
    this.#mark(log, START);
    deed();
    this.#mark(log, END);
    monitor.kill('SIGKILL');
    closeSync(output);
    const lines = readFileSync(log, 'utf8').split('\n');
    const from = lines.findLastIndex((line) => line.includes(START));
    const to = lines.findIndex((line) => line.includes(END));
    return lines.slice(from + 1, to).join('\n');
  }

  /** A rule comes and goes until the log says so. */
  #mark(log: string, address: string): void {
    const deadline = Date.now() + 20_000;
    while (!readFileSync(log, 'utf8').includes(address)) {
      if (Date.now() > deadline) throw new Error(`nothing is said of ${address}`);
      this.sh(
        `ip rule add pref 9999 from ${address} lookup 9; ip rule del pref 9999 from ${address} lookup 9`,
      );
    }
  }

  close(): void {
    this.#space.close();
    this.peer.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(verb: string, folder: string): string {
    const words = [...this.#space.enter('all'), ...this.#world.shell, join(this.#folder, 'program')];
    const { status, stdout, stderr } = run([...words, verb, folder, ...KINDS]);
    if (status !== 0 || stderr !== '') throw new Error(`${verb}: exited ${status}\n${stdout}${stderr}`);
    return stdout;
  }
}

const MAIN = `verb=$1 folder=$2
shift 2
[ -d "$folder" ] || mkdir "$folder"
for kind; do "\${verb}_$kind" "$folder"; done
printf %s "$failures"
`;
