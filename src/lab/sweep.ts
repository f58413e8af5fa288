// Removing labs: a given one, and all that nobody wants any more because their owner, their maker or
// their own pid 1 was killed. Killing pid 1 ends every process of the lab, and with them go its
// namespaces, mounts and links; what stays is the folder.
import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { killAndWait, ownProcess } from './process-id.ts';
import { findLabs, isBeingRemoved, isWanted, type LabState, readLabState, writeLabState } from './state.ts';

const DEATH_TIMEOUT_MS = 30_000;

/** Ends the lab in this folder and removes it. Doing it twice does no harm. */
export async function removeLab(folder: string): Promise<void> {
  const state = readLabState(folder);
  if (state?.supervisor !== undefined) {
    claimRemoval(folder, state);
    await killAndWait(state.supervisor, DEATH_TIMEOUT_MS);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Removes the labs nobody wants; their names. */
export async function sweepLabs(): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const { folder, state } of findLabs()) {
    if (state !== undefined && (isWanted(state) || isBeingRemoved(state))) continue;
    await removeLab(folder);
    swept.push(state?.name ?? basename(folder));
  }
  return swept;
}

/** From here on no sweeper takes the lab for one that nobody owns. */
function claimRemoval(folder: string, state: LabState): void {
  try {
    writeLabState(folder, { ...state, remover: ownProcess() });
  } catch {
    // Somebody has removed it meanwhile.
  }
}
