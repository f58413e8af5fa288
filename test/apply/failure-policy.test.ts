import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchesOf } from '../../src/apply/failure-policy.ts';
import type { BatchSize } from '../../src/resolve/resolved-play.ts';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

const hosts = (amount: number): BatchSize => ({ kind: 'hosts', amount });
const percent = (amount: number): BatchSize => ({ kind: 'percent', amount });

describe('batches', () => {
  test.each([
    { count: 5, sizes: [], batches: [5] },
    { count: 5, sizes: [hosts(2)], batches: [2, 2, 1] },
    { count: 7, sizes: [hosts(1), hosts(2)], batches: [1, 2, 2, 2] },
    { count: 10, sizes: [percent(30)], batches: [3, 3, 3, 1] },
    { count: 10, sizes: [hosts(1), percent(50)], batches: [1, 5, 4] },
    { count: 3, sizes: [percent(10)], batches: [1, 1, 1] },
    { count: 3, sizes: [percent(100)], batches: [3] },
    { count: 3, sizes: [percent(200)], batches: [3] },
    { count: 3, sizes: [hosts(10)], batches: [3] },
    { count: 3, sizes: [hosts(1.9)], batches: [1, 1, 1] },
    { count: 0, sizes: [], batches: [] },
    { count: 0, sizes: [hosts(2)], batches: [] },
  ])('$count hosts by $sizes', ({ count, sizes, batches }) => {
    const all = Array.from({ length: count }, (_, index) => index);
    const made = batchesOf(all, sizes);
    expect(made.map((batch) => batch.length)).toEqual(batches);
    expect(made.flat()).toEqual(all);
  });

  test('hold every host once, in order, whatever the sizes', () => {
    const size = fc.oneof(fc.double({ min: 0.1, max: 9, noNaN: true }).map(hosts), fc.nat(300).map(percent));
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.array(size), (all, sizes) => {
        expect(batchesOf(all, sizes).flat()).toEqual(all);
        expect(batchesOf(all, sizes).every((batch) => batch.length > 0)).toBe(true);
      }),
    );
  });
});

/** Two waves; the first one fails on hosts with a dot in their names. */
const TASKS = `
    - name: work
      command: test {{inventory_hostname_short}} = {{inventory_hostname}}
    - name: after
      debug: {msg: reached}
`;

interface Case {
  readonly title: string;
  readonly keys: string;
  readonly hosts: readonly string[];
  readonly told: readonly string[];
  readonly ends: readonly string[];
}

const CASES: readonly Case[] = [
  {
    title: 'a failure takes that host out and nobody else',
    keys: '',
    hosts: ['f1.x', 'a'],
    told: ['f1.x failed', 'a changed', 'a ok'],
    ends: ['f1.x failed: what failed may have changed something', 'a ok: 1 change made'],
  },
  {
    title: 'any_errors_fatal stops everybody before the next wave',
    keys: 'any_errors_fatal: true',
    hosts: ['f1.x', 'a'],
    told: ['f1.x failed', 'a changed', 'stopped all: f1.x failed, and any_errors_fatal is set'],
    ends: [
      'f1.x failed: what failed may have changed something',
      'a stopped: 1 change made before it stopped',
    ],
  },
  {
    title: 'a percentage that is not exceeded lets the others go on',
    keys: 'max_fail_percentage: 50',
    hosts: ['f1.x', 'a'],
    told: ['f1.x failed', 'a changed', 'a ok'],
    ends: ['f1.x failed: what failed may have changed something', 'a ok: 1 change made'],
  },
  {
    title: 'a percentage that is exceeded stops everybody',
    keys: 'max_fail_percentage: 49',
    hosts: ['f1.x', 'a'],
    told: [
      'f1.x failed',
      'a changed',
      'stopped all: f1.x failed: 50 % of the batch, more than max_fail_percentage 49',
    ],
    ends: [
      'f1.x failed: what failed may have changed something',
      'a stopped: 1 change made before it stopped',
    ],
  },
  {
    title: 'a batch in which all failed stops the rollout',
    keys: 'serial: 2',
    hosts: ['f1.x', 'f2.x', 'a'],
    told: ['f1.x failed', 'f2.x failed', 'stopped all: all hosts of the batch failed: f1.x, f2.x'],
    ends: [
      'f1.x failed: what failed may have changed something',
      'f2.x failed: what failed may have changed something',
      'a not-started: not contacted',
    ],
  },
  {
    title: 'a batch in which some failed does not',
    keys: 'serial: 2',
    hosts: ['f1.x', 'a', 'b'],
    told: ['f1.x failed', 'a changed', 'a ok', 'b changed', 'b ok'],
    ends: [
      'f1.x failed: what failed may have changed something',
      'a ok: 1 change made',
      'b ok: 1 change made',
    ],
  },
];

describe('when hosts fail', () => {
  test.each(CASES)('$title', async ({ keys, hosts, told, ends }) => {
    const text = `- hosts: all\n  ${keys}\n  tasks:${TASKS}`;
    const run = await runPlaybook(text, { hosts, forks: 1 });
    const short = story(run).map((line) => line.replace(/ (work|after).*/, ''));
    expect(short.sort()).toEqual([...told].sort());
    expect(endings(run)).toEqual(ends);
  });
});
