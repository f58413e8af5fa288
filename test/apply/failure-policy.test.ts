import { describe, expect, test } from 'vitest';
import { endings, runPlaybook, story } from '../support/playbook-run.ts';

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
