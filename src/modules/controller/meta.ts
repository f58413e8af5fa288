// Words to the engine in the place of a task: run the handlers now, let the host or the play end here, forget facts or
// the connection.
import type { ControllerModule } from '../module.ts';

export const META_WORDS = [
  'flush_handlers',
  'end_host',
  'end_batch',
  'end_play',
  'clear_facts',
  'reset_connection',
  'refresh_inventory',
  'noop',
] as const;

export type MetaWord = (typeof META_WORDS)[number];

const SAID: Readonly<Partial<Record<MetaWord, string>>> = {
  end_host: 'the play ends here for this host',
  end_batch: 'the batch ends here',
  end_play: 'the play ends here',
};

export const meta: ControllerModule<{ readonly action: MetaWord }> = {
  kind: 'controller',
  name: 'meta',
  summary: 'Tells the engine to do something between two tasks.',
  schema: {
    type: 'object',
    properties: { action: { description: 'What to do.', enum: META_WORDS } },
    required: ['action'],
    additionalProperties: false,
  },
  freeForm: 'action',
  evaluate({ action }) {
    if (action === 'refresh_inventory') {
      return { kind: 'ok', errand: { kind: 'refresh-inventory' } };
    }
    const message = SAID[action];
    return { kind: 'ok', meta: action, ...(message !== undefined && { message }) };
  },
};
