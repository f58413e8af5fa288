// How a change is confirmed where something has to be reached from the controller: a host of fakes, whose other address
// comes and goes.
import { expect, it } from 'vitest';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { ConnectOutcome } from '../../src/host/host.ts';
import { fakeGuard } from './fake-guard.ts';

const GONE: ConnectOutcome = { kind: 'unreachable', reason: 'timeout', message: 'no answer' };
const THERE: ConnectOutcome = { kind: 'connected' };

const ANSWERS: Readonly<Record<string, string>> = {
  confirm: 'confirmed\n',
  undo: 'state=undone\nid=x\nreason=r\n',
  end: 'state=armed\nid=x\n',
};

/** `other`: what the other address says, attempt by attempt; the last one stays. */
async function confirmed(other: readonly ConnectOutcome[]) {
  let attempts = 0;
  const asked: string[] = [];
  const notes: string[] = [];
  const answer = (script: string) => {
    const word = /(?:program|set --) \\?'?(confirm|undo|end|arm)\b/.exec(script)?.[1];
    if (word !== undefined) asked.push(word);
    return ANSWERS[word ?? ''] ?? '';
  };
  const { guard } = fakeGuard(answer, {
    note: (message) => notes.push(message),
    probes: [{ kind: 'ssh', address: '192.0.2.7', port: undefined }],
    reach: {
      connectMs: 1000,
      wayTo: () =>
        new FakeHost({ name: 'h', connects: [other[Math.min(attempts++, other.length - 1)] ?? GONE] }),
    },
  });
  await guard.watch();
  await guard.watch();
  guard.lead([]);
  const end = await guard.confirm();
  return { end: end.kind, asked, attempts, notes };
}

it('confirms at once where all can be reached', async () => {
  expect(await confirmed([THERE])).toEqual({ end: 'confirmed', asked: ['confirm'], attempts: 2, notes: [] });
});

it('tries three times, and does not confirm before', async () => {
  const { end, asked, attempts } = await confirmed([THERE, GONE, GONE, THERE]);
  expect({ end, asked, attempts }).toEqual({
    end: 'confirmed',
    asked: ['end', 'end', 'confirm'],
    attempts: 4,
  });
});

it('goes back after the third try', async () => {
  const { end, asked, attempts } = await confirmed([THERE, GONE]);
  expect({ end, asked, attempts }).toEqual({
    end: 'rolled-back',
    asked: ['end', 'end', 'end', 'undo'],
    attempts: 4,
  });
});

it('asks nothing of what could not be reached before', async () => {
  expect(await confirmed([GONE])).toEqual({
    end: 'confirmed',
    asked: ['confirm'],
    attempts: 1,
    notes: ['ssh 192.0.2.7 does not work before the change, and need not after it'],
  });
});
