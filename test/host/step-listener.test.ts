// What a step prints, heard while it runs: whose it is, and that what somebody has taken is kept nowhere else.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { thisMachine } from '../support/playbook-run.ts';
import { exited, program, steps } from './programs.ts';

test('each step is heard with its name and stream, and its outcome is as ever', async () => {
  const host = thisMachine('here');
  await host.connect();
  const heard = new Map<string, string>();
  const listener = {
    heard(step: string, from: 'stdout' | 'stderr', bytes: Uint8Array): 'left' {
      const key = `${step} ${from}`;
      heard.set(key, (heard.get(key) ?? '') + Buffer.from(bytes).toString());
      return 'left';
    },
  };
  const outcome = await host.run(program('echo one; echo oops >&2', ':', 'printf three; exit 3', 'echo no'), {
    listener,
  });
  expect(steps(outcome)).toEqual([
    exited(0, 'one\n', 'oops\n'),
    exited(0),
    exited(3, 'three'),
    { kind: 'skipped' },
  ]);
  const ids = outcome.kind === 'finished' ? [...outcome.steps.keys()] : [];
  expect(heard).toEqual(
    new Map([
      [`${ids[0]} stdout`, 'one\n'],
      [`${ids[0]} stderr`, 'oops\n'],
      [`${ids[2]} stdout`, 'three'],
    ]),
  );
  expect(steps(await host.run(program('echo four')))).toEqual([exited(0, 'four\n')]);
  expect([...heard.values()].join('')).not.toContain('four');
  await host.close();
});

test('a step is heard before it has ended', async () => {
  const host = thisMachine('here');
  await host.connect();
  const first = new Promise<void>((resolve) => {
    const listener = {
      heard: (): 'left' => {
        resolve();
        return 'left';
      },
    };
    void host.run(program('echo now; sleep 30'), { listener });
  });
  await first;
  await host.disconnect();
});

test('more than fits into memory goes through where it is taken', async () => {
  const host = thisMachine('here');
  await host.connect();
  const sizeBytes = 100 * 1024 * 1024;
  const hash = createHash('sha256');
  let sum = 0;
  let most = 0;
  const listener = {
    heard(_step: string, from: 'stdout' | 'stderr', bytes: Uint8Array): 'taken' | 'left' {
      if (from === 'stderr') return 'left';
      hash.update(bytes);
      sum += bytes.length;
      most = Math.max(most, process.memoryUsage.rss());
      return 'taken';
    },
  };
  const before = process.memoryUsage.rss();
  const outcome = await host.run(program(`head -c ${sizeBytes} /dev/zero; echo done >&2`), { listener });
  expect(steps(outcome)).toEqual([exited(0, '', 'done\n')]);
  expect(sum).toBe(sizeBytes);
  expect(hash.digest('hex')).toBe('20492a4d0d84f8beb1767f6616229f85d44c2827b64bdbfb260ee12fa1109e0e');
  expect(most - before).toBeLessThan(sizeBytes / 2);
  await host.close();
});
