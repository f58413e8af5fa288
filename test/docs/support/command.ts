// Runs a `fairlead …` line of the docs in a folder of the files that stand beside it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import type { Block } from './markdown.ts';

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** The blocks that have a title are files. */
export async function runInFolder(blocks: readonly Block[], command: string): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-docs-'));
  const before = process.cwd();
  onTestFinished(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  for (const { title, text } of blocks) {
    if (title === '') continue;
    mkdirSync(dirname(join(folder, title)), { recursive: true });
    writeFileSync(join(folder, title), text);
  }
  process.chdir(folder);
  const outcome = { status: 0, out: '', err: '' };
  await runProgram(wordsOf(command).slice(1), '0', {
    fairlead: ['fairlead'],
    out: (text) => {
      outcome.out += text;
    },
    err: (text) => {
      outcome.err += text;
    },
    exit: (status) => {
      outcome.status = status;
    },
    signal: new AbortController().signal,
    terminal: { isLive: false, outColours: false, errColours: false },
    environment: {},
  });
  return outcome;
}

/** A line's words; quotes keep blanks together. */
function wordsOf(line: string): readonly string[] {
  return [...line.trim().matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}
