// The whole compiled program in a process of its own, with a folder of files made for one test, and what it said as
// one text: exit status, stdout and stderr are compared together, silence too. Build first: npm run build.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { onTestFinished } from 'vitest';
import type { Lab } from '../../../src/lab/lab.ts';

export const ROOT = join(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'dist/main.js');

export interface Running {
  /** See `transcript`. */
  readonly said: Promise<string>;
  /** It has written something to stdout. */
  readonly speaks: Promise<void>;
  /** Waits for something that is to happen while it runs; rejects with what it said if it ends before. */
  until(event: Promise<unknown>): Promise<void>;
  signal(name: 'SIGINT' | 'SIGTERM'): void;
}

/** A user's folder, working directory and home at once. It goes when the test is over. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'fairlead-scenario-'));
  readonly #lab: Lab | undefined;

  /** `lab`: the program runs in its controller's network; its inventory is used where no other is named. */
  constructor(files: Readonly<Record<string, string>> = {}, lab?: Lab) {
    this.#lab = lab;
    for (const [path, text] of Object.entries(files)) this.write(path, text);
    onTestFinished(() => rmSync(this.folder, { recursive: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text, { mode: 0o600 });
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Runs to the end. */
  run(...words: readonly string[]): Promise<string> {
    return this.start(...words).said;
  }

  start(...words: readonly string[]): Running {
    const argv = [process.execPath, MAIN, ...words] as const;
    const [program, ...args] = this.#lab?.controllerCommand(argv) ?? argv;
    const child = spawn(program, args, {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: this.folder,
        ...(this.#lab && { FAIRLEAD_INVENTORY: this.#lab.paths.inventory }),
      },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const said = this.#transcriptOf(child);
    return {
      said,
      until: async (event) => {
        const ended = said.then((text): never => {
          throw new Error(`it ended: ${text}`);
        });
        ended.catch(() => {}); // it ends some time
        await Promise.race([event, ended]);
      },
      speaks: new Promise((resolve) => child.stdout.once('data', () => resolve())),
      signal: (name) => child.kill(name),
    };
  }

  async #transcriptOf(child: ChildProcess): Promise<string> {
    const text = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      text.stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      text.stderr += chunk;
    });
    const status = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? signal));
    });
    const masked = (from: string): string => mask(from.replaceAll(this.folder, 'HOME'));
    return transcript({ status, stdout: inHostOrder(masked(text.stdout)), stderr: masked(text.stderr) });
  }
}

/**
 * `exit STATUS`, then what stands on stdout and on stderr, each under its name, or nothing where it was silent.
 * Fingerprints, ports of 127.0.0.1 and durations, which differ from run to run, are replaced.
 */
function transcript(said: {
  readonly status: unknown;
  readonly stdout: string;
  readonly stderr: string;
}): string {
  const part = (name: 'stdout' | 'stderr'): string => (said[name] === '' ? '' : `--- ${name}\n${said[name]}`);
  return `exit ${said.status}\n${part('stdout')}${part('stderr')}`;
}

/** What a run came to: `exit 0, 2 changed`. */
export function sumOf(said: string): string {
  const [, status] = /^exit (\w+)$/m.exec(said) ?? [];
  const [, changed] = /^\d+ hosts?: .*?(\d+ changed)/m.exec(said) ?? [];
  return `exit ${status}, ${changed ?? 'no sum'}`;
}

function mask(text: string): string {
  return text
    .replace(/SHA256:[A-Za-z0-9+/]{43}/g, 'SHA256:KEY')
    .replace(/\b(127\.0\.0\.1\]?:|ssh -p )\d+/g, '$1PORT')
    .replace(/\d+\.\d s$/gm, 'N s');
}

/** Hosts work side by side, so only the order of each host's own lines is sure: a play's lines are sorted by host. */
function inHostOrder(stdout: string): string {
  return stdout.replace(/(?<=^play .*\n)(?:(?!play |rollout |batch |\n).*\n)+/gm, (lines) => {
    const blocks = lines.match(/^\S.*\n(?: .*\n)*/gm) ?? [];
    const host = (block: string): string => block.split(' ')[0] ?? '';
    return blocks.sort((a, b) => (host(a) < host(b) ? -1 : host(a) > host(b) ? 1 : 0)).join('');
  });
}
