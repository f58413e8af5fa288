// Whether a host can be reached, logged in to, and runs sh.
import type { HostModule } from '../module.ts';

export interface PingArgs {
  readonly data?: string;
}

export const ping: HostModule<PingArgs, { readonly data: string }, never> = {
  kind: 'host',
  name: 'ping',
  summary: 'Answers pong from hosts that can be reached and run programs.',
  returns: { ping: 'pong, or what data said.' },
  schema: {
    type: 'object',
    properties: {
      data: { description: 'What the result says in its field ping.', type: 'string', default: 'pong' },
    },
    additionalProperties: false,
  },
  prepare: (args) => ({ data: args.data ?? 'pong' }),
  reads: () => [],
  writes: () => [],
  inspect: () => ({ script: 'echo pong' }),
  decide(wanted, actual) {
    if (actual.output.stdout.trim() !== 'pong') {
      return { kind: 'failed', message: 'the host ran the program and gave no answer' };
    }
    return { kind: 'unchanged', message: wanted.data, fields: { ping: wanted.data } };
  },
  change: () => ({ script: '' }),
};
