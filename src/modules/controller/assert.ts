// Conditions that have to hold before a play goes on. All of them are looked at, and each that fails is named.
import type { Condition, ControllerModule } from '../module.ts';

export interface AssertArgs {
  readonly that: Condition | readonly Condition[];
  readonly fail_msg?: string;
  readonly msg?: string;
  readonly success_msg?: string;
  readonly quiet?: boolean;
}

export const assert: ControllerModule<AssertArgs> = {
  kind: 'controller',
  name: 'assert',
  summary: 'Fails unless all its conditions hold.',
  returns: { assertion: 'The condition that does not hold.', evaluated_to: 'What it gave.' },
  schema: {
    type: 'object',
    properties: {
      that: {
        description: 'A condition, or a list of them, in CEL.',
        condition: true,
        type: ['string', 'boolean', 'array'],
        items: { type: ['string', 'boolean'] },
        minItems: 1,
      },
      fail_msg: { description: 'What to say when one does not hold.', type: 'string' },
      msg: { description: 'The same as fail_msg.', type: 'string' },
      success_msg: { description: 'What to say when all hold.', type: 'string' },
      quiet: { description: 'Say nothing when all hold.', type: 'boolean', default: false },
    },
    required: ['that'],
    additionalProperties: false,
  },
  evaluate(args) {
    const conditions = isList(args.that) ? args.that : [args.that];
    const failed = conditions.flatMap((condition) => {
      const problem = problemOf(condition);
      return problem === undefined ? [] : [{ source: condition.source, problem }];
    });
    const first = failed[0];
    if (first === undefined) {
      const message = args.success_msg ?? 'All assertions passed';
      return { kind: 'ok', ...(!args.quiet && { message }) };
    }
    const said = args.fail_msg ?? args.msg;
    const found = failed.map(({ source, problem }) => `${source}: ${problem}`).join('\n');
    return {
      kind: 'failed',
      message: said === undefined ? found : `${said}\n${found}`,
      fields: { assertion: first.source, evaluated_to: false },
    };
  },
};

function isList(that: AssertArgs['that']): that is readonly Condition[] {
  return Array.isArray(that);
}

function problemOf(condition: Condition): string | undefined {
  try {
    const value = condition.value();
    if (value === true) return undefined;
    return value === false ? 'is not so' : `is ${JSON.stringify(value)}, neither true nor false`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
