// Real connections from a lab's internet to its hosts: how many get an answer from the hello service. The program
// itself is in client-scripts.ts.
import { execPath } from 'node:process';
import { PROBE_SCRIPT } from './client-scripts.ts';
import { LabError } from './lab-error.ts';
import { type Argv, capture, join } from './namespaces.ts';
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

/** Runs in the namespace that `prefix` enters. Results in the order of the addresses. */
export async function probe(prefix: Argv, order: ProbeOrder): Promise<readonly ProbeResult[]> {
  const job = {
    targets: order.addresses.map((address) => ({ address, port: order.port ?? HELLO_PORT })),
    count: order.count ?? 10,
    atOnce: order.atOnce ?? 25,
    timeoutMs: order.timeoutMs ?? 2000,
  };
  const { exitCode, stdout, stderr } = await capture(
    join(prefix, [execPath, '-e', PROBE_SCRIPT, JSON.stringify(job)]),
  );
  if (exitCode !== 0) throw new LabError(`probe failed: ${stderr.trim()}`);
  const results = JSON.parse(stdout) as readonly { readonly ok: number; readonly failed: number }[];
  return order.addresses.map((address, at) => ({
    address,
    ...(results[at] ?? { ok: 0, failed: job.count }),
  }));
}
