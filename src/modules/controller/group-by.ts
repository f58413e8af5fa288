// Sorts hosts into groups by what is known of them, for the rest of the run. The engine does it (apply/grow.ts).
import type { ControllerModule } from '../module.ts';

export interface GroupByArgs {
  readonly key: string;
  readonly parents?: string | readonly string[];
}

export const groupBy: ControllerModule<GroupByArgs> = {
  kind: 'controller',
  name: 'group_by',
  summary: 'Puts the host into a group for the rest of the run; the group is made where it is not there.',
  returns: { add_group: 'The group.', parent_groups: 'The groups that it is a child of.' },
  schema: {
    type: 'object',
    properties: {
      key: { description: 'The group. A blank becomes `-`.', type: 'string', minLength: 1 },
      parents: {
        description: 'Groups that it is a child of; default `all`.',
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string', minLength: 1 } }],
      },
    },
    required: ['key'],
    additionalProperties: false,
  },
  freeForm: 'key',
  evaluate({ key, parents = ['all'] }) {
    const group = key.replaceAll(' ', '-');
    const above = (typeof parents === 'string' ? [parents] : parents).map((name) =>
      name.replaceAll(' ', '-'),
    );
    if (above.includes(group)) return { kind: 'failed', message: `the group "${group}" cannot be in itself` };
    return { kind: 'ok', errand: { kind: 'group-by', group, parents: above } };
  },
};
