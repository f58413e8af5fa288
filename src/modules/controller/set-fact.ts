// Variables of a host, set while a play runs. They live as long as the run.
import type { ControllerModule } from '../module.ts';

export type SetFactArgs = Readonly<Record<string, unknown>> & { readonly cacheable?: boolean };

export const setFact: ControllerModule<SetFactArgs> = {
  kind: 'controller',
  name: 'set_fact',
  summary: 'Sets variables of the host for the rest of the run.',
  returns: { ansible_facts: 'The variables that were set.' },
  schema: {
    type: 'object',
    properties: {
      cacheable: {
        description: 'Taken for the sake of playbooks written for Ansible; there is no cache beyond a run.',
        type: 'boolean',
      },
    },
    propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
    additionalProperties: true,
  },
  evaluate({ cacheable: _, ...variables }) {
    const names = Object.keys(variables);
    if (names.length === 0) return { kind: 'failed', message: 'no variable is named' };
    return {
      kind: 'ok',
      message: `set ${names.join(', ')}`,
      variables,
      fields: { ansible_facts: variables },
    };
  },
};
