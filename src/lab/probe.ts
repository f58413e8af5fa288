// Real connections from a lab's internet to its hosts: how many get an answer, and whether one that is open
// stays open. The programs themselves are internet-scripts.ts; they talk to the hosts' hello service.
import { spawn } from 'node:child_process';
import { execPath } from 'node:process';
import { HOLD_SCRIPT, PROBE_SCRIPT } from './internet-scripts.ts';
import { LabError } from './lab-error.ts';
import { type Argv, capture } from './namespaces.ts';
import { HELLO_PORT } from './plan.ts';

export interface ProbeOrder {
  /** Bare addresses, IPv4 or IPv6. */
  readonly addresses: readonly string[];
  readonly port?: number;
  /** Connections per address; 10 when nothing is said. */
  readonly count?: number;
  /** Connections per address at one time. */
  readonly atOnce?: number;
  /** Per connection, until the host has said a line. */
  readonly timeoutMs?: number;
}

export interface ProbeResult {
  readonly address: string;
  readonly ok: number;
  readonly failed: number;
}

export interface HeldReport {
  /** Lines that were sent and came back. */
  readonly exchanged: number;
  readonly longestGapMs: number;
  /** Why it broke; null = it was open until it was stopped, and every line came back. */
  readonly broken: string | null;
}

export interface HeldConnection {
  /** Ends the exchange, waits for the answers that are still out, and tells how it went. */
  stop(): Promise<HeldReport>;
}

/** Runs in the namespace that `prefix` enters. Results in the order of the addresses. */
export async function probe(prefix: Argv, order: ProbeOrder): Promise<readonly ProbeResult[]> {
  const job = {
    targets: order.addresses.map((address) => ({ address, port: order.port ?? HELLO_PORT })),
    count: order.count ?? 10,
    atOnce: order.atOnce ?? 25,
    timeoutMs: order.timeoutMs ?? 2000,
  };
  const [program, ...words] = prefix;
  const argv: Argv = [program, ...words, execPath, '-e', PROBE_SCRIPT, JSON.stringify(job)];
  const { exitCode, stdout, stderr } = await capture(argv);
  if (exitCode !== 0) throw new LabError(`probe failed: ${stderr.trim()}`);
  const results = JSON.parse(stdout) as readonly { readonly ok: number; readonly failed: number }[];
  return order.addresses.map((address, at) => ({
    address,
    ...(results[at] ?? { ok: 0, failed: job.count }),
  }));
}

/** Resolves when the host has said hello; a LabError where it does not. */
export function holdConnection(prefix: Argv, address: string): Promise<HeldConnection> {
  const job = { address, port: HELLO_PORT, intervalMs: 20, patienceMs: 3000 };
  const [program, ...words] = prefix;
  const child = spawn(program, [...words, execPath, '-e', HOLD_SCRIPT, JSON.stringify(job)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let printed = '';
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const report = async (): Promise<HeldReport> => {
    await ended;
    const last = printed.trimEnd().split('\n').at(-1) ?? '';
    if (!last.startsWith('{')) throw new LabError(`the held connection's program died: "${last}"`);
    return JSON.parse(last) as HeldReport;
  };
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdin.on('error', () => {}); // it ended first; the report says why
    child.stdout.on('data', (bytes: Buffer) => {
      printed += bytes.toString('utf8');
      if (!printed.startsWith('open\n')) return;
      resolve({
        stop: () => {
          child.stdin.end();
          return report();
        },
      });
    });
    // Without an "open" before it, this rejection is what the caller sees.
    report().then(
      ({ broken }) => reject(new LabError(`no connection to ${address}: ${broken ?? 'ended'}`)),
      reject,
    );
  });
}
