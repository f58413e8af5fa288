// Time to look, or a question to the person at the terminal: once for all hosts of a batch. The waiting is the engine's.
import { ArgumentError, type ControllerModule } from '../module.ts';

export interface PauseArgs {
  readonly seconds?: number;
  readonly minutes?: number;
  readonly prompt?: string;
  readonly echo?: boolean;
}

export const pause: ControllerModule<PauseArgs> = {
  kind: 'controller',
  name: 'pause',
  summary: 'Waits a while, or until somebody at the terminal lets the run go on.',
  returns: {
    user_input: 'What was typed.',
    start: 'When it began.',
    stop: 'When it was over.',
    delta: 'Seconds that it took.',
    echo: 'Whether what was typed could be seen.',
    rc: '0',
    stdout: 'How long it was, in words.',
    stderr: 'Nothing.',
  },
  schema: {
    type: 'object',
    properties: {
      seconds: { description: 'How long; at least one. Enter goes on at once.', type: 'integer' },
      minutes: { description: 'The same in minutes. Excludes seconds.', type: 'integer' },
      prompt: {
        description: 'What the person at the terminal is told. Without seconds and minutes, Enter goes on.',
        type: 'string',
      },
      echo: { description: 'Whether what is typed can be seen.', type: 'boolean', default: true },
    },
    additionalProperties: false,
  },
  check({ seconds, minutes }) {
    if (seconds !== undefined && minutes !== undefined) {
      throw new ArgumentError('minutes', 'seconds and minutes exclude each other');
    }
  },
  evaluate({ seconds, minutes, prompt, echo = true }) {
    const wanted = minutes === undefined ? seconds : minutes * 60;
    const ms = wanted === undefined ? undefined : Math.max(1, wanted) * 1000;
    const unit = minutes === undefined && ms !== undefined ? 'seconds' : 'minutes';
    return { kind: 'ok', errand: { kind: 'pause', ms, unit, prompt, echo } };
  },
};
