// Every module that changes something is run twice: the second time there is nothing left to do.
import { expect } from 'vitest';
import type { HostModule } from '../../../src/modules/module.ts';
import { type Cycle, type MachineOptions, runOnThisMachine } from './this-machine.ts';

/** The first run's cycle, which must have changed something; fails unless a second run says unchanged. */
export function runTwice<Args, Wanted, Changes>(
  module: HostModule<Args, Wanted, Changes>,
  args: Args,
  options: MachineOptions,
): Cycle<Changes> {
  const first = runOnThisMachine(module, args, options);
  expect(first.output).toMatchObject({ exitCode: 0, stderr: '' });
  expect(first.conclusion?.kind).toBe('changed');
  const second = runOnThisMachine(module, args, options);
  expect(second.verdict.kind).toBe('unchanged');
  return first;
}
