// The floor: plain ssh2, connect and one exec of one script that does all of the role's work, per host.
// Arguments: a JSON file with {hosts: [{address, script}], key, concurrency}. Prints nothing; exits 1 where a host failed.
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';

const { hosts, key, concurrency } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const privateKey = readFileSync(key);
const waiting = [...hosts];
let failed = 0;

await Promise.all(Array.from({ length: concurrency }, work));
process.exitCode = failed === 0 ? 0 : 1;

async function work() {
  for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
    if ((await run(host)) !== 0) failed += 1;
  }
}

function run({ address, script }) {
  return new Promise((resolve) => {
    const client = new ssh2.Client();
    client.on('error', () => resolve(-1));
    client.on('ready', () => {
      client.exec('/bin/sh', (error, channel) => {
        if (error) return resolve(-1);
        channel.on('close', (code) => {
          client.end();
          resolve(code);
        });
        channel.resume();
        channel.stderr.resume();
        channel.end(script);
      });
    });
    client.connect({ host: address, username: 'root', privateKey });
  });
}
