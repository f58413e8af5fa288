// Where a client of the lab's traffic runs: in a network namespace of this machine, or on a host that is a machine itself.
import type { Argv } from './namespaces.ts';
import type { MachineSockets } from './vm/agent-client.ts';

export type ClientPlace =
  | { readonly kind: 'namespace' /** Words that enter it. */; readonly prefix: Argv }
  | { readonly kind: 'machine'; readonly machine: MachineSockets };
