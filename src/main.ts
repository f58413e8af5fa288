#!/usr/bin/env node
// The only file that knows the process: its arguments, environment, streams, signals and exit status.
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { askHidden, askShown } from './cli/ask.ts';
import type { CliContext } from './cli/context.ts';
import { runProgram } from './cli/program.ts';
import { fairleadVersion } from './package.ts';

/** EX_SOFTWARE of sysexits.h: a bug of ours. */
const BUG_STATUS = 70;

// The V8 of Node 20 optimizes what a short run is done with before that pays: a third of its processor time. Later ones wait
// longer by themselves, and no longer know this flag.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=600000');

const interruption = new AbortController();
let interruptions = 0;
const interrupt = (): void => {
  interruptions += 1;
  if (interruptions > 1) process.exit(130);
  process.stderr.write('\ninterrupted: ending what is under way (once more to leave at once)\n');
  interruption.abort();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
// A reader that leaves (| head) wants no more text; hosts that are being changed are none of its business.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
}

const { env } = process;
const wantsColours = env.NO_COLOR === undefined || env.NO_COLOR === '';
const context: CliContext = {
  fairlead: [process.execPath, fileURLToPath(import.meta.url)],
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  exit: (status) => {
    process.exitCode = status;
  },
  signal: interruption.signal,
  terminal: {
    isLive: process.stdout.isTTY === true && env.TERM !== 'dumb',
    outColours: wantsColours && process.stdout.isTTY === true,
    errColours: wantsColours && process.stderr.isTTY === true,
  },
  environment: env,
  ask: (question) => askHidden(question, interruption.signal),
  askShown: (question) => askShown(question, interruption.signal),
  ...(process.stdin.isTTY && { interrupt }),
  input: () => buffer(process.stdin),
  outBytes: (bytes) => process.stdout.write(bytes),
};

try {
  await runProgram(process.argv.slice(2), fairleadVersion(), context);
} catch (error) {
  process.stderr.write(
    `internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = BUG_STATUS;
}
