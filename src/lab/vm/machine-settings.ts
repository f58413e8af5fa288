// What the machines of a plan boot from. Builds it where it is not there yet, which may take a minute per system.
import { LabError } from '../lab-error.ts';
import type { LabHost, LabPlan } from '../plan.ts';
import { findAccelerator } from './accelerator.ts';
import { cacheFolder, prepareImages } from './image-cache.ts';
import type { MachineSettings } from './machine-script.ts';
import { isMachine } from './systems.ts';

/** `tell` hears a line per thing that was built. */
export async function machineSettings(
  plan: LabPlan,
  tell: (line: string) => void,
): Promise<(host: LabHost) => MachineSettings> {
  const systems = plan.hosts.map(({ system }) => system).filter(isMachine);
  const settingsOf = new Map<string, MachineSettings>();
  if (systems.length > 0) {
    const { disks, ...boot } = await prepareImages(systems, { folder: cacheFolder(), tell });
    const accelerator = await findAccelerator(cacheFolder(), boot);
    for (const [system, image] of disks) settingsOf.set(system, { ...boot, image, accelerator });
  }
  return ({ name, system }) => {
    const settings = settingsOf.get(system);
    if (settings === undefined) throw new LabError(`internal: ${name} is no machine`);
    return settings;
  };
}
