// Where a host begins with --start-at-task: walks a list past everything before the task, into the includes that lead to it,
// and runs nothing on the way.
import { following, type Next, type Place, startOf } from '../plan/place.ts';
import type { StartAt } from '../resolve/start-at.ts';
import type { TaskList } from '../resolve/task-list.ts';

/**
 * The place of the task, or of an include that leads to it and fails on this host; `end` where this host does not come by it.
 * `into`: where an include leads on this host, as far as its conditions and names let it; undefined where it fails.
 */
export function firstPlace(list: TaskList, start: StartAt, into: (place: Place) => Next | undefined): Next {
  let next = startOf(list);
  while (typeof next !== 'string') {
    const task = next.list.tasks[next.task];
    if (task === undefined || start.isHere(task)) return next;
    if (start.leadsThere(task)) {
      const inside = into(next);
      if (inside === undefined) return next;
      next = inside;
    } else next = following(next);
  }
  return next;
}
