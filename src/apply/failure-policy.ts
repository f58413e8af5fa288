// When a rollout stops: any_errors_fatal, max_fail_percentage, max_failures, a batch in which nobody is left, and a host
// that had to be rolled back where other batches are to follow. Unreachable counts as failed.
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
  const names = listed(out);
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

/**
 * The same where the play has several batches: a change that had to be undone on one host is not tried on the next ones,
 * unless the play says itself how many failures are too many.
 */
export function reasonToStopBatches(
  play: ResolvedPlay,
  batch: readonly HostRun[],
  all: readonly HostRun[],
): string | undefined {
  const reason = reasonToStop(play, batch, all);
  if (reason !== undefined) return reason;
  if (play.maxFailPercentage !== undefined || play.maxFailures !== undefined) return undefined;
  const undone = batch.filter((run) => run.isUndone).map((run) => run.name);
  if (undone.length === 0) return undefined;
  return `${listed(undone)} had to be rolled back, and max_fail_percentage does not say that others may`;
}

function listed(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
