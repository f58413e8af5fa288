// A plan as plays: tasks of several hosts in one order, and the last look right before a change.
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/apply/decide.ts';
import { plannedPlays } from '../../src/apply/planned-plays.ts';
import { copy } from '../../src/modules/file/copy.ts';
import type { Controller, HostModule, Inspected } from '../../src/modules/module.ts';
import type { HostAction } from '../../src/plan/action.ts';
import type { PlannedAction, PlannedPlay } from '../../src/plan/saved-plan.ts';
import { seenOf } from '../../src/plan/seen.ts';
import type { Wave } from '../../src/plan/wave.ts';

const CONTROLLER: Controller = {
  readFile: () => new Uint8Array(),
  renderFile: () => '',
  diff: true,
  variable: () => undefined,
  roleName: undefined,
};
const MODULE = copy as unknown as HostModule;
const WANTED = MODULE.prepare({ content: 'x\n', dest: '/etc/x' }, CONTROLLER);
const NOTHING = { exitCode: 0, stdout: '', stderr: '' };
const ABSENT: Inspected = { files: new Map([['/etc/x', { kind: 'absent' }]]), output: NOTHING };
const FOLDER: Inspected = {
  files: new Map([
    ['/etc/x', { kind: 'directory', mode: 0o755, owner: 'root', group: 'root', uid: 0, gid: 0 }],
  ]),
  output: NOTHING,
};

function action(id: number, more: Partial<PlannedAction> = {}): PlannedAction {
  return {
    task: {
      id,
      item: 0,
      name: `task ${id}`,
      module: 'copy',
      place: { file: 'site.yml', line: id, column: 3 },
      onFailure: 'stop-host',
      onUnreachable: 'stop-host',
      noLog: false,
      anyErrorsFatal: false,
    },
    title: `task ${id}`,
    wanted: WANTED,
    environment: {},
    seen: seenOf({ module: MODULE, wanted: WANTED }, ABSENT),
    restsOnOthers: false,
    ...more,
  };
}

function play(actions: PlannedPlay['actions']): PlannedPlay {
  return {
    name: 'edge',
    pattern: 'all',
    folder: '/srv',
    playbook: 'site.yml',
    hosts: Object.keys(actions),
    serial: [],
    anyErrorsFatal: false,
    guarding: { peers: [] },
    actions,
  };
}

const decided = (planned: PlannedAction, actual: Inspected) => {
  const { actionsOf } = plannedPlays([play({ a: [planned] })], new Set(['a']));
  const [first] = actionsOf('a');
  const own: HostAction | undefined = first?.action;
  const wave = { actions: own === undefined ? [] : [own], mode: 'apply' } as unknown as Wave;
  return decide(wave, { inspected: () => actual, withheld: [], newJobId: () => '' })[0];
};

describe('right before a change', () => {
  it('the same is seen: it is made', () => {
    expect(decided(action(1), ABSENT)).toMatchObject({ kind: 'change' });
  });

  it('something else is seen: it is not', () => {
    expect(decided(action(1), FOLDER)).toMatchObject({
      kind: 'done',
      raw: {
        kind: 'failed',
        message: 'the host has moved since the plan was made: /etc/x was: absent; is: folder 0755 0:0',
      },
    });
  });

  it('what earlier tasks have changed is what it is', () => {
    const there: Inspected = {
      files: new Map([
        [
          '/etc/x',
          {
            kind: 'file',
            ...{ sizeBytes: 4, mtimeSeconds: 0, sha256: 'f'.repeat(64), content: new Uint8Array(4) },
            ...{ mode: 0o644, owner: 'root', group: 'root', uid: 0, gid: 0 },
          },
        ],
      ]),
      output: NOTHING,
    };
    expect(decided(action(1, { restsOnOthers: true }), there)).toMatchObject({ kind: 'change' });
  });
});

describe('the tasks of several hosts', () => {
  const names = (actions: PlannedPlay['actions']) => {
    const { plays } = plannedPlays([play(actions)], new Set(Object.keys(actions)));
    return plays[0]?.play.sections.flatMap(({ list }) => list.tasks.map(({ writtenName }) => writtenName));
  };

  it('are one where they are the same, and stand in the order of each host', () => {
    const [one, two, three, four] = [action(1), action(2), action(3), action(4)];
    expect(names({ a: [one, two, four], b: [one, three, four] })).toEqual([
      'task 1',
      'task 3',
      'task 2',
      'task 4',
    ]);
    expect(names({ a: [one], b: [two, one] })).toEqual(['task 2', 'task 1']);
  });

  it('are not mixed up where hosts go through them in another order', () => {
    const [one, two] = [action(1), action(2)];
    expect(names({ a: [one, two], b: [two, one] })).toEqual(['task 1', 'task 2', 'task 1']);
  });

  it('of hosts that are left out are not theirs', () => {
    const { plays, actionsOf } = plannedPlays([play({ a: [action(1)], b: [action(2)] })], new Set(['b']));
    expect(plays[0]?.play.hosts).toEqual(['b']);
    expect(actionsOf('b').map(({ planned }) => planned.title)).toEqual(['task 2']);
  });
});
