// When nobody got in: a process in the controller's network that tries again and again for the greeting of an SSH server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Lab } from '../../../src/lab/lab.ts';

export interface Target {
  readonly address: string;
  readonly port: number;
}

export interface Outage {
  /** Attempts that came to nothing. */
  readonly failed: number;
  /** From the watch's beginning to the first greeting behind the last failure. */
  readonly overAfterMs: number;
}

const SCRIPT = `
const { connect } = require('node:net');
const { address, port } = JSON.parse(process.argv[1]);
const began = performance.now();
let [failed, overAfterMs, stopped] = [0, 0, false];
const greeted = () => new Promise((resolve) => {
  const socket = connect({ host: address, port, timeout: 500 });
  const end = (is) => { socket.destroy(); resolve(is); };
  socket.on('timeout', () => end(false)).on('error', () => end(false)).on('close', () => end(false));
  socket.on('data', (data) => end(String(data).startsWith('SSH-')));
});
process.stdin.resume().on('end', () => { stopped = true; });
(async () => {
  for (let isOver = true; !stopped || !isOver; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const is = await greeted();
    if (!is) failed += 1;
    else if (!isOver) overAfterMs = performance.now() - began;
    isOver = is;
  }
  console.log(JSON.stringify({ failed, overAfterMs }));
})();`;

/** Watches until it is asked; not before somebody gets in again. */
export function watchOutage(lab: Lab, target: Target): () => Promise<Outage> {
  const [program, ...words] = lab.controllerCommand([process.execPath, '-e', SCRIPT, JSON.stringify(target)]);
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const closed = once(child, 'close');
  return async () => {
    child.stdin.end();
    await closed;
    return JSON.parse(said) as Outage;
  };
}
