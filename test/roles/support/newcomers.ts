// Clients in a lab's internet that keep connecting anew, ten a second, while something happens: for how long nobody
// got an answer, and who answered.
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Lab } from '../../../src/lab/lab.ts';
import { HELLO_PORT } from '../../../src/lab/plan.ts';

export interface Attempt {
  /** On the clock of all attempts. */
  readonly atMs: number;
  /** The first line that was heard; null: none in time. */
  readonly heard: string | null;
}

// An answer later than this came to a SYN that was sent again.
const PATIENCE_MS = 900;
const INTERVAL_MS = 100;
/** How long it goes on for an answer after it was told to stop. */
const GRACE_MS = 5000;

const SCRIPT = `
const { address, port, patienceMs, intervalMs, graceMs, stop } = JSON.parse(process.argv[1]);
const attempts = [];
let open = 0, ends = false;
const began = performance.now();
function attempt() {
  const mine = { atMs: Math.round(performance.now() - began), heard: null };
  attempts.push(mine);
  open++;
  const socket = require('node:net').connect({ host: address, port });
  const timer = setTimeout(() => socket.destroy(), patienceMs);
  socket.on('error', () => {}).on('data', (data) => {
    mine.heard = String(data).split('\\n')[0];
    socket.destroy();
  }).on('close', () => {
    clearTimeout(timer);
    open--;
    if (ends && open === 0) console.log(JSON.stringify(attempts));
  });
}
attempt();
let asked;
const ticks = setInterval(() => {
  if (asked === undefined && require('node:fs').existsSync(stop)) asked = performance.now();
  const since = asked - began;
  ends = attempts.some(({ atMs, heard }) => heard !== null && atMs >= since) || performance.now() - asked > graceMs;
  if (!ends) return attempt();
  clearInterval(ticks);
  if (open === 0) console.log(JSON.stringify(attempts));
}, intervalMs);`;

export class Newcomers {
  readonly #stopFile = join(tmpdir(), `fairlead-newcomers-${randomUUID()}`);
  readonly #ended: Promise<readonly Attempt[]>;

  constructor(lab: Lab, address: string, port: number = HELLO_PORT) {
    const job = {
      address,
      port,
      patienceMs: PATIENCE_MS,
      intervalMs: INTERVAL_MS,
      graceMs: GRACE_MS,
      stop: this.#stopFile,
    };
    this.#ended = lab
      .inInternet([process.execPath, '-e', SCRIPT, JSON.stringify(job)])
      .then(({ stdout, stderr }) => {
        if (stdout === '') throw new Error(stderr);
        return JSON.parse(stdout) as readonly Attempt[];
      });
  }

  /** All attempts, in order. */
  async stop(): Promise<readonly Attempt[]> {
    writeFileSync(this.#stopFile, '');
    try {
      return await this.#ended;
    } finally {
      rmSync(this.#stopFile);
    }
  }
}

/** The longest time in which nobody who began to connect got an answer. Infinity where it never ended. */
export function longestSilenceMs(attempts: readonly Attempt[]): number {
  let longest = 0;
  let since: number | undefined;
  for (const { atMs, heard } of attempts) {
    if (heard === null) since ??= atMs;
    else if (since !== undefined) {
      longest = Math.max(longest, atMs - since);
      since = undefined;
    }
  }
  return since === undefined ? longest : Number.POSITIVE_INFINITY;
}
