// A host that goes back slowly, as its controller sees it: a host of fakes with a clock of its own.
import { expect, it } from 'vitest';
import { HostGuard } from '../../src/guard/host-guard.ts';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { Program } from '../../src/host/host.ts';

const WINDOW_S = 60;

/** Says `state` until so many seconds after the deadline, then that it is back. How it ended, and when. */
async function undone({ state, seconds }: { readonly state: string; readonly seconds: number }) {
  let nowMs = 0;
  const answer = (program: Program) => {
    const isBack = nowMs >= (WINDOW_S + seconds) * 1000;
    const stdout = isBack ? 'state=undone\nid=x\nreason=r\n' : `state=${state}\nid=x\n`;
    const outcome = { kind: 'exited', exitCode: 0, stdout, stderr: '' } as const;
    return {
      kind: 'finished',
      steps: new Map(program.steps.map(({ id }) => [id, outcome] as const)),
    } as const;
  };
  const host = () => new FakeHost({ name: 'h', programs: [answer] });
  const guard = new HostGuard({
    plan: { windowS: WINDOW_S, owner: 'me@here', playbook: 'site.yml', play: 'all' },
    host: host(),
    anotherWay: host,
    clock: {
      nowMs: () => nowMs,
      pause: async (ms) => {
        nowMs += ms;
        return 'passed';
      },
    },
  });
  guard.lead([]);
  const { kind } = await guard.undo('a task failed');
  return { kind, afterS: Math.round(nowMs / 1000) - WINDOW_S };
}

it('is waited for as long as it says that it is going back', async () => {
  expect(await undone({ state: 'undoing', seconds: 100 })).toEqual({ kind: 'rolled-back', afterS: 100 });
});

it('is waited for five minutes at most', async () => {
  expect(await undone({ state: 'undoing', seconds: 1000 })).toEqual({ kind: 'unseen', afterS: 300 });
});

it('is not waited for where its timer does nothing', async () => {
  expect(await undone({ state: 'armed', seconds: 1000 })).toEqual({ kind: 'unseen', afterS: 30 });
});
