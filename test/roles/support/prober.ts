// A tiny script around the prober, in a host whose processes end with the test: two links (192.0.2.10 on v0,
// 203.0.113.10 on v1, likewise IPv6), each with its own table, and the targets behind them, in the outside.
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Problems } from '../../../src/diagnostic.ts';
import { SourceFile } from '../../../src/load/source.ts';
import { Template } from '../../../src/render/template.ts';
import { fileOrigin, partialsIn } from '../../../src/resolve/resolved-role.ts';
import { type Outcome, run } from './namespace.ts';
import { TestHost, WORLDS, type World } from './test-host.ts';

export const TARGET = '198.51.100.10';
export const TARGET6 = '2001:db8:9::10';
export const ISP1 = 'probe -4 isp1 v0 192.0.2.10';
export const ISP2 = 'probe -4 isp2 v1 203.0.113.10';
export const ISP1_6 = 'probe -6 isp1 v0 2001:db8:1::10';
export const ISP2_6 = 'probe -6 isp2 v1 2001:db8:2::10';

const BUSYBOX = (path: string) => `mount --bind /usr/bin/busybox "$(readlink -f ${path})"`;
/** A /dev of its own, for the socket of a syslog of its own. */
const PRIVATE_DEV = `mkdir "$1/dev"; mount -t tmpfs none "$1/dev"
  cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/tty /dev/fd "$1/dev"; mount --bind "$1/dev" /dev`;

/** The worlds of the shells; where it is BusyBox's, /bin/sh and ping are too. */
export const PROBER_WORLDS: readonly World[] = WORLDS.filter(({ title }) => !title.startsWith('kernel')).map(
  (world) => ({
    ...world,
    dress: [
      world.dress,
      PRIVATE_DEV,
      ...(world.title === 'dash' ? [] : [BUSYBOX('/usr/bin/ping'), BUSYBOX('/bin/sh')]),
    ].join('\n'),
  }),
);

export interface Settings {
  readonly method?: 'ping' | 'tcp' | 'http';
  readonly targets?: string;
  readonly port?: number;
  readonly path?: string;
  readonly intervalS?: number;
  readonly timeoutS?: number;
  readonly down?: number;
  readonly up?: number;
  readonly reliability?: number;
  /** The lines of `probed`. */
  readonly members?: readonly string[];
  /** What reload does besides noting that it ran. */
  readonly reload?: string;
}

/** A script of which `reload` adds a line to /run/reloads: the dead members, with commas. */
export function proberScript(settings: Settings = {}): string {
  const { members = [ISP1, ISP2], reload = ':' } = settings;
  const text = `#!/bin/sh
{{> init-script/environment}}
NAME=fairlead-test
PROBE_METHOD=${settings.method ?? 'ping'}
PROBE_TARGETS='${settings.targets ?? TARGET}'
PROBE_PORT=${settings.port ?? 80}
PROBE_PATH=${settings.path ?? '/'}
PROBE_INTERVAL_S=${settings.intervalS ?? 1}
PROBE_TIMEOUT_S=${settings.timeoutS ?? 1}
PROBE_DOWN=${settings.down ?? 3}
PROBE_UP=${settings.up ?? 2}
PROBE_RELIABILITY=${settings.reliability ?? 1}
members() { printf '%s ' isp1 isp2; }
probed() {
${members.map((line) => `  ${line}\n`).join('')}  :
}
start() { act; }
reload() { act && note_reload && ${reload}; }
note_reload() { name_dead "$health" && echo "dead:$(printf %s "$named" | tr '\\n' ,)" >>/run/reloads; }
act() { lock && check && failed=0 && read_health && start_prober && return "$failed"; }
stop() { lock && stop_prober; }
check() { check_prober; }
status() {
  : "\${tags_rules-}\${tags_routes-}\${suppresses-}"
  differences=''
  compare_prober wanted
  read_health
  for family in -4 -6; do
    for key in $(members); do
      find_health "$family" "$key"
      [ "$label" = fine ] || echo "$key ($family): $label: $reason"
    done
  done
  [ -z "$differences" ] || { echo "\${differences#?}" && return 4; }
}
{{> init-script/log}}

{{> init-script/lock}}

{{> init-script/iproute}}

{{> init-script/prober}}

{{> init-script/conntrack}}

case \${1-} in forget) shift && forget_connections "$@" && exit ;; forget_marked) "$@" && exit ;; esac
{{> init-script/dispatch prober=true}}
`;
  const problems = new Problems();
  const folder = fileURLToPath(new URL('../../../templates', import.meta.url));
  const read = (path: string) => new SourceFile(path, readFileSync(path, 'utf8'));
  const origin = fileOrigin(new SourceFile('prober-test.hbs', text));
  const template = Template.parse(text, origin, problems, partialsIn([folder], read));
  problems.throwIfAny();
  return String(
    template?.value({
      has: () => false,
      get: (name) => {
        throw new Error(`unknown name ${name}`);
      },
    }),
  );
}

