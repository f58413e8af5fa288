// Waits until the host can be reached: by a new connection, whatever became of the old one. The waiting is the engine's.
import type { ControllerModule } from '../module.ts';

export interface WaitForConnectionArgs {
  readonly delay?: number;
  readonly sleep?: number;
  readonly timeout?: number;
  readonly connect_timeout?: number;
}

export const waitForConnection: ControllerModule<WaitForConnectionArgs> = {
  kind: 'controller',
  name: 'wait_for_connection',
  summary: 'Waits until the host can be logged in to, over a new connection.',
  returns: { elapsed: 'Seconds that it took.' },
  schema: {
    type: 'object',
    properties: {
      delay: {
        description: 'Seconds before the first attempt.',
        type: 'integer',
        minimum: 0,
        default: 0,
      },
      sleep: { description: 'Seconds between two attempts.', type: 'integer', minimum: 1, default: 1 },
      timeout: {
        description: 'Seconds after which waiting fails.',
        type: 'integer',
        minimum: 0,
        default: 600,
      },
      connect_timeout: {
        description: 'Seconds for one attempt.',
        type: 'integer',
        minimum: 1,
        default: 5,
      },
    },
    additionalProperties: false,
  },
  evaluate: ({ delay = 0, sleep = 1, timeout = 600, connect_timeout: connect = 5 }) => ({
    kind: 'ok',
    errand: {
      kind: 'reconnect',
      delayMs: delay * 1000,
      sleepMs: sleep * 1000,
      timeoutMs: timeout * 1000,
      connectMs: connect * 1000,
    },
  }),
};
