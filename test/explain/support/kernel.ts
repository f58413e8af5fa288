// A namespace as the host that is asked: its network is made by `ip` lines, the program runs in it as on any host.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain, followUp } from '../../../src/explain/explain.ts';
import type { Explanation } from '../../../src/explain/explanation.ts';
import { type FlowWords, parseFlow } from '../../../src/explain/flow.ts';
import { parseHostState, parseKernelWord } from '../../../src/explain/host-answer.ts';
import { hostProgram } from '../../../src/explain/host-program.ts';
import { Namespace, run } from '../../roles/support/namespace.ts';

/** Links v0 (192.0.2.10, 2001:db8:1::10), v1 (203.0.113.10, 2001:db8:2::10) and w0 (10.9.0.1, 2001:db8:9::1). */
const NETWORK = `ip link set lo up
for pair in v0:p0 v1:p1 w0:q0; do
  ip link add \${pair%:*} type veth peer name \${pair#*:}
  for device in \${pair%:*} \${pair#*:}; do
    ip link set $device addrgenmode none up
    echo 0 >/proc/sys/net/ipv4/conf/$device/rp_filter
  done
done
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip address add 192.0.2.10/24 dev v0
ip address add 203.0.113.10/24 dev v1
ip address add 10.9.0.1/24 dev w0
ip address add 2001:db8:1::10/64 dev v0 nodad
ip address add 2001:db8:2::10/64 dev v1 nodad
ip address add 2001:db8:9::1/64 dev w0 nodad`;

export class Kernel {
  readonly #namespace: Namespace;
  readonly #folder: string;

  private constructor(namespace: Namespace, folder: string) {
    this.#namespace = namespace;
    this.#folder = folder;
  }

  /** `dress` is sh that runs first, in its mount namespace. */
  static async create(dress = ':'): Promise<Kernel> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-explain-'));
    const kernel = new Kernel(await Namespace.create(dress, folder), folder);
    kernel.sh(NETWORK);
    return kernel;
  }

  sh(line: string): string {
    return this.#namespace.sh(line);
  }

  explain(words: FlowWords, shell: readonly string[] = ['sh']): Explanation {
    const flow = parseFlow(words);
    const state = parseHostState(this.#run(hostProgram({ what: 'everything', flow }), shell), flow.family);
    const question = followUp(flow, state);
    if (question === undefined) return explain('host-1', flow, state);
    return explain('host-1', flow, state, parseKernelWord(this.#run(hostProgram(question), shell), state));
  }

  close(): void {
    this.#namespace.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(script: string, shell: readonly string[]): string {
    const { status, stdout, stderr } = run([...this.#namespace.enter('all'), ...shell, '-c', script]);
    if (status !== 0 || stderr !== '') throw new Error(`the program exited ${status}: ${stderr}`);
    return stdout;
  }
}
