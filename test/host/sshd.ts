// OpenSSH's own sshd on a free port of 127.0.0.1, with accounts made for the test and removed after it. Needs root.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, newKey } from './ssh-server.ts';

export interface Sshd {
  readonly port: number;
  readonly folder: string;
  readonly keyFile: string;
  readonly knownHosts: string;
  stop(): void;
}

export interface Account {
  readonly name: string;
  readonly password: string;
  remove(): void;
}

export async function startSshd(lines: readonly string[] = []): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'sshd-'));
  chmodSync(folder, 0o755); // sshd reads authorized_keys as the user
  mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const path = (name: string) => join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path('host_key')]);
  const user = newKey();
  writeFileSync(path('key'), user.private, { mode: 0o600 });
  writeFileSync(path('authorized_keys'), `${user.public}\n`);
  const [type, base64] = readFileSync(path('host_key.pub'), 'utf8').split(' ');
  writeFileSync(path('known_hosts'), `[127.0.0.1]:${port} ${type} ${base64}\n`);
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${path('host_key')}`,
    `AuthorizedKeysFile ${path('authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PermitRootLogin yes',
    'PasswordAuthentication yes',
    ...lines,
  ];
  writeFileSync(path('config'), `${config.join('\n')}\n`);
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    let log = '';
    sshd.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('Server listening')) resolve();
    });
    sshd.once('exit', () => reject(new Error(`sshd did not start: ${log}`)));
  });
  const stop = (): void => {
    sshd.kill();
    rmSync(folder, { recursive: true });
  };
  return { port, folder, keyFile: path('key'), knownHosts: path('known_hosts'), stop };
}

export function addAccount(shell = '/bin/sh'): Account {
  const name = `fl${randomBytes(4).toString('hex')}`;
  const password = `pa$$ 'w"rd ${name}`;
  execFileSync('useradd', ['-m', '-s', shell, name]);
  execFileSync('chpasswd', { input: `${name}:${password}\n` });
  return { name, password, remove: () => execFileSync('userdel', ['-rf', name], { stdio: 'ignore' }) };
}

/** Writes a file for the time of the test; the function puts back what was there. */
export function withFile(path: string, text: string, mode: number): () => void {
  const before = existsSync(path) ? readFileSync(path) : undefined;
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return () => (before === undefined ? rmSync(path) : writeFileSync(path, before));
}
