// Events and recaps with everything that a test does not care about filled in.
import type { HostRecap, RunEvent, TaskOutcome } from '../../../src/event.ts';

export function taskFinished(
  host: string,
  outcome: Partial<TaskOutcome>,
  title = 'routes',
): Extract<RunEvent, { kind: 'task-finished' }> {
  return {
    kind: 'task-finished',
    host,
    task: { id: 1, title, module: 'command', place: 'site.yml:3:5' },
    progress: { done: 1, of: 2 },
    outcome: { status: 'ok', message: '', diffs: [], fields: {}, ...outcome },
  };
}

export function hostRecap(host: string, more: Partial<HostRecap> = {}): HostRecap {
  return {
    host,
    status: 'ok',
    ok: 0,
    changed: 0,
    skipped: 0,
    failed: 0,
    rescued: 0,
    ignored: 0,
    state: '',
    ...more,
  };
}
