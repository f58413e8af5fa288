// Something for people to read while a play runs: a message, or the value of an expression.
import type { Condition, ControllerModule, ControllerVerdict } from '../module.ts';

export interface DebugArgs {
  readonly msg?: unknown;
  readonly var?: Condition;
  readonly verbosity?: number;
}

export const debug: ControllerModule<DebugArgs> = {
  kind: 'controller',
  name: 'debug',
  summary: 'Shows a message or a value.',
  returns: { msg: 'What was shown; with var, the value stands under the text of var.' },
  schema: {
    type: 'object',
    properties: {
      msg: { description: 'What to show; "Hello world!" if neither msg nor var is there.' },
      var: {
        description: 'A variable, or any expression in CEL, whose value to show.',
        condition: true,
        anyValue: true,
        type: 'string',
        minLength: 1,
      },
      verbosity: {
        description: 'Only shown from this -v level on: 2 stands for -vv.',
        type: 'integer',
        minimum: 0,
        default: 0,
      },
    },
    additionalProperties: false,
  },
  evaluate(args) {
    const verbosity = args.verbosity ? { verbosity: args.verbosity } : {};
    if (args.var !== undefined && args.msg !== undefined) {
      return { kind: 'failed', message: 'msg and var are both given: leave one of them out' };
    }
    if (args.var === undefined) {
      const msg = args.msg ?? 'Hello world!';
      return { kind: 'ok', message: shown(msg), fields: { msg }, ...verbosity };
    }
    return { ...shownValue(args.var), ...verbosity };
  },
};

function shownValue(expression: Condition): ControllerVerdict {
  const { source } = expression;
  try {
    const value = expression.value();
    return { kind: 'ok', message: `${source}: ${shown(value)}`, fields: { [source]: value } };
  } catch (error) {
    return {
      kind: 'failed',
      message: `${source}: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, undefined, 2) ?? 'undefined');
}
