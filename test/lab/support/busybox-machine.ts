// A BusyBox machine inside a lab's host: the host's network, and a root folder that has only BusyBox's applets, dropbear and
// what a test adds. Its init is a shell that runs rcS.d, as inittab does there. The host's own sshd stays, for the test.
import { readFileSync } from 'node:fs';
import type { GuardLab } from './guard-lab.ts';

const ROOT = '/var/busybox';
const PORT = 2222;
const KEY = '/etc/dropbear/dropbear_ed25519_host_key';

export interface BusyboxOptions {
  /** Programs of the machine that it has besides. */
  readonly programs?: readonly string[];
  /** Whether its init runs /etc/rcS.d. */
  readonly boots: 'rcS.d' | 'inittab';
}

export class BusyboxMachine {
  readonly #guard: GuardLab;
  readonly #host: string;
  readonly #boots: BusyboxOptions['boots'];

  private constructor(guard: GuardLab, host: string, boots: BusyboxOptions['boots']) {
    this.#guard = guard;
    this.#host = host;
    this.#boots = boots;
  }

  /** On the lab's host of that name. The lab's inventory leads to it from then on. */
  static async create(
    guard: GuardLab,
    host: string,
    { programs = [], boots }: BusyboxOptions,
  ): Promise<BusyboxMachine> {
    const machine = new BusyboxMachine(guard, host, boots);
    const { lab, role } = guard;
    const key = readFileSync(`${lab.paths.key}.pub`, 'utf8').trim();
    const said = await role.onHost(host, buildScript({ key, programs, boots }));
    const [publicKey = ''] = /^ssh-ed25519 \S+/m.exec(said) ?? [];
    await machine.start();
    const { managementAddress } = lab.host(host);
    guard.target = { address: managementAddress, port: PORT };
    const known = guard.write('known_hosts', `[${managementAddress}]:${PORT} ${publicKey}\n`);
    const inventory = readFileSync(lab.paths.inventory, 'utf8').replace(lab.paths.knownHosts, known);
    guard.inventory = guard.write(
      'inventory.yml',
      inventory.replace('ansible_user:', `ansible_port: ${PORT}\n    ansible_user:`),
    );
    return machine;
  }

  /** Resolves when dropbear listens. */
  async start(): Promise<void> {
    const rcS = 'for script in /etc/rcS.d/S* /etc/rc2.d/S*; do [ ! -x "$script" ] || "$script" start; done';
    await this.#guard.role.onHost(
      this.#host,
      `mount --bind ${ROOT} ${ROOT}
      mount --bind -o ro /usr/lib ${ROOT}/usr/lib
      mount --bind -o ro /usr/lib64 ${ROOT}/usr/lib64
      for each in proc sys dev; do mount --rbind /$each ${ROOT}/$each; done
      mount -t tmpfs none ${ROOT}/run
      ${this.#boots === 'rcS.d' ? `chroot ${ROOT} /bin/sh -c '${rcS}'` : ':'}
      setsid chroot ${ROOT} /usr/sbin/dropbear -F -s -p ${PORT} -r ${KEY} </dev/null >/dev/null 2>&1 &
      until ss -Hltn | grep -q ':${PORT} '; do sleep 0.05; done`,
    );
  }

  /** Power cut of the lab's host, and of this machine with it; then it boots. */
  async reboot(): Promise<void> {
    await this.#guard.lab.reboot(this.#host);
    await this.start();
  }

  /** Past the network. Fails the test where the script does. */
  inside(script: string): Promise<string> {
    return this.#guard.role.onHost(
      this.#host,
      `exec chroot ${ROOT} /bin/sh -c "$(cat <<'FAIRLEAD-TEST'\n${script}\nFAIRLEAD-TEST\n)"`,
    );
  }
}

function buildScript({ key, programs, boots }: Required<BusyboxOptions> & { readonly key: string }): string {
  return `set -eu
mkdir -p ${ROOT}; cd ${ROOT}
mkdir -p bin sbin usr/bin usr/sbin usr/lib usr/lib64 etc/dropbear proc sys dev run tmp var/lib var/log root/.ssh
chmod 1777 tmp; chmod 700 root root/.ssh
ln -s usr/lib lib; ln -s usr/lib64 lib64
${boots === 'rcS.d' ? 'mkdir -p etc/init.d etc/rcS.d etc/rc0.d etc/rc1.d etc/rc2.d etc/rc3.d etc/rc4.d etc/rc5.d etc/rc6.d' : ':'}
cp /usr/bin/busybox bin/busybox
for applet in $(busybox --list-full); do ln -s /bin/busybox "$applet" 2>/dev/null || :; done
cp /usr/sbin/dropbear usr/sbin/
for program in ${programs.join(' ')}; do
  rm -f "sbin/$program" "bin/$program" "usr/sbin/$program" "usr/bin/$program"
  cp -L "$(command -v "$program")" "sbin/$program"
done
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo /bin/sh >etc/shells
echo busybox >etc/hostname
echo old >etc/motd
echo '${key}' >root/.ssh/authorized_keys
chmod 600 root/.ssh/authorized_keys
dropbearkey -t ed25519 -f .${KEY}`;
}