export class ProbedHost {
  readonly host: TestHost;
  readonly #processes: ChildProcessWithoutNullStreams;
  readonly #enter: readonly string[];
  readonly #servers: ChildProcess[] = [];

  private constructor(host: TestHost, processes: ChildProcessWithoutNullStreams, init: string) {
    this.host = host;
    this.#processes = processes;
    this.#enter = ['nsenter', '-t', init, '-m', '-n', '-p'];
  }

  static async create(world: World): Promise<ProbedHost> {
    const host = await TestHost.create(world);
    // Without link-local addresses neighbours, once stale, are not asked again.
    host.sh(`ip address add fe80::10/64 dev v0
      ip address add fe80::10/64 dev v1
      ip address add 2001:db8:2::10/64 dev v1
      ip rule add from 192.0.2.10 lookup 801 priority 10101
      ip rule add from 203.0.113.10 lookup 802 priority 10102
      ip -6 rule add from 2001:db8:1::10 lookup 801 priority 10101
      ip -6 rule add from 2001:db8:2::10 lookup 802 priority 10102
      ip route add default via 192.0.2.1 dev v0 table 801
      ip route add default via 203.0.113.1 dev v1 table 802
      ip -6 route add default via 2001:db8:1::1 dev v0 table 801
      ip -6 route add default via 2001:db8:2::1 dev v1 table 802`);
    host.outer.sh(`echo 0 >/proc/sys/net/ipv6/conf/p0/accept_dad
      echo 0 >/proc/sys/net/ipv6/conf/p1/accept_dad
      ip address add fe80::1/64 dev p0
      ip address add fe80::1/64 dev p1
      ip address add 192.0.2.1/24 dev p0
      ip address add 203.0.113.1/24 dev p1
      ip address add 2001:db8:1::1/64 dev p0
      ip address add 2001:db8:2::1/64 dev p1
      ip address add ${TARGET} dev lo
      ip address add ${TARGET6} dev lo`);
    // Process 1 ends when its input does: with the test. It also buries orphans, as an init has to.
    const [program = '', ...words] = host.inner.enter('all');
    const life = 'busybox syslogd -n -O /dev/messages & echo; cat; :';
    const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', life];
    const processes = spawn(program, [...words, ...unshare]);
    await once(processes.stdout, 'data');
    const init = readFileSync(`/proc/${processes.pid}/task/${processes.pid}/children`, 'utf8').trim();
    const probed = new ProbedHost(host, processes, init);
    await probed.until(() => probed.sh('[ -S /dev/log ] && echo yes || :').trim(), 'yes');
    return probed;
  }

  install(settings: Settings = {}): void {
    writeFileSync(this.script, proberScript(settings));
    chmodSync(this.script, 0o755);
  }

  get script(): string {
    return join(this.host.folder, 'script.sh');
  }

