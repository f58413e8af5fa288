// Who comes at the same moment: of confirm and rollback one wins, always, and everybody is told the truth. Who dies while
// going back is succeeded, and it ends whole.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { playRound, type Rival, type RoundEnd } from './support/guard-race.ts';
import { GUARD_WORLDS, GuardedHost } from './support/guarded-host.ts';

const HOSTS = 10;
const NOBODY = 'its time was up and nobody had confirmed it';
const ASKED = 'a task failed';

let hosts: readonly GuardedHost[] = [];

beforeAll(async () => {
  const worlds = Array.from({ length: HOSTS }, (_, at) => GUARD_WORLDS[at % GUARD_WORLDS.length]);
  hosts = await Promise.all(
    worlds.flatMap((world) => (world === undefined ? [] : [GuardedHost.create(world)])),
  );
}, 60_000);

afterAll(() => {
  for (const host of hosts) host.close();
}, 60_000);

/** `each` is given the host, and a name that no transaction has had. */
async function onAll(count: number, each: (host: GuardedHost, id: string) => Promise<void>): Promise<void> {
  const kind = Math.random().toString(16).slice(2, 8);
  await Promise.all(
    hosts.map(async (host, at) => {
      for (let round = at; round < count; round += hosts.length) await each(host, `${kind}${round}`);
    }),
  );
}

const confirmed = {
  stages: 'confirmed ',
  content: 'new',
  rules: '1',
  journal: ['confirmed'],
  report: '',
  left: '0',
};
const undone = (reason: string) => ({
  stages: 'undone ',
  content: 'old',
  rules: '0',
  journal: [`rolled back (${reason})`],
  report: '',
  left: '0',
});
const TOLD_YES = { status: 0, said: 'confirmed' };
const TOLD_NO = { status: 76, said: expect.stringMatching(/^state=und(oing|one)$/) };

const random = (to: number) => Math.random() * to;

function log(text: string): void {
  console.info(`    ${text}`);
}

describe('one of confirm and rollback', { timeout: 180_000 }, () => {
  it('wins where somebody confirms in the last moment, 200 times', async () => {
    const ends: RoundEnd[] = [];
    const leads: number[] = [];
    const lead = new Map<GuardedHost, number>();
    await onAll(200, async (host, id) => {
      const leadMs = lead.get(host) ?? 50;
      const rivals = [{ atMs: -leadMs, does: `program confirm "$dir"` }];
      const end = await playRound(host, id, { windowS: 1, from: 'deadline', keeps: 'rules', rivals });
      const isConfirmed = end.stages.startsWith('confirmed');
      expect(end).toEqual(
        isConfirmed ? { ...confirmed, told: [TOLD_YES] } : { ...undone(NOBODY), told: [TOLD_NO] },
      );
      // Who came in time comes later the next time: it stays near the edge, however fast the machine is.
      lead.set(host, Math.min(100, Math.max(0, leadMs + (isConfirmed ? -1 : 1) * random(20))));
      ends.push(end);
      leads.push(leadMs);
    });
    const wins = ends.filter(({ stages }) => stages.startsWith('confirmed')).length;
    const mean = leads.reduce((sum, each) => sum + each, 0) / leads.length;
    log(
      `${wins} of ${ends.length} were confirmed, asked for ${mean.toFixed(0)} ms before the deadline on average`,
    );
    expect(ends.length).toBe(200);
    expect(wins).toBeGreaterThan(20);
    expect(wins).toBeLessThan(180);
  });

  it('wins where one asks for confirmation and another for the rollback', async () => {
    let wins = 0;
    await onAll(60, async (host, id) => {
      const rivals = [
        { atMs: 100 + random(12), does: `program confirm "$dir"` },
        { atMs: 100 + random(40), does: `program undo "$dir" '${ASKED}'` },
      ];
      const end = await playRound(host, id, { windowS: 60, from: 'change', keeps: 'rules', rivals });
      const isConfirmed = end.stages.startsWith('confirmed');
      expect(end).toEqual(
        isConfirmed
          ? { ...confirmed, told: [TOLD_YES, { status: 0, said: 'state=confirmed' }] }
          : { ...undone(ASKED), told: [TOLD_NO, { status: 0, said: 'state=undone' }] },
      );
      if (isConfirmed) wins += 1;
    });
    log(`${wins} of 60 were confirmed`);
    expect(wins).toBeGreaterThan(3);
    expect(wins).toBeLessThan(57);
  });
});

describe('a way back', { timeout: 120_000 }, () => {
  it('is gone once where several ask for it, and its time is up too', async () => {
    await onAll(30, async (host, id) => {
      const rivals = Array.from({ length: 3 }, () => ({
        atMs: -20 + random(40),
        does: `program undo "$dir" '${ASKED}'`,
      }));
      const end = await playRound(host, id, { windowS: 1, from: 'deadline', keeps: 'rules', rivals });
      const told = rivals.map(() => ({ status: 0, said: 'state=undone' }));
      const reason = end.journal.some((line) => line.includes(ASKED)) ? ASKED : NOBODY;
      expect(end).toEqual({ ...undone(reason), told });
    });
  });

  /** SIGKILL for whoever goes back, and all that it started. */
  const kill = (atMs: number): Rival => ({
    atMs,
    does: `read -r pid _ <"$dir/undo" && kill -9 "-$pid" 2>/dev/null && echo killed`,
  });

  it('is gone to its end by whoever comes next, however often somebody dies over it', async () => {
    let kills = 0;
    await onAll(40, async (host, id) => {
      const murders = Array.from({ length: 4 }, (_, at) => kill(20 + at * 150 + random(150)));
      const rivals = [
        { atMs: 0, does: `program undo "$dir" '${ASKED}'` },
        ...murders,
        // Several find the dead at the same moment.
        ...Array.from({ length: 4 }, () => ({ atMs: 700, does: `program resume "$dir"` })),
      ];
      const end = await playRound(host, id, { windowS: 60, from: 'change', keeps: 'all', rivals });
      const { told, ...rest } = end;
      expect({ ...rest, first: told[0] }).toEqual({
        ...undone(ASKED),
        first: { status: 0, said: 'state=undone' },
      });
      kills += told.filter(({ said }) => said === 'killed').length;
    });
    log(`${kills} were killed in 40 ways back`);
    expect(kills).toBeGreaterThan(40);
  });
});
