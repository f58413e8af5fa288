// A lab's folder on the machine: who made it, who owns it, which process runs it, and where its files lie.
// A folder appears under its name with its state already in it (made aside, then renamed), so that
// whoever finds it can tell a living lab from what a killed process left behind.
//
//   /run/fairlead-lab/NAME/  state.json events log inventory.yml known_hosts id_ed25519 hosts/ tree/ …
//   /run/fairlead-lab/.making-PID-START/  not claimed yet
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from './lab-error.ts';
import type { LabShape } from './plan.ts';
import { isAlive, ownProcess, type ProcessId } from './process-id.ts';

export interface LabState extends LabShape {
  readonly name: string;
  /** `making`: worth keeping only as long as its maker lives. */
  readonly phase: 'making' | 'up';
  readonly maker: ProcessId;
  /** Undefined: the lab stays until somebody takes it down. */
  readonly owner?: ProcessId;
  /** pid 1 of the lab, in the machine's numbers. */
  readonly supervisor?: ProcessId;
  /** Who takes it down. */
  readonly remover?: ProcessId;
}

/** Emptied by a reboot of the machine, which ends every lab. */
export const LABS_FOLDER = '/run/fairlead-lab';
export const DEFAULT_LAB_NAME = 'default';

export function labFolder(name: string): string {
  return join(LABS_FOLDER, name);
}

/** Creates the lab's folder with its state, or throws a LabError where the name is bad or taken. */
export function claimLab(state: LabState): string {
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(state.name)) {
    throw new LabError(
      `"${state.name}" cannot be a lab's name`,
      'use up to 31 lower-case letters, digits and dashes',
    );
  }
  const own = ownProcess();
  const making = join(LABS_FOLDER, `${MAKING}${own.pid}-${own.startTime}-${state.name}`);
  mkdirSync(making, { recursive: true, mode: 0o700 });
  writeLabState(making, state);
  const folder = labFolder(state.name);
  try {
    renameSync(making, folder);
  } catch (error) {
    rmSync(making, { recursive: true });
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
    throw new LabError(
      `lab "${state.name}" is there already`,
      `take it down with: fairlead lab down --name ${state.name}`,
    );
  }
  return folder;
}

/** Replaces the state in one step. */
export function writeLabState(folder: string, state: LabState): void {
  const temporary = join(folder, 'state.json.new');
  writeFileSync(temporary, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(temporary, join(folder, 'state.json'));
}

/** Undefined where there is no such lab. */
export function readLabState(folder: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

/** Whether anybody still wants the lab and it still runs. */
export function isWanted(state: LabState): boolean {
  if (state.owner !== undefined && !isAlive(state.owner)) return false;
  if (state.phase === 'making') return isAlive(state.maker);
  return state.supervisor !== undefined && isAlive(state.supervisor);
}

/** Whether somebody is at it already. */
export function isBeingRemoved(state: LabState): boolean {
  return state.remover !== undefined && isAlive(state.remover);
}

/** All folders that may be a lab's; `state` is undefined for a claim whose maker died. */
export function findLabs(): readonly { readonly folder: string; readonly state: LabState | undefined }[] {
  let names: string[];
  try {
    names = readdirSync(LABS_FOLDER);
  } catch {
    return [];
  }
  return names
    .filter((name) => !isBeingClaimed(name))
    .map((name) => {
      const folder = join(LABS_FOLDER, name);
      return { folder, state: name.startsWith(MAKING) ? undefined : readLabState(folder) };
    });
}

const MAKING = '.making-';

function isBeingClaimed(name: string): boolean {
  const [, pid, startTime] = /^\.making-(\d+)-(\d+)-/.exec(name) ?? [];
  return pid !== undefined && startTime !== undefined && isAlive({ pid: Number(pid), startTime });
}