  /** Runs the script in the world's shell. */
  run(...words: readonly string[]): Outcome {
    return run([...this.#enter, ...this.host.world.shell, this.script, ...words]);
  }

  /** A command line beside the loop, with its world's files. Throws where it fails. */
  sh(line: string): string {
    const { status, stdout, stderr } = run([...this.#enter, 'sh', '-ec', line]);
    if (status !== 0) throw new Error(`${line}: exited ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** The process that is noted as the loop; 0: none. */
  get loop(): number {
    return Number(this.read('fairlead-test.prober').split(' ')[1] ?? 0);
  }

  /** The lines of the health file, without the first. */
  get health(): readonly string[] {
    return this.read('fairlead-test.health').split('\n').slice(1, -1);
  }

  get reloads(): readonly string[] {
    return this.read('reloads').split('\n').slice(0, -1);
  }

  /** What the loop told the syslog. */
  get told(): readonly string[] {
    return [...this.sh('cat /dev/messages').matchAll(/ fairlead-test: (.*)/g)].map(([, text]) => text ?? '');
  }

  /** The processes that are loops: they lead a session. (A probe that is about to start looks like one otherwise.) */
  get loops(): readonly string[] {
    const sessions = 'cut -d" " -f1,6 /proc/[0-9]*/stat 2>/dev/null || :';
    const leaders = this.sh(sessions)
      .split('\n')
      .map((line) => line.split(' '));
    return leaders
      .filter(([process, session]) => process !== undefined && process !== '' && process === session)
      .map(([process]) => process ?? '')
      .filter((process) => this.sh(`tr "\\0" " " </proc/${process}/cmdline || :`).endsWith(' probe '));
  }

  /** Command lines of the processes beside syslog and process 1. */
  get processes(): readonly string[] {
    return this.sh('for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <$f || :; echo; done 2>/dev/null')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !/syslogd|^cat|^tr |^sh -/.test(line));
  }

  /** What happens to packets that come in from the links, all at once: rules of iptables, counted from now on. */
  gate(rules: readonly string[], family: 4 | 6 = 4): void {
    const text = ['*raw', ':PREROUTING ACCEPT', ...rules.map((rule) => `-A PREROUTING ${rule}`), 'COMMIT'];
    this.host.outer.sh(`printf '%s\\n' '${text.join("' '")}' | ${tables(family)}-restore`);
  }

  /** Packets that each rule of the gate has met. */
  met(family: 4 | 6 = 4): readonly number[] {
    const rules = this.host.outer.sh(`${tables(family)}-save -c -t raw`).matchAll(/^\[(\d+):\d+\] -A/gm);
    return [...rules].map(([, packets]) => Number(packets));
  }

  /** A program of BusyBox that listens to the port in the outside. Resolves once it does. */
  async serve(port: number, ...busybox: readonly string[]): Promise<void> {
    const [program = '', ...words] = this.host.outer.enter('network');
    this.#servers.push(spawn(program, [...words, 'busybox', ...busybox], { stdio: 'ignore' }));
    await this.until(() => this.host.outer.sh('ss -Hltn').includes(`:${port} `), true);
  }

  /** The same as `run`, beside whatever else is going on. */
  async meanwhile(action: string): Promise<number | null> {
    const [program = '', ...words] = [...this.#enter, ...this.host.world.shell, this.script, action];
    const [status] = (await once(spawn(program, words, { stdio: 'ignore' }), 'close')) as [number | null];
    return status;
  }

  async until<T>(look: () => T, wanted: T, seconds = 15): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    let found = look();
    while (JSON.stringify(found) !== JSON.stringify(wanted) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      found = look();
    }
    expect(found).toEqual(wanted);
  }

  close(): void {
    for (const process of [...this.#servers, this.#processes]) process.kill('SIGKILL');
    this.host.close();
  }

  read(name: string): string {
    return this.sh(`cat /run/${name} 2>/dev/null || :`);
  }
}

const tables = (family: 4 | 6) => (family === 4 ? 'iptables' : 'ip6tables');
