// Traffic that starts on a machine: guest-clients.ts run past its network. What flows.ts and held-connections.ts ask for.
import { randomBytes } from 'node:crypto';
import { LabError } from '../lab-error.ts';
import type { Captured } from '../namespaces.ts';
import { type MachineSockets, runOnMachine } from './agent-client.ts';
import { FLOWS_PERL, HOLD_PERL } from './guest-clients.ts';

export interface MachineFlowOrder {
  readonly protocol: string;
  readonly port: number;
  readonly count: number;
  readonly atOnce: number;
  readonly timeoutMs: number;
  readonly localAddress?: string;
  readonly localPorts?: readonly number[];
  readonly addresses: readonly string[];
}

export interface MachineHoldOrder {
  readonly address: string;
  readonly port: number;
  readonly count: number;
  readonly localAddress?: string;
  readonly intervalMs: number;
  readonly patienceMs: number;
}

/** Its stdout is what the flows' program prints. */
export function flowsOnMachine(machine: MachineSockets, order: MachineFlowOrder): Promise<Captured> {
  const { protocol, port, count, atOnce, timeoutMs, localAddress = '', localPorts = [], addresses } = order;
  return perl(machine, RUN, [
    FLOWS_PERL,
    ...[protocol, port, count, atOnce, timeoutMs, localAddress, localPorts.join(','), addresses.join(',')],
  ]);
}

export interface HoldOnMachine {
  /** What the program has printed when all are open, or one is not. */
  readonly printed: string;
  /** Ends the exchange; all that it has printed. */
  stop(): Promise<string>;
}

/** Starts it in the background, since a port takes one command at a time. */
export async function holdOnMachine(
  machine: MachineSockets,
  order: MachineHoldOrder,
): Promise<HoldOnMachine> {
  const { address, port, count, localAddress = '', intervalMs, patienceMs } = order;
  const path = `/lab/run/held-${randomBytes(6).toString('hex')}`;
  const words = [path, HOLD_PERL, address, port, count, localAddress, intervalMs, patienceMs];
  const started = await perl(machine, START, words);
  if (started.exitCode !== 0) throw new LabError(`${machine.host}: ${started.stderr.trim()}`);
  return {
    printed: started.stdout,
    stop: async () => (await runOnMachine(machine, ['sh', '-c', STOP, 'stop', path])).stdout,
  };
}

function perl(
  machine: MachineSockets,
  program: string,
  words: readonly (string | number)[],
): Promise<Captured> {
  return runOnMachine(machine, ['sh', '-c', `${FIND_PERL}${program}`, 'perl', ...words.map(String)]);
}

/** A machine without Perl has one of the lab's own. */
const FIND_PERL = `perl=/usr/bin/perl
[ -x "$perl" ] || { perl=/lab/perl/bin/perl PERL5LIB=/lab/perl/lib; export PERL5LIB; }
`;

const RUN = 'exec "$perl" -e "$@"\n';

const START = `path=$1
shift
"$perl" -e "$@" >"$path" 2>"$path.errors" &
echo $! >"$path.pid"
while kill -0 $! 2>/dev/null && ! grep -q open "$path"; do sleep 0.1; done
cat "$path.errors" >&2
cat "$path"
`;

const STOP = `read -r pid <"$1.pid"
kill -TERM "$pid" 2>/dev/null
while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
cat "$1"
rm -f "$1" "$1.pid" "$1.errors"
`;
