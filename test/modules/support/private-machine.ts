// A machine of its own for a test: this one's programs, with a private network, /etc, /run and /var/lib in namespaces
// that are gone when the test is. Init systems that cannot run here are stood in for by small programs (stand-ins/).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseProbes, probeScript } from '../../../src/modules/file/file-probe.ts';
import type { Conclusion, Controller, HostModule, Output, Verdict } from '../../../src/modules/module.ts';
import { quote } from '../../../src/shell.ts';
import { controller, type Shell } from './this-machine.ts';

export const PRIVATE_INITS = ['sysv', 'sysv by hand', 'sysv by rcS.d', 'systemd', 'openrc', 'none'] as const;
export type PrivateInit = (typeof PRIVATE_INITS)[number];

export interface Applied {
  readonly verdict: Verdict<unknown>;
  /** Undefined where there was nothing to change. */
  readonly conclusion?: Conclusion;
  readonly script?: string;
}

const STAND_INS = fileURLToPath(new URL('stand-ins', import.meta.url));
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const SETUP: Readonly<Record<PrivateInit, string>> = {
  sysv: ':',
  'sysv by hand': 'mount --bind /dev/null /usr/sbin/update-rc.d',
  // As on small BusyBox machines.
  'sysv by rcS.d': 'mount --bind /dev/null /usr/sbin/update-rc.d; rm -rf /etc/rc[0-6].d',
  systemd: 'mkdir -p /run/systemd/system',
  openrc: 'rm -rf /etc/rc?.d; mkdir -p /run/openrc/started /etc/runlevels/default',
  none: 'rm -rf /etc/rc?.d',
};

export class PrivateMachine {
  readonly #process: ChildProcess;
  readonly #shell: Shell;

  private constructor(process: ChildProcess, shell: Shell) {
    this.#process = process;
    this.#shell = shell;
  }

  /** `setup`: sh that runs once, inside. Needs root. */
  static async start(options: {
    readonly shell: Shell;
    readonly init?: PrivateInit;
    readonly setup?: string;
  }): Promise<PrivateMachine> {
    const init = options.init ?? 'sysv';
    const script = `set -eu
mount -t tmpfs tmpfs /mnt
for folder in etc var/lib; do
  mkdir -p "/mnt/$folder" "/mnt/rest/$folder"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=/mnt/$folder,workdir=/mnt/rest/$folder" "/$folder"
done
mount -t tmpfs tmpfs /run
ip link set lo up
${SETUP[init]}
${options.setup ?? ':'}
echo ready
exec sleep infinity`;
    const child = spawn('unshare', ['-m', '-n', '-u', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (String(said) !== 'ready\n') throw new Error(`no private machine: ${String(said)}`);
    return new PrivateMachine(child, options.shell);
  }

  /** As a session runs a step: by eval, in a subshell, under `set -eu`, with an empty stdin. */
  run(script: string): Output {
    const input = `LC_ALL=C\nexport LC_ALL\numask 022\n(\nset -eu\neval ${quote(script)}\n) </dev/null\nexit "$?"\n`;
    const words = ['-t', String(this.#process.pid), '-m', '-n', '-u', ...this.#shell.split(' ')];
    const ended = spawnSync('nsenter', words, {
      input,
      encoding: 'utf8',
      env: { PATH: `${STAND_INS}:${PATH}` },
      maxBuffer: 1 << 26,
    });
    if (ended.error) throw ended.error;
    return { exitCode: ended.status ?? -1, stdout: ended.stdout, stderr: ended.stderr };
  }

  /** What a successful script prints, without the newline at its end. */
  say(script: string): string {
    const output = this.run(script);
    if (output.exitCode !== 0) throw new Error(`${script} exited ${output.exitCode}: ${output.stderr}`);
    return output.stdout.replace(/\n$/, '');
  }

  /** A module's whole cycle, as the engine goes through it. */
  apply<Args, Wanted, Changes>(
    module: HostModule<Args, Wanted, Changes>,
    args: Args,
    said: Partial<Controller> = {},
  ): Applied {
    const wanted = module.prepare(args, controller(said));
    const { files = [], script } = module.inspect(wanted);
    const nothing: Output = { exitCode: 0, stdout: '', stderr: '' };
    const probed = files.length === 0 ? nothing : this.run(probeScript(files));
    const output = script === undefined ? nothing : this.run(script);
    const verdict = module.decide(wanted, { files: parseProbes(files, probed), output });
    if (verdict.kind !== 'change') return { verdict };
    const program = module.change(wanted, verdict.changes);
    const changed = this.run(program.script);
    const conclusion: Conclusion =
      module.conclude?.(wanted, verdict.changes, changed) ??
      (changed.exitCode === 0
        ? { kind: 'changed' }
        : { kind: 'failed', message: `exited ${changed.exitCode}: ${changed.stderr.trim()}` });
    return { verdict, conclusion, script: program.script };
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
