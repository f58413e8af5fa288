// Which resources are the same thing: what decides whether two tasks may share a round trip.
// Links are not seen through: what is reached by two names is two things here.
import { posix } from 'node:path';
import type { Resource } from '../modules/module.ts';

/** Each file under one spelling of its path, without a slash at the end. */
export function normalized(resources: readonly Resource[]): readonly Resource[] {
  return resources.map((resource): Resource => {
    if (!resource.startsWith('file:')) return resource;
    return `file:${posix.normalize(resource.slice('file:'.length)).replace(/\/$/, '')}`;
  });
}

/** True where some of `reads` may show what some of `writes` did. Both normalized. */
export function overlap(reads: readonly Resource[], writes: readonly Resource[]): boolean {
  return reads.some((read) => writes.some((write) => touches(read, write)));
}

function touches(a: Resource, b: Resource): boolean {
  if (a === '*' || b === '*' || a === b) return true;
  if (!a.startsWith('file:') || !b.startsWith('file:')) return false;
  // A folder is what is in it: /etc/x and /etc/x/y are one, /etc/x and /etc/xy are not.
  return b.startsWith(`${a}/`) || a.startsWith(`${b}/`);
}
