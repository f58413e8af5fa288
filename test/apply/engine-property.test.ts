// Whatever hosts, policies and the person at the keyboard do: a run ends, tells each host's story once, and leaves no
// connection behind. Hosts are fakes whose answers take a random number of turns.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunEvent } from '../../src/event.ts';
import { answering, FakeHost, type FakeProgram, losing, refusing } from '../../src/host/fake-host.ts';
import type { ConnectOutcome } from '../../src/host/host.ts';
import { runPlaybook } from '../support/playbook-run.ts';

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

type Fate = 'fine' | 'failing' | 'lost' | 'refusing' | 'unreachable';
const DOWN: ConnectOutcome = { kind: 'unreachable', reason: 'refused', message: 'nobody listens' };
const PROGRAMS: Readonly<Record<Fate, FakeProgram>> = {
  fine: answering(() => ({})),
  failing: answering(() => ({ exitCode: 1 })),
  lost: losing('change-0'),
  refusing: refusing('no'),
  unreachable: refusing('not connected'),
};

interface HostPlan {
  readonly fate: Fate;
  /** The program at which its fate strikes. */
  readonly at: number;
  readonly slowness: number;
}

function host(name: string, { fate, at, slowness }: HostPlan, atWork: Set<string>): FakeHost {
  const program =
    (index: number): FakeProgram =>
    async (...asked) => {
      atWork.add(name);
      await turns(slowness);
      atWork.delete(name);
      return (index === at ? PROGRAMS[fate] : PROGRAMS.fine)(...asked);
    };
  const connects: ConnectOutcome[] = fate === 'unreachable' ? [DOWN] : [{ kind: 'connected' }];
  return new FakeHost({ name, connects, programs: [0, 1, 2, 3, 4, 5].map(program) });
}

const hostPlan = fc.record({
  fate: fc.constantFrom<Fate>('fine', 'fine', 'failing', 'lost', 'refusing', 'unreachable'),
  at: fc.nat(4),
  slowness: fc.nat(3),
});
const policy = fc.constantFrom(
  {},
  { any_errors_fatal: true },
  { max_fail_percentage: 30 },
  { serial: 2 },
  { serial: ['25%', 3], any_errors_fatal: true },
  { serial: 1, max_fail_percentage: 0 },
);

/** What tasks ask of others; `run_once` fails hosts that ran nothing themselves. */
const keys = fc.constantFrom<readonly object[]>(
  [{}, {}, {}],
  [{}, { run_once: true }, {}],
  [{ run_once: true }, {}, { run_once: true, retries: 1, delay: 0 }],
  [{ throttle: 1 }, {}, { throttle: 2 }],
  [{}, { delegate_to: 'h0' }, { delegate_to: 'elsewhere', run_once: true }],
  [{}, { any_errors_fatal: true }, {}],
);

test('a run ends, and tells of each host once', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(hostPlan, { minLength: 1, maxLength: 7 }),
      fc.tuple(policy, policy),
      fc.integer({ min: 1, max: 4 }),
      fc.option(fc.nat(40), { nil: undefined }),
      keys,
      async (plans, policies, forks, interruptAt, own) => {
        const atWork = new Set<string>();
        const hosts = new Map<string, FakeHost>(
          plans.map((plan, index) => [`h${index}`, host(`h${index}`, plan, atWork)] as const),
        );
        const words = ['one', 'two', 'three'];
        const commands = words.map((word, index) => ({
          command: `echo ${word}`,
          notify: 'h',
          ...own[index],
        }));
        const isShared = own.some((each) => 'run_once' in each);
        const isDelegated = own.some((each) => 'delegate_to' in each);
        const handlers = [{ name: 'h', command: 'echo handler' }];
        const text = JSON.stringify(
          policies.map((keys, index) => ({
            hosts: index === 0 ? 'all' : 'all:!h0',
            ...keys,
            tasks: commands,
            handlers,
          })),
        );
        const interruption = new AbortController();
        const seen: RunEvent[] = [];
        let mostAtWork = 0;
        const { recap } = await runPlaybook(text, {
          hosts: [...hosts.keys()],
          hostFor: (name) => hosts.get(name) ?? new FakeHost({ name }),
          forks,
          signal: interruption.signal,
          onEvent: (event) => {
            seen.push(event);
            mostAtWork = Math.max(mostAtWork, atWork.size);
            if (seen.length === interruptAt) interruption.abort();
          },
        });
        await turns(20);

        expect(seen.at(-1)?.kind).toBe('run-ended');
        expect(recap.map(({ host: name }) => name)).toEqual([...hosts.keys()]);
        if (!isDelegated) expect(mostAtWork).toBeLessThanOrEqual(forks);
        for (const { host: name, status, failed } of recap) {
          const told = seen.filter((event) => 'host' in event && event.host === name);
          const ends = told.filter((event) => event.kind === 'host-finished');
          const begins = seen.filter((event) => event.kind === 'batch-started' && event.hosts.includes(name));
          // Once for each play that it was let into, well until the last one, and nothing follows.
          expect(ends).toHaveLength(begins.length);
          expect(told.at(-1)).toEqual(ends.at(-1));
          expect(ends.slice(0, -1).every((end) => end.status === 'ok')).toBe(true);
          if (status === 'ok' || failed > 0) expect(ends.at(-1)).toMatchObject({ status });
          if (status === 'failed' && !isShared) expect(failed).toBe(1);
          expect(failed).toBeLessThanOrEqual(1);
          if (status === 'ok') expect(failed).toBe(0);
          if (status === 'not-started') expect(told).toEqual([]);
          if (interruptAt === undefined) expect(status).not.toBe('interrupted');
          expect(hosts.get(name)?.events.at(-1)).toEqual({ kind: 'close' });
        }
      },
    ),
    { numRuns: Number(process.env.FC_RUNS ?? 200) },
  );
});
