import { describe, expect, it } from 'vitest';
import { ping } from '../../src/modules/system/ping.ts';
import { runOnThisMachine, SHELLS } from './support/this-machine.ts';

describe.each(SHELLS)('ping under %s', (shell) => {
  it('gets its answer', () => {
    expect(runOnThisMachine(ping, {}, { shell }).verdict).toEqual({
      kind: 'unchanged',
      message: 'pong',
      fields: { ping: 'pong' },
    });
  });
});
