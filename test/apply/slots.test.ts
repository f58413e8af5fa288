import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Slots } from '../../src/apply/slots.ts';

/** A piece of work that ends when it is told to. */
function piece() {
  let end: (error?: Error) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { promise, end: (error?: Error) => end(error) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('no more than so many work at once, and they come in the order they asked', async () => {
  const slots = new Slots(2);
  const pieces = [0, 1, 2, 3].map(piece);
  const begun: number[] = [];
  const all = pieces.map(({ promise }, index) =>
    slots.use(async () => {
      begun.push(index);
      await promise;
      return index;
    }),
  );
  await settle();
  expect(begun).toEqual([0, 1]);
  pieces[1]?.end();
  await settle();
  expect(begun).toEqual([0, 1, 2]);
  for (const each of pieces) each.end();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

test('work that fails gives its slot back', async () => {
  const slots = new Slots(1);
  await expect(slots.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.use(async () => 'next')).toBe('next');
});

test('whatever the order of ends, the number at work never exceeds the slots and everybody has a turn', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 4 })), { maxLength: 12 }),
      async (count, works) => {
        const slots = new Slots(count);
        let atWork = 0;
        let most = 0;
        const results = await Promise.allSettled(
          works.map(([fails, ticks]) =>
            slots.use(async () => {
              most = Math.max(most, ++atWork);
              for (let tick = 0; tick < ticks; tick++) await settle();
              atWork -= 1;
              if (fails) throw new Error('no');
            }),
          ),
        );
        expect(most).toBe(Math.min(count, works.length));
        expect(results.map(({ status }) => status === 'rejected')).toEqual(works.map(([fails]) => fails));
      },
    ),
  );
});
