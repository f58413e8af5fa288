// The sources as a process of their own can run them: node 20 does not read TypeScript, and a test that kills
// whoever makes a lab must not be that process.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../../..');
const COMPILED = join(PROJECT, 'node_modules/.cache/lab-test');

/** Compiles src/ once more, beside the project's own build. A type error elsewhere in it does not matter here. */
export function compileSources(): void {
  rmSync(COMPILED, { recursive: true, force: true });
  mkdirSync(COMPILED, { recursive: true });
  writeFileSync(join(COMPILED, 'package.json'), '{"type":"module"}\n');
  const tsc = join(PROJECT, 'node_modules/.bin/tsc');
  const options = ['--outDir', COMPILED, '--incremental', 'false', '--tsBuildInfoFile', 'null'];
  const { stdout } = spawnSync(tsc, ['-p', join(PROJECT, 'tsconfig.build.json'), ...options], {
    cwd: PROJECT,
    encoding: 'utf8',
  });
  if (!existsSync(join(COMPILED, 'lab/create-lab.js'))) throw new Error(`nothing was compiled: ${stdout}`);
}

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
    import { createLab } from ${JSON.stringify(join(COMPILED, 'lab/create-lab.js'))};
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
