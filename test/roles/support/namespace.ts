// A network and mount namespace kept alive by a process that ends with the test's own: nothing to sweep up.
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Namespace {
  readonly pid: number;
  readonly #holder: ChildProcessWithoutNullStreams;
  readonly #listeners: ChildProcess[] = [];

  private constructor(holder: ChildProcessWithoutNullStreams, pid: number) {
    this.#holder = holder;
    this.pid = pid;
  }

  /** `dress` is sh that runs in it first, with `folder` as `$1`. */
  static async create(dress: string, folder: string): Promise<Namespace> {
    const program = `set -e\nmount -t sysfs none /sys\n${dress}\necho ready\nexec cat`;
    const holder = spawn('unshare', ['--net', '--mount', 'sh', '-c', program, 'sh', folder]);
    let said = '';
    holder.stderr.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const ready = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      once(holder, 'close').then(() => false),
    ]);
    if (!ready || holder.pid === undefined) throw new Error(`no namespace (root is needed): ${said}`);
    return new Namespace(holder, holder.pid);
  }

  /** A command line in this network, with the machine's own files and tools. Throws where it fails. */
  sh(line: string): string {
    const { status, stdout, stderr } = run([...this.enter('network'), 'sh', '-ec', line]);
    if (status !== 0) throw new Error(`${line}: exited ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** The words to put before a command. */
  enter(what: 'network' | 'all'): readonly string[] {
    return ['nsenter', '-n', ...(what === 'all' ? ['-m'] : []), '-t', String(this.pid)];
  }

  /** Answers every connection to the port with a line of text. Resolves once it does. */
  async serve(port: number, text: string): Promise<void> {
    const [program = '', ...words] = this.enter('network');
    const command = ['busybox', 'nc', '-ll', '-p', String(port), '-e', '/bin/echo', text];
    this.#listeners.push(spawn(program, [...words, ...command], { stdio: 'ignore' }));
    while (!this.sh('ss -Hltn').includes(`:${port} `)) await new Promise(setImmediate);
  }

  /** Ends everything that runs in it, a role's own services too. */
  close(): void {
    const network = networkOf(this.pid);
    const isOurs = network !== undefined && network !== networkOf(process.pid);
    for (const pid of isOurs ? processes() : []) {
      if (networkOf(pid) === network) killQuietly(pid);
    }
    for (const child of [...this.#listeners, this.#holder]) child.kill('SIGKILL');
  }
}

export function run([program = '', ...words]: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Undefined where the process is gone. */
function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself.
  }
}
