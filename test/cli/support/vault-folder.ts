// A folder for one test, and `fairlead vault` in it: in this process, with answers to what it asks.
import { Buffer } from 'node:buffer';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';

export interface Surroundings {
  readonly input?: string | Uint8Array;
  /** To what is asked, in order; undefined: nobody can be asked. */
  readonly answers?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly questions: readonly string[];
}

export class VaultFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'fairlead-vault-test-'));

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    onTestFinished(() => rmSync(this.path, { recursive: true }));
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, content: string | Uint8Array, mode = 0o640): string {
    writeFileSync(this.file(name), content);
    chmodSync(this.file(name), mode);
    return this.file(name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  mode(name: string): string {
    return (statSync(this.file(name)).mode & 0o7777).toString(8);
  }

  names(): readonly string[] {
    return readdirSync(this.path).sort();
  }

  /** `fairlead WORDS`; names of this folder's files become paths. What it says: DIR stands for the folder. */
  async run(words: readonly string[], around: Surroundings = {}): Promise<Said> {
    const said = { status: 0, out: '', err: '', questions: [] as string[] };
    const answers = [...(around.answers ?? [])];
    const { input } = around;
    await runProgram(words, '0', {
      fairlead: ['fairlead'],
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      outBytes: (bytes) => {
        said.out += Buffer.from(bytes).toString('latin1');
      },
      exit: (status) => {
        said.status = status;
      },
      signal: around.signal ?? new AbortController().signal,
      terminal: { isLive: false, outColours: false, errColours: false },
      environment: { PATH: process.env.PATH, ...around.environment },
      ...(input !== undefined && { input: async () => Buffer.from(input) }),
      ask: async (question) => {
        said.questions.push(question);
        return answers.shift();
      },
      askShown: async (question) => {
        said.questions.push(`(shown) ${question}`);
        return answers.shift();
      },
    });
    return { ...said, out: this.#shown(said.out), err: this.#shown(said.err) };
  }

  #shown(text: string): string {
    return text.replaceAll(this.path, 'DIR');
  }
}
