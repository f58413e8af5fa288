// The one setting of the machine that a large lab touches: how many neighbours its kernel remembers. The limit
// is shared by all network namespaces (ip-sysctl: neigh/default/gc_thresh), and a fleet of two hundred overflows it.
import { readFileSync, writeFileSync } from 'node:fs';
import type { LabPlan } from './plan.ts';

const ENOUGH_FOR_DEFAULT = 100;
/** At both ends of a cable, of both families, link-local ones too. */
const NEIGHBOURS_PER_CABLE = 6;

/** Raises the limits where so many hosts need it; never lowers them. Quiet where the kernel does not let us. */
export function raiseNeighbourLimits({ hosts, providers }: LabPlan): void {
  if (hosts.length <= ENOUGH_FOR_DEFAULT) return;
  const cables = hosts.length * (1 + providers.length) + hosts.filter(({ lan }) => lan !== undefined).length;
  for (const family of ['ipv4', 'ipv6']) {
    for (const [threshold, factor] of [
      ['gc_thresh3', 2],
      ['gc_thresh2', 1.5],
      ['gc_thresh1', 1],
    ] as const) {
      raise(`/proc/sys/net/${family}/neigh/default/${threshold}`, cables * NEIGHBOURS_PER_CABLE * factor);
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
