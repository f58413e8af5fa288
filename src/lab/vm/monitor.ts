// What can be done to a machine from outside, by QEMU's own protocol (QMP): its cables pulled out and put back.
import { connect } from 'node:net';
import { join } from 'node:path';
import { LabError } from '../lab-error.ts';
import type { MachineSockets } from './agent-client.ts';

const TIMEOUT_MS = 10_000;

/** The device sees its carrier go or come. */
export function setLink(
  machine: MachineSockets,
  device: string,
  state: 'plugged' | 'unplugged',
): Promise<void> {
  return command(machine, { execute: 'set_link', arguments: { name: device, up: state === 'plugged' } });
}

function command({ host, folder }: MachineSockets, order: object): Promise<void> {
  const socket = connect(join(folder, 'monitor'));
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      socket.destroy();
      reject(new LabError(`${host}'s monitor: ${reason}`));
    };
    socket.setTimeout(TIMEOUT_MS, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('gone'));
    let rest = '';
    let answers = 0;
    socket.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const said = JSON.parse(line) as {
          readonly error?: { readonly desc: string };
          readonly return?: unknown;
        };
        if (said.error !== undefined) fail(said.error.desc);
        if (said.return === undefined) continue; // its greeting, or news
        answers++;
        if (answers < 2) continue;
        resolve();
        socket.destroy();
      }
    });
    socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n${JSON.stringify(order)}\n`);
  });
}
