import { expect, test } from 'vitest';
import { Turnstile } from '../../src/apply/turnstile.ts';

/** What each host has been told so far. */
function watch(turnstile: Turnstile) {
  const told: string[] = [];
  return {
    told,
    arrive: (host: string) => void turnstile.arrive(host).then((verdict) => told.push(`${host} ${verdict}`)),
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('nobody goes before everybody has arrived', async () => {
  const { told, arrive } = watch(new Turnstile(['a', 'b'], () => true));
  arrive('a');
  await settle();
  expect(told).toEqual([]);
  arrive('b');
  await settle();
  expect(told).toEqual(['a go', 'b go']);
});

test('the next round waits for everybody again', async () => {
  const { told, arrive } = watch(new Turnstile(['a', 'b'], () => true));
  arrive('a');
  arrive('b');
  await settle();
  arrive('b');
  await settle();
  expect(told).toEqual(['a go', 'b go']);
});

test('who has left is not waited for', async () => {
  const turnstile = new Turnstile(['a', 'b', 'c'], () => true);
  const { told, arrive } = watch(turnstile);
  arrive('a');
  turnstile.leave('b');
  turnstile.leave('c');
  await settle();
  expect(told).toEqual(['a go']);
});

test('the policy is asked once per round, when all have arrived, and its answer holds for all of them', async () => {
  let asked = 0;
  const turnstile = new Turnstile(['a', 'b', 'c'], () => {
    asked += 1;
    return false;
  });
  const { told, arrive } = watch(turnstile);
  arrive('a');
  arrive('b');
  expect(asked).toBe(0);
  turnstile.leave('c');
  await settle();
  expect({ asked, told }).toEqual({ asked: 1, told: ['a stop', 'b stop'] });
});

test('the last one to leave asks nobody', () => {
  const turnstile = new Turnstile(['a'], () => {
    throw new Error('asked');
  });
  turnstile.leave('a');
  turnstile.leave('a');
});
