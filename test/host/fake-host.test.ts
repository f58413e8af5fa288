import { expect, test } from 'vitest';
import { answering, FakeHost, losing, refusing } from '../../src/host/fake-host.ts';
import { ReadOnlyHost } from '../../src/host/read-only-host.ts';
import { exited, program, steps } from './programs.ts';

const inspect = { ...program('look'), kind: 'inspect' as const };

test('a fake host answers by step, stops where a step says so, and remembers', async () => {
  const host = new FakeHost({
    name: 'web',
    programs: [
      answering((step) => (step.script === 'bad' ? { exitCode: 1, stderr: 'no' } : { stdout: step.script })),
    ],
  });
  expect(await host.connect()).toEqual({ kind: 'connected' });
  await host.connect();
  const outcome = await host.run(program('good', 'bad', 'never'), { timeoutMs: 5 });
  expect(steps(outcome)).toEqual([exited(0, 'good'), exited(1, '', 'no'), { kind: 'skipped' }]);
  expect(host.events.map((event) => event.kind)).toEqual(['connect', 'run']);
  expect(host.programs.map((asked) => asked.steps.length)).toEqual([3]);
});

test('a fake host can be unreachable first, and lose or refuse a program', async () => {
  const gone = { kind: 'unreachable', reason: 'refused', message: 'refused' } as const;
  const host = new FakeHost({
    name: 'web',
    connects: [gone, { kind: 'connected' }],
    programs: [losing('s1'), refusing('no sudo')],
  });
  expect(await host.connect()).toEqual(gone);
  expect(await host.connect()).toEqual({ kind: 'connected' });
  expect(await host.run(program('a', 'b', 'c'))).toMatchObject({
    kind: 'lost',
    during: 's1',
    steps: new Map([['s0', exited(0)]]),
  });
  expect(await host.run(program('a'))).toEqual({ kind: 'refused', message: 'no sudo' });
  expect(await host.run(program('a'))).toEqual({ kind: 'refused', message: 'no sudo' });
});

test('a read-only host passes inspections on and withholds changes and uploads', async () => {
  const fake = new FakeHost({ name: 'web' });
  const host = new ReadOnlyHost(fake);
  expect(host.name).toBe('web');
  await host.connect();
  expect(await host.run(program('write'))).toEqual({ kind: 'withheld' });
  expect(await host.upload({ path: '/x', bytes: new Uint8Array() })).toEqual({ kind: 'withheld' });
  expect(steps(await host.run(inspect))).toEqual([exited(0)]);
  await host.disconnect();
  await host.close();
  expect(fake.events.map((event) => event.kind)).toEqual(['connect', 'run', 'disconnect', 'close']);
});
