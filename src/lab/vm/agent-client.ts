// Commands on a machine past its network, by its serial ports: the other end of guest-scripts.ts. One command at a time per
// port; whoever comes while a port is taken waits, also from another process.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { words } from '../../shell.ts';
import { LabError } from '../lab-error.ts';
import type { Argv, Captured } from '../namespaces.ts';
import { BLOCK_BYTES, PORT_COUNT } from './guest-scripts.ts';

/** Where a machine's sockets lie. */
export interface MachineSockets {
  /** For messages. */
  readonly host: string;
  readonly folder: string;
}

/** The machine went off or rebooted before a command on it had ended. */
export class MachineGoneError extends LabError {
  constructor(host: string, program: string) {
    super(`${host} went off or rebooted while "${program}" ran on it`);
    this.name = 'MachineGoneError';
  }
}

/** Runs as root in /root. A MachineGoneError where the machine does not live to see its end. */
export async function runOnMachine(machine: MachineSockets, argv: Argv): Promise<Captured> {
  const port = takePort(machine.folder);
  try {
    await port.free;
    return await request(machine, join(machine.folder, `port${port.number}`), argv);
  } finally {
    port.release();
  }
}

interface Queue {
  waiting: number;
  last: Promise<void>;
}

const queues = new Map<string, readonly Queue[]>();

/** The port of this machine with the fewest commands of this process before it. */
function takePort(folder: string): {
  readonly number: number;
  readonly free: Promise<void>;
  release(): void;
} {
  const all =
    queues.get(folder) ?? Array.from({ length: PORT_COUNT }, () => ({ waiting: 0, last: Promise.resolve() }));
  queues.set(folder, all);
  const queue = all.reduce((best, each) => (each.waiting < best.waiting ? each : best));
  const free = queue.last;
  let done = () => {};
  queue.waiting++;
  queue.last = new Promise((resolve) => {
    done = resolve;
  });
  return {
    number: all.indexOf(queue),
    free,
    release: () => {
      queue.waiting--;
      done();
    },
  };
}

async function request({ host }: MachineSockets, path: string, argv: Argv): Promise<Captured> {
  const socket = await connected(path, host);
  const id = randomBytes(8).toString('hex');
  const program = Buffer.from(`exec ${words(...argv)}\n`);
  const answer = new Answer(id);
  return new Promise((resolve, reject) => {
    const gone = () => reject(new MachineGoneError(host, argv[0]));
    socket.on('data', (bytes: Buffer) => {
      const captured = answer.hear(bytes);
      if (captured === 'more') socket.write('more\n');
      if (captured === 'more' || captured === undefined) return;
      socket.destroy();
      resolve(captured);
    });
    socket.on('error', gone);
    socket.on('close', gone);
    // What another process left unfinished ends with its line.
    socket.write(Buffer.concat([Buffer.from(`\nrequest ${id} ${program.length}\n`), program]));
  });
}

/** Nobody listens while a machine is between two boots; a queue that is full says EAGAIN. */
async function connected(path: string, host: string): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(path);
    const code = await new Promise<string | undefined>((resolve) => {
      socket.once('connect', () => resolve(undefined));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    socket.removeAllListeners();
    if (code === undefined) return socket;
    if (code === 'EAGAIN' || attempt < CONNECT_ATTEMPTS) await delay(CONNECT_PAUSE_MS);
    else throw new LabError(`${host} is off or boots: ${code}`);
  }
}

const CONNECT_ATTEMPTS = 100;
const CONNECT_PAUSE_MS = 50;

/** Reads an answer, whatever comes before it. */
class Answer {
  readonly #end: RegExp;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #wantedBytes = 0;

  constructor(id: string) {
    this.#end = new RegExp(
      `ended ${id} (\\d+)\\n *(\\d+) ${id}\\.out\\n *(\\d+) ${id}\\.err\\n *\\d+ total\\n`,
    );
  }

  /** `more` where the next block is to be asked for. */
  hear(bytes: Buffer): Captured | 'more' | undefined {
    this.#chunks.push(bytes);
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes < this.#wantedBytes) return undefined;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    const head = this.#end.exec(all.toString('latin1'));
    if (head === null) return undefined;
    const [line, status, outBytes, errBytes] = head;
    const from = head.index + line.length;
    const middle = from + Number(outBytes);
    const end = middle + Number(errBytes);
    if (all.length < end) {
      const blocks = Math.floor((all.length - from) / BLOCK_BYTES);
      const isNew = this.#wantedBytes < from + (blocks + 1) * BLOCK_BYTES;
      this.#wantedBytes = Math.min(end, from + (blocks + 1) * BLOCK_BYTES);
      return blocks > 0 && isNew ? 'more' : undefined;
    }
    return {
      exitCode: Number(status),
      stdout: all.toString('utf8', from, middle),
      stderr: all.toString('utf8', middle, end),
    };
  }
}
