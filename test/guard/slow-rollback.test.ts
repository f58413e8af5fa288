// A host that goes back slowly, as its controller sees it: a host of fakes with a clock of its own.
import { expect, it } from 'vitest';
import { fakeGuard, WINDOW_S } from './fake-guard.ts';

/** Says `state` until so many seconds after the deadline, then that it is back. How it ended, and when. */
async function undone({ state, seconds }: { readonly state: string; readonly seconds: number }) {
  const { guard, nowMs } = fakeGuard((_script, ms) =>
    ms >= (WINDOW_S + seconds) * 1000 ? 'state=undone\nid=x\nreason=r\n' : `state=${state}\nid=x\n`,
  );
  guard.lead([]);
  const { kind } = await guard.undo('a task failed');
  return { kind, afterS: Math.round(nowMs() / 1000) - WINDOW_S };
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
