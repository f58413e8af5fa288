// A process of its own that makes a lab: a test that kills whoever makes a lab must not be that process.
// It runs the compiled sources, since Node 20 does not read TypeScript: buildIfStale first.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const CREATE_LAB = join(import.meta.dirname, '../../../dist/create-lab.js');

export interface LabMaker {
  readonly pid: number;
  /** Resolves when it has printed `up`, rejects when it ended before. */
  readonly up: Promise<void>;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
}

/** A process that makes a lab with these options (JSON) and then does nothing, for ever. */
export function startLabMaker(options: object): LabMaker {
  const program = `
    import { createLab } from ${JSON.stringify(CREATE_LAB)};
    await createLab(${JSON.stringify(options)});
    console.log('up');
    setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const dead = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const up = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => resolve());
    dead.then(() => reject(new Error('the lab maker ended before its lab was up')));
  });
  up.catch(() => {}); // killed on purpose, mostly
  return {
    pid: child.pid ?? 0,
    up,
    kill: async () => {
      child.kill('SIGKILL');
      await dead;
    },
  };
}
