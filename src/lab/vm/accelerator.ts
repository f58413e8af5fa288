// How QEMU runs a machine: by the processor's own help where that works, by translation otherwise. On some machines
// /dev/kvm is there and a guest hangs, so nothing is believed that has not run.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** As QEMU's -accel takes it. The translated code of one boot fits into 192 MiB. */
export type Accelerator = 'kvm' | 'tcg,tb-size=192';

const TRANSLATION: Accelerator = 'tcg,tb-size=192';
const PROBE_TIMEOUT_MS = 5_000;

/** What the probe found is kept in `cache` until this machine boots again. */
export async function findAccelerator(
  cache: string,
  machine: { readonly kernel: string; readonly initrd: string },
): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return TRANSLATION;
  const found = join(cache, 'accelerator');
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const [probedId, known] = existsSync(found) ? readFileSync(found, 'utf8').trim().split(' ') : [];
  if (probedId === bootId && (known === 'kvm' || known === TRANSLATION)) return known;
  const accelerator = (await boots(machine)) ? 'kvm' : TRANSLATION;
  const aside = `${found}.${process.pid}`;
  writeFileSync(aside, `${bootId} ${accelerator}\n`);
  renameSync(aside, found);
  return accelerator;
}

/** Whether a machine without a disk comes as far as its first program. Nobody waits for one that cannot even be killed. */
function boots({ kernel, initrd }: { readonly kernel: string; readonly initrd: string }): Promise<boolean> {
  const options = ['-accel', 'kvm', '-cpu', 'host', '-m', '128', '-nodefaults', '-no-user-config'];
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...[...options, '-display', 'none', '-no-reboot', '-serial', 'stdio'],
      ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1 lab.probe'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  return new Promise((resolve) => {
    const end = (answer: boolean) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      resolve(answer);
    };
    const timer = setTimeout(end, PROBE_TIMEOUT_MS, false);
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1');
      if (said.includes(PROBE_WORD)) end(true);
    });
    child.on('error', () => end(false));
    child.on('exit', () => end(said.includes(PROBE_WORD)));
  });
}

/** What the first program of a machine prints where the kernel was told "lab.probe". */
export const PROBE_WORD = 'the probe has booted';
