// What runs in a lab's internet: one small program for node, as text, because it runs in a process of its own
// inside another network namespace, from source and from the compiled package alike.
import { CALLER_PORT, ECHO_PORT, internetAddress, MOST_INTERNET_ADDRESSES } from './plan.ts';

const UDP_ADDRESSES = (['IPv4', 'IPv6'] as const).flatMap((family) =>
  Array.from({ length: MOST_INTERNET_ADDRESSES }, (_, at) => internetAddress(at + 1, family)),
);

/**
 * Two services: one says the caller's address and hangs up, which shows the source a packet had on arrival; the other
 * says it and echoes. UDP has a socket per address, since a wildcard one would answer from another than was asked.
 */
export const INTERNET_SCRIPT = String.raw`'use strict';
const dgram = require('node:dgram');
const { appendFileSync } = require('node:fs');
const net = require('node:net');
const { dirname, join } = require('node:path');

const service = (port, separator, welcome) => new Promise((resolve) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    if (socket.remoteAddress === undefined) return socket.destroy(); // it went already
    socket.setNoDelay(true);
    welcome(socket, socket.remoteAddress.replace(/^::ffff:/, '') + separator + socket.remotePort + '\n');
  });
  server.listen({ port, host: '::', backlog: 4096 }, resolve);
});
const answersUdp = (address) => new Promise((resolve) => {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (_, caller) => {
    socket.send(caller.address + '\n' + caller.port + '\n', caller.port, caller.address, () => {});
  });
  socket.bind(${CALLER_PORT}, address, resolve);
});

Promise.all([
  service(${CALLER_PORT}, '\n', (socket, caller) => socket.end(caller)),
  service(${ECHO_PORT}, ' ', (socket, caller) => { socket.write(caller); socket.pipe(socket); }),
  ...${JSON.stringify(UDP_ADDRESSES)}.map(answersUdp),
]).then(() => appendFileSync(join(dirname(__filename), 'events'), 'internet\n'));
`;
