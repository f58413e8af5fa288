// A play that has to stop here, with a reason.
import type { ControllerModule } from '../module.ts';

export interface FailArgs {
  readonly msg?: string;
}

export const fail: ControllerModule<FailArgs> = {
  kind: 'controller',
  name: 'fail',
  summary: 'Fails with a message; meant for tasks with when.',
  schema: {
    type: 'object',
    properties: {
      msg: { description: 'The reason.', type: 'string', default: 'Failed as requested from task' },
    },
    additionalProperties: false,
  },
  evaluate: (args) => ({ kind: 'failed', message: args.msg ?? 'Failed as requested from task' }),
};
