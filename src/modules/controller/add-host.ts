// A host that the rest of the run knows: in memory, nowhere else. The engine adds it (apply/grow.ts).
import type { ControllerModule } from '../module.ts';

export type AddHostArgs = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly groups?: string | readonly string[];
};

export const addHost: ControllerModule<AddHostArgs> = {
  kind: 'controller',
  name: 'add_host',
  summary:
    'Adds a host, and groups, to the inventory for the rest of the run; once for all hosts of the batch.',
  returns: { add_host: '`host_name`, `groups` and `host_vars` of the host.' },
  schema: {
    type: 'object',
    properties: {
      name: {
        description: 'The host; a port may follow: `web-3:2222`.',
        type: 'string',
        minLength: 1,
        aliases: ['host', 'hostname'],
      },
      groups: {
        description:
          'Groups that it goes into, a list or names with commas between them; those that are not there are made.',
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
        aliases: ['group', 'groupname'],
      },
    },
    required: ['name'],
    // Everything else becomes a variable of the host.
    additionalProperties: true,
  },
  evaluate({ name, groups = [], ...variables }) {
    const written = typeof groups === 'string' ? groups.split(',') : groups;
    const names = new Set(written.map((group) => group.trim()).filter((group) => group !== ''));
    return { kind: 'ok', errand: { kind: 'add-host', name, groups: [...names], variables } };
  },
};
