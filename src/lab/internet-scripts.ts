// What runs in a lab's internet: small programs for node, as text, because they run in processes of their own
// inside another network namespace, from source and from the compiled package alike.
import { CALLER_PORT } from './plan.ts';

/** A service that says the caller's address and hangs up: shows which source a packet had on arrival. */
export const CALLER_SCRIPT = `'use strict';
const { appendFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.end(\`\${socket.remoteAddress.replace(/^::ffff:/, '')}\\n\`);
});
server.listen({ port: ${CALLER_PORT}, host: '::', backlog: 512 }, () => {
  appendFileSync(join(dirname(__filename), 'events'), 'internet\\n');
});
`;

/**
 * Connects to each target so many times, a bounded number at once per target. A connection counts when the
 * other side has said a line. Argument: a JSON ProbeOrder; prints a JSON list of { ok, failed }, one per target.
 */
export const PROBE_SCRIPT = `'use strict';
const net = require('node:net');
const { targets, count, atOnce, timeoutMs } = JSON.parse(process.argv[1]);

const connects = (target) => new Promise((resolve) => {
  const socket = net.connect(target.port, target.address);
  const end = (ok) => { clearTimeout(timer); socket.destroy(); resolve(ok); };
  const timer = setTimeout(end, timeoutMs, false);
  let said = '';
  socket.on('data', (bytes) => { said += bytes; if (said.includes('\\n')) end(true); });
  socket.on('error', () => end(false));
  socket.on('close', () => end(false));
});

const probe = async (target) => {
  let left = count;
  let ok = 0;
  const worker = async () => { while (left-- > 0) if (await connects(target)) ok++; };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker));
  return { ok, failed: count - ok };
};

Promise.all(targets.map(probe)).then((results) => console.log(JSON.stringify(results)));
`;

/**
 * Holds one connection and exchanges a numbered line every so often, until its stdin ends.
 * Argument: a JSON HoldOrder. Prints "open", and at the end a JSON { exchanged, longestGapMs, broken }.
 */
export const HOLD_SCRIPT = `'use strict';
const { address, port, intervalMs, patienceMs } = JSON.parse(process.argv[1]);
const socket = require('node:net').connect(port, address);
let sent = 0, exchanged = 0, longestGapMs = 0, lastMs = 0, rest = '', timer, ending = false;

const finish = (broken) => {
  console.log(JSON.stringify({ exchanged, longestGapMs: Math.round(longestGapMs), broken }));
  process.exit(0);
};
const heard = () => {
  const nowMs = performance.now();
  if (lastMs > 0) longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
  lastMs = nowMs;
};
socket.setNoDelay(true);
setTimeout(() => { if (lastMs === 0) finish('no hello'); }, patienceMs);
socket.on('data', (bytes) => {
  const lines = (rest + bytes).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    heard();
    if (timer === undefined) {
      console.log('open');
      timer = setInterval(() => { if (!ending) socket.write(\`\${++sent}\\n\`); }, intervalMs);
    } else if (line === String(exchanged + 1)) exchanged++;
    else finish(\`said "\${line}" instead of "\${exchanged + 1}"\`);
  }
  if (ending && exchanged === sent) finish(null);
});
socket.on('error', (error) => finish(error.message));
socket.on('close', () => finish('closed by the other side'));
process.stdin.on('end', () => {
  ending = true;
  if (exchanged === sent) finish(null);
  setTimeout(() => finish(\`no answer to \${sent - exchanged} lines\`), patienceMs);
});
process.stdin.resume();
`;
