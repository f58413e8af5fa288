// Which resources are the same thing: what decides whether two tasks may share a round trip.
import type { Resource } from '../modules/module.ts';

/** True where some of `reads` may show what some of `writes` did. */
export function overlap(reads: readonly Resource[], writes: readonly Resource[]): boolean {
  return reads.some((read) => writes.some((write) => touches(read, write)));
}

function touches(a: Resource, b: Resource): boolean {
  if (a === '*' || b === '*' || a === b) return true;
  if (!a.startsWith('file:') || !b.startsWith('file:')) return false;
  // A folder is what is in it: /etc/x and /etc/x/y are one, /etc/x and /etc/xy are not.
  return `${b}/`.startsWith(`${a}/`) || `${a}/`.startsWith(`${b}/`);
}
