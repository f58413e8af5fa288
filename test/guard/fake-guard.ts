// A guard over a host of fakes, with a clock of its own that moves only while somebody pauses.
import { HostGuard, type HostGuardOptions } from '../../src/guard/host-guard.ts';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { Program } from '../../src/host/host.ts';

export const WINDOW_S = 60;

/** `answer`: what each program prints there, asked at so many milliseconds. */
export function fakeGuard(
  answer: (script: string, nowMs: number) => string,
  options: Partial<HostGuardOptions> = {},
): { readonly guard: HostGuard; nowMs(): number } {
  let nowMs = 0;
  const run = (program: Program) => {
    const stdout = answer(program.steps.map(({ script }) => script).join('\n'), nowMs);
    const outcome = { kind: 'exited', exitCode: 0, stdout, stderr: '' } as const;
    const steps = new Map(program.steps.map(({ id }) => [id, outcome] as const));
    return { kind: 'finished', steps } as const;
  };
  const host = () => new FakeHost({ name: 'h', programs: [run] });
  const clock = {
    nowMs: () => nowMs,
    pause: async (ms: number) => {
      nowMs += ms;
      return 'passed' as const;
    },
  };
  const plan = { windowS: WINDOW_S, owner: 'me@here', playbook: 'site.yml', play: 'all' };
  const guard = new HostGuard({ plan, host: host(), anotherWay: host, clock, ...options });
  return { guard, nowMs: () => nowMs };
}
