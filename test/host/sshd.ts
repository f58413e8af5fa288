// OpenSSH's own sshd on a free port of 127.0.0.1, with an /etc and a /home that nobody else sees: accounts, sudoers and
// doas.conf of a test are never those of the machine, however the test ends. Needs root.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, newKey } from './ssh-server.ts';

export interface Sshd {
  readonly port: number;
  readonly folder: string;
  readonly keyFile: string;
  readonly knownHosts: string;
  addAccount(shell?: string): Account;
  /** A file below /etc. */
  writeFile(path: string, text: string, mode: number): void;
  stop(): void;
}

export interface Account {
  readonly name: string;
  readonly password: string;
}

/** Runs in a mount namespace of its own, which ends with the sshd that takes its place. */
const PRIVATE_FILES = `set -eu
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs tmpfs /var/mail
exec /usr/sbin/sshd -D -e -f "$1"`;

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
  const sshd = spawn('unshare', ['--mount', 'sh', '-c', PRIVATE_FILES, 'sshd', path('config')], {
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
  const inside = (argv: readonly string[], input = ''): void => {
    execFileSync('nsenter', ['--target', String(sshd.pid), '--mount', ...argv], {
      input,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  };
  return {
    port,
    folder,
    keyFile: path('key'),
    knownHosts: path('known_hosts'),
    addAccount: (shell = '/bin/sh') => {
      const name = `fl${randomBytes(4).toString('hex')}`;
      const password = `pa$$ 'w"rd ${name}`;
      inside(['useradd', '-m', '-s', shell, name]);
      inside(['chpasswd'], `${name}:${password}\n`);
      return { name, password };
    },
    writeFile: (file, text, mode) =>
      inside(['sh', '-c', 'cat >"$1" && chmod "$2" "$1"', 'sh', file, mode.toString(8)], text),
    stop,
  };
}
