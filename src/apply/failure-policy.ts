// When a rollout stops: any_errors_fatal, max_fail_percentage, and a batch in which nobody is left.
// Unreachable counts as failed.
import { tasksOf } from '../resolve/play-tasks.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import type { HostRun } from './host-run.ts';

/** Whether hosts have to wait for each other: one's failure may stop the rest, or one reads what another finds out. */
export function needsLockStep({
  play,
  readers,
}: {
  readonly play: ResolvedPlay;
  readonly readers: ReadonlySet<ResolvedTask>;
}): boolean {
  if (readers.size > 0) return true;
  if (play.anyErrorsFatal || play.maxFailPercentage !== undefined || play.maxFailures !== undefined)
    return true;
  return tasksOf(play).some((task) => task.anyErrorsFatal);
}

/** Why the play must not go on after what happened in the batch, or undefined. */
export function reasonToStop(
  play: ResolvedPlay,
  batch: readonly HostRun[],
  all: readonly HostRun[] = batch,
): string | undefined {
  const out = batch.filter((run) => run.hasFailed).map((run) => run.name);
  if (out.length === 0) return undefined;
  const names = out.length <= 3 ? out.join(', ') : `${out.slice(0, 3).join(', ')} and ${out.length - 3} more`;
  if (play.anyErrorsFatal || batch.some((run) => run.isFatal))
    return `${names} failed, and any_errors_fatal is set`;
  const percentage = (out.length / batch.length) * 100;
  if (play.maxFailPercentage !== undefined && percentage > play.maxFailPercentage) {
    return `${names} failed: ${Math.round(percentage)} % of the batch, more than max_fail_percentage ${play.maxFailPercentage}`;
  }
  const failures = all.filter((run) => run.hasFailed).length;
  if (play.maxFailures !== undefined && failures > play.maxFailures) {
    return `${names} failed: ${failures} in this run, more than max_failures ${play.maxFailures}`;
  }
  return out.length === batch.length ? `all hosts of the batch failed: ${names}` : undefined;
}

/** The hosts in batches, as `serial` wants them; the last size repeats. */
export function batchesOf<T>(hosts: readonly T[], sizes: ResolvedPlay['serial']): readonly (readonly T[])[] {
  if (sizes.length === 0) return hosts.length === 0 ? [] : [hosts];
  const batches: T[][] = [];
  for (let at = 0, index = 0; at < hosts.length; index += 1) {
    const size = sizes[Math.min(index, sizes.length - 1)];
    const wanted =
      size?.kind === 'percent'
        ? Math.floor((hosts.length * size.amount) / 100)
        : (size?.amount ?? hosts.length);
    const count = Math.max(1, Math.floor(wanted));
    batches.push(hosts.slice(at, at + count));
    at += count;
  }
  return batches;
}
