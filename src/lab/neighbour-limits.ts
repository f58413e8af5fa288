// The one setting of the machine that a large lab touches: how many neighbours its kernel remembers. The limit
// is shared by all network namespaces (ip-sysctl: neigh/default/gc_thresh), and a fleet of two hundred overflows it.
import { readFileSync, writeFileSync } from 'node:fs';

const ENOUGH_FOR_DEFAULT = 100;
const NEIGHBOURS_PER_HOST = 16;

/** Raises the limits where that many hosts need it; never lowers them. Quiet where the kernel does not let us. */
export function raiseNeighbourLimits(hostCount: number): void {
  if (hostCount <= ENOUGH_FOR_DEFAULT) return;
  for (const family of ['ipv4', 'ipv6']) {
    for (const [threshold, factor] of [
      ['gc_thresh3', 2],
      ['gc_thresh2', 1.5],
      ['gc_thresh1', 1],
    ] as const) {
      raise(`/proc/sys/net/${family}/neigh/default/${threshold}`, hostCount * NEIGHBOURS_PER_HOST * factor);
    }
  }
}

function raise(path: string, least: number): void {
  try {
    if (Number(readFileSync(path, 'utf8')) < least) writeFileSync(path, String(Math.ceil(least)));
  } catch {
    // Inside a container these are not ours to set; a lab of this size may then lose packets.
  }
}
