// What makes traffic in a lab: small programs for node, as text, because they run in processes of their own inside
// another network namespace. Their argument is one order as JSON.

/**
 * Connects to each target so many times, a bounded number at once per target. A connection counts when the
 * other side has said a line. Prints a JSON list of { ok, failed }, one per target.
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
 * Asks the internet's caller service once per flow. The order is a FlowOrder with its port. Prints a JSON list, one per
 * flow: { address, port } as the internet saw the caller, or a text that says why there is none.
 * A connection ends when the other side has ended it, which leaves TIME_WAIT over there and the local port free.
 */
export const FLOWS_SCRIPT = String.raw`'use strict';
const dgram = require('node:dgram');
const net = require('node:net');
const order = JSON.parse(process.argv[1]);
const { addresses, port, count, atOnce, localAddress, localPorts, timeoutMs } = order;

const callerIn = (text) => {
  const [, address, callerPort] = /^(\S+)\n(\d+)\n$/.exec(text) ?? [];
  return address === undefined ? 'closed' : { address, port: Number(callerPort) };
};
const protocols = {
  tcp: (host, localPort, end) => {
    const socket = net.connect({ host, port, localAddress, localPort });
    let said = '';
    socket.on('data', (bytes) => { said += bytes; });
    socket.on('error', (error) => end(error.code ?? error.message));
    socket.on('close', () => end(callerIn(said)));
    return () => socket.destroy();
  },
  udp: (address, localPort, end) => {
    const type = net.isIPv6(address) ? 'udp6' : 'udp4';
    const socket = dgram.createSocket({ type, reuseAddr: localPort !== undefined });
    const failed = (error) => { if (error) end(error.code ?? error.message); };
    socket.on('message', (bytes) => end(callerIn(String(bytes))));
    socket.on('error', failed);
    socket.bind(localPort, localAddress, () => {
      socket.connect(port, address, (error) => error ? failed(error) : socket.send('?\n', failed));
    });
    return () => socket.close();
  },
};
const flow = (at) => new Promise((resolve) => {
  let ended = false;
  const end = (result) => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    stop();
    resolve(result);
  };
  const timer = setTimeout(end, timeoutMs, 'timeout');
  const stop = protocols[order.protocol](addresses[at % addresses.length], localPorts?.[at], end);
});

const results = [];
let next = 0;
const worker = async () => { while (next < count) { const at = next++; results[at] = await flow(at); } };
Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker))
  .then(() => console.log(JSON.stringify(results)));
`;

/**
 * Holds connections and exchanges a numbered line on each every so often, until its stdin ends. A connection is open
 * when the other side has said a line. Prints "open" when all are, and at the end, which comes at once where one does
 * not open, a JSON list of { exchanged, longestGapMs, broken, greeting, local }.
 */
export const HOLD_SCRIPT = String.raw`'use strict';
const net = require('node:net');
const { address, port, count, localAddress, intervalMs, patienceMs } = JSON.parse(process.argv[1]);
let unopened = count, unfinished = count, ending = false;

const done = (reports) => process.stdout.write(JSON.stringify(reports) + '\n', () => process.exit(0));
const hold = () => {
  const report = { exchanged: 0, longestGapMs: 0, broken: undefined, greeting: '', local: undefined };
  const socket = net.connect({ host: address, port, localAddress });
  let sent = 0, lastMs = 0, rest = '', timer;
  const finish = (broken) => {
    if (report.broken !== undefined) return;
    if (broken !== null && lastMs > 0) {
      report.longestGapMs = Math.max(report.longestGapMs, performance.now() - lastMs);
    }
    Object.assign(report, { broken, longestGapMs: Math.round(report.longestGapMs) });
    clearInterval(timer);
    socket.destroy();
    if (--unfinished === 0 || unopened > 0) done(held.map((each) => each.report));
  };
  const open = (greeting) => {
    Object.assign(report, { greeting, local: { address: socket.localAddress, port: socket.localPort } });
    timer = setInterval(() => { if (!ending) socket.write(++sent + '\n'); }, intervalMs);
    if (--unopened === 0) console.log('open');
  };
  const heard = (line) => {
    const nowMs = performance.now();
    if (lastMs === 0) open(line);
    else {
      report.longestGapMs = Math.max(report.longestGapMs, nowMs - lastMs);
      if (line === String(report.exchanged + 1)) report.exchanged++;
      else finish('said "' + line + '" instead of "' + (report.exchanged + 1) + '"');
    }
    lastMs = nowMs;
  };
  socket.setNoDelay(true);
  setTimeout(() => { if (lastMs === 0) finish('no hello'); }, patienceMs);
  socket.on('data', (bytes) => {
    const lines = (rest + bytes).split('\n');
    rest = lines.pop();
    lines.forEach(heard);
    if (ending && report.exchanged === sent) finish(null);
  });
  socket.on('error', (error) => finish(error.message));
  socket.on('close', () => finish('closed by the other side'));
  const stop = () => {
    if (report.exchanged === sent) finish(null);
    setTimeout(() => finish('no answer to ' + (sent - report.exchanged) + ' lines'), patienceMs);
  };
  return { report, stop };
};
const held = Array.from({ length: count }, hold);
process.stdin.on('end', () => {
  ending = true;
  for (const each of held) each.stop();
});
process.stdin.resume();
`;
