// The lab's machines are what they claim: four inits on kernels of their own in the same networks as namespaces, with reboots
// that are real and a way in that needs no network.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import { countCallers } from '../../src/lab/flows.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Captured } from '../../src/lab/namespaces.ts';
import { bareAddress, INTERNET_ADDRESS } from '../../src/lab/plan.ts';
import { readLabState } from '../../src/lab/state.ts';
import { sweepLabs } from '../../src/lab/sweep.ts';
import { MACHINE_SYSTEMS } from '../../src/lab/vm/systems.ts';
import { fairlead } from '../lab/support/fairlead.ts';
import { buildIfStale } from '../support/compiled.ts';

const [SYSTEMD, SYSV, OPENRC, BUSYBOX] = ['edge-1', 'edge-2', 'edge-3', 'edge-4'] as const;
const ALL = [SYSTEMD, SYSV, OPENRC, BUSYBOX];

let lab: Lab;

beforeAll(async () => {
  await buildIfStale();
  const startMs = performance.now();
  lab = await createLab({
    name: 'test-machines',
    systems: MACHINE_SYSTEMS,
    hostCount: MACHINE_SYSTEMS.length,
    lan: true,
    owner: 'this-process',
    tell: (line) => console.log(line),
  });
  figure('four machines are up', startMs);
});

afterAll(async () => {
  await lab.down();
});

function figure(what: string, sinceMs: number): void {
  console.log(`${what} after ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
}

async function onHost(host: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.inHost(host, ['sh', '-c', script]);
  expect({ host, exitCode, stderr }).toEqual({ host, exitCode: 0, stderr: '' });
  return stdout;
}

function uplink(host: string, at: 0 | 1): string {
  return bareAddress(lab.host(host).links[at]?.address ?? '');
}

function lanOf(host: string): string {
  return bareAddress(lab.host(host).lan?.address ?? '');
}

const bootIdOf = (host: string) => onHost(host, 'cat /proc/sys/kernel/random/boot_id');

function ssh(host: string, command: string): Promise<Captured> {
  const { key, knownHosts } = lab.paths;
  const options = ['StrictHostKeyChecking=yes', `UserKnownHostsFile=${knownHosts}`, 'BatchMode=yes'];
  return lab.inController([
    ...(['ssh', '-F', 'none', '-i', key, '-o', 'ConnectTimeout=5'] as const),
    ...options.flatMap((option) => ['-o', option]),
    `root@${lab.host(host).managementAddress}`,
    command,
  ]);
}

describe('four machines', () => {
  it('run the inits they are named after, on Debian’s kernel, with their own names and devices', async () => {
    const pid1 = 'readlink -f /proc/1/exe';
    expect(await onHost(SYSTEMD, `${pid1}; ls -d /run/systemd/system`)).toBe(
      '/usr/lib/systemd/systemd\n/run/systemd/system\n',
    );
    expect(await onHost(SYSV, `${pid1}; ls /etc/init.d/.depend.start; ! command -v openrc`)).toBe(
      '/usr/sbin/init\n/etc/init.d/.depend.start\n',
    );
    expect(await onHost(OPENRC, `${pid1}; command -v openrc`)).toBe('/usr/sbin/init\n/usr/sbin/openrc\n');
    expect(await onHost(BUSYBOX, `${pid1}; command -v openrc; command -v dropbear`)).toBe(
      '/usr/bin/busybox\n/usr/sbin/openrc\n/usr/sbin/dropbear\n',
    );
    expect(
      await onHost(BUSYBOX, 'for each in bash python3 perl systemctl sshd; do command -v $each || :; done'),
    ).toBe('');
    for (const { name } of lab.hosts) {
      const devices = 'for each in /sys/class/net/*; do echo "${each##*/}"; done';
      expect(await onHost(name, `hostname; ${devices}`)).toBe(`${name}\nisp1\nisp2\nlan\nlo\nmgmt\n`);
      expect(await onHost(name, 'uname -r')).toMatch(/^6\.1\.0-\d+-cloud-amd64\n$/);
    }
  });

  it('are reached by the same inventory as namespaces', async () => {
    const exec = await fairlead(lab, 'exec', 'all', 'hostname');
    expect(exec).toMatchObject({ exitCode: 0 });
    for (const host of ALL) expect(exec.stdout).toContain(host);
    const facts = await fairlead(lab, 'facts', 'all');
    expect(facts).toMatchObject({ exitCode: 0, stderr: '' });
    expect(facts.stdout.match(/cloud-amd64/g)?.length).toBeGreaterThanOrEqual(ALL.length);
  });
});

describe('a command past the network', () => {
  it('has its own status and outputs, byte by byte, and runs beside others', async () => {
    const script = 'printf "out\\0\\377\\r\\n"; printf "err" >&2; exit 7';
    for (const host of ALL) {
      const { exitCode, stdout, stderr } = await lab.inHost(host, ['sh', '-c', script]);
      expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 7, stdout: 'out\0\ufffd\r\n', stderr: 'err' });
    }
    const many = Array.from({ length: 8 }, (_, at) =>
      lab.inHost(SYSV, ['sh', '-c', `echo "$1"; cat`, 'sh', `it's ${at}\n`]),
    );
    expect((await Promise.all(many)).map(({ stdout }) => stdout)).toEqual(
      many.map((_, at) => `it's ${at}\n\n`),
    );
    // More than a socket holds, while nobody reads.
    const long = onHost(BUSYBOX, 'sleep 1; seq 50000');
    await delay(500);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
    expect(await long).toBe(Array.from({ length: 50_000 }, (_, at) => `${at + 1}\n`).join(''));
    expect(await lab.inHost(SYSTEMD, ['no-such-program'])).toMatchObject({ exitCode: 127, stdout: '' });
  });

  it('works where ssh does not, with the network down', async () => {
    for (const host of [SYSTEMD, BUSYBOX]) {
      await onHost(host, 'ip link set mgmt down');
      expect(await ssh(host, 'true')).toMatchObject({ exitCode: 255 });
      await onHost(host, 'ip link set mgmt up');
      expect(await ssh(host, 'hostname')).toMatchObject({ exitCode: 0, stdout: `${host}\n` });
    }
  });

  it('ends with an error that says so where the machine goes off under it', async () => {
    const sleeping = lab.inHost(BUSYBOX, ['sleep', '1000']);
    const ended = expect(sleeping).rejects.toThrow(`${BUSYBOX} went off or rebooted while "sleep" ran on it`);
    await onHost(BUSYBOX, 'until ps | grep -q "[s]leep 1000"; do sleep 0.2; done');
    await lab.reboot(BUSYBOX);
    await ended;
    expect(await onHost(BUSYBOX, 'hostname')).toBe(`${BUSYBOX}\n`);
  });
});

describe('networks', () => {
  it('drop what is spoofed, and lose their carrier when a cable is pulled', async () => {
    const addresses = [uplink(SYSTEMD, 0), uplink(SYSV, 1), uplink(BUSYBOX, 0)];
    const answered = await lab.probe({ addresses, count: 2, timeoutMs: 3000 });
    expect(answered.map(({ ok }) => ok)).toEqual([2, 0, 2]);
    expect(await lab.spoofedPackets('isp1')).toBeGreaterThan(0);
    await lab.silenceGateway('isp1', SYSTEMD);
    const silent = { addresses: [uplink(SYSTEMD, 0), uplink(BUSYBOX, 0)], count: 1, timeoutMs: 3000 };
    expect((await lab.probe(silent)).map(({ ok }) => ok)).toEqual([0, 1]);
    await lab.wakeGateway('isp1', SYSTEMD);
    expect((await lab.probe(silent)).map(({ ok }) => ok)).toEqual([1, 1]);
    for (const host of [SYSTEMD, BUSYBOX]) {
      const carrier = () => onHost(host, 'cat /sys/class/net/isp2/carrier');
      expect(await carrier()).toBe('1\n');
      await lab.unplug(host, 'isp2');
      expect(await carrier()).toBe('0\n');
      await lab.plug(host, 'isp2');
      expect(await carrier()).toBe('1\n');
    }
  });

  it('carry flows and held connections that start on a machine, in its LAN and in the internet', async () => {
    for (const host of [SYSV, BUSYBOX]) {
      const source = uplink(host, 0);
      const order = { addresses: [INTERNET_ADDRESS], count: 12, atOnce: 6, timeoutMs: 10_000 };
      expect(countCallers(await lab.flows({ host }, { ...order, protocol: 'tcp' }))).toEqual({
        [source]: 12,
      });
      expect(countCallers(await lab.flows({ host }, { ...order, protocol: 'udp' }))).toEqual({
        [source]: 12,
      });
      const refused = await lab.flows({ host }, { ...order, port: 9, count: 2, protocol: 'tcp' });
      expect(countCallers(refused)).toEqual({ 'failed: ECONNREFUSED': 2 });
    }
    const held = await lab.holdConnections({ host: BUSYBOX }, { address: INTERNET_ADDRESS, count: 2 });
    const reports = await held.stop();
    expect(reports.map(({ broken, providers }) => ({ broken, providers }))).toEqual([
      { broken: null, providers: ['isp1'] },
      { broken: null, providers: ['isp1'] },
    ]);
    expect(reports[0]?.exchanged).toBeGreaterThan(0);
    await expect(
      lab.holdConnections({ host: SYSV }, { address: INTERNET_ADDRESS, port: 9, count: 1 }),
    ).rejects.toThrow(`no connection to ${INTERNET_ADDRESS}: ECONNREFUSED`);
    expect((await lab.inLan(SYSV, ['ping', '-q', '-c', '1', '-W', '5', lanOf(SYSV)])).exitCode).toBe(0);
    const fromInternet = await lab.holdConnections('internet', { address: uplink(SYSTEMD, 0), count: 1 });
    expect((await fromInternet.stop())[0]).toMatchObject({ broken: null, greeting: SYSTEMD });
  });
});

describe('a kernel of its own', () => {
  it('has a clock of its own, IPVS, CLUSTERIP and the tunnels', async () => {
    const hostClock = Date.now();
    expect(Number(await onHost(SYSV, 'date -s 2001-02-03 >/dev/null; date +%Y'))).toBe(2001);
    expect(Date.now() - hostClock).toBeLessThan(600_000);
    for (const host of [SYSTEMD, BUSYBOX]) {
      await onHost(
        host,
        `ipvsadm -A -t 192.0.2.99:80 -s mh
         for module in xt_cluster ip_vs_sh fou ipip bonding vrf dummy 8021q arptable_filter; do modprobe "$module"; done
         iptables-legacy -I INPUT -d 192.0.2.98 -i isp1 -j CLUSTERIP --new --hashmode sourceip \\
           --clustermac 01:00:5e:00:00:14 --total-nodes 2 --local-node 1`,
      );
      expect(await onHost(host, 'cat /proc/net/ipt_CLUSTERIP/192.0.2.98; ipvsadm -S -n')).toBe(
        '1\n-A -t 192.0.2.99:80 -s mh\n',
      );
    }
  });
});

// From inside, on each system: roles-on-*.test.ts.
describe('a reboot', () => {
  it('in which a unit of systemd fails is a failed boot that names it, and the machine is there to look at', async () => {
    await onHost(
      SYSTEMD,
      `printf '%s\\n' '[Service]' ExecStart=/bin/false '[Install]' WantedBy=multi-user.target \\
         >/etc/systemd/system/broken.service
       systemctl --quiet enable broken.service 2>/dev/null; sync`,
    );
    await expect(lab.reboot(SYSTEMD)).rejects.toThrow(`${SYSTEMD} boots: these failed: broken.service`);
    expect(await onHost(SYSTEMD, 'systemctl is-system-running || :')).toBe('degraded\n');
    await onHost(SYSTEMD, 'systemctl --quiet disable broken.service 2>/dev/null; sync');
  });

  it('by a power cut keeps what was synced, and brings pulled cables back', async () => {
    await lab.unplug(SYSTEMD, 'isp1');
    await Promise.all(
      [SYSTEMD, SYSV].map(async (host) => {
        const before = await bootIdOf(host);
        await onHost(host, 'echo synced >/etc/synced; sync; echo lost >/run/lost');
        await lab.reboot(host);
        expect(await bootIdOf(host)).not.toBe(before);
        expect(
          await onHost(host, 'cat /etc/synced /sys/class/net/isp1/carrier; ls /run/lost 2>&1 || :'),
        ).toMatch(/^synced\n1\nls: /);
      }),
    );
  });

  it('is not told from a power-off, which lasts until somebody turns the machine on', async () => {
    await onHost(BUSYBOX, 'echo kept >/etc/kept-when-off');
    await lab.inHost(BUSYBOX, ['poweroff']);
    await expect.poll(() => lab.state(BUSYBOX).kind, { timeout: 60_000 }).toBe('off');
    await expect(lab.inHost(BUSYBOX, ['true'])).rejects.toThrow(`${BUSYBOX} is off`);
    await lab.reboot(BUSYBOX);
    expect(await onHost(BUSYBOX, 'cat /etc/kept-when-off')).toBe('kept\n');
  });
});

describe('a kill -9 of the lab', () => {
  it('leaves no QEMU and no folder', async () => {
    const running = () => spawnSync('pgrep', ['-f', `${lab.folder}/`], { encoding: 'utf8' }).stdout;
    expect(running()).not.toBe('');
    const supervisor = readLabState(lab.folder)?.supervisor;
    if (supervisor === undefined) throw new Error('no pid 1');
    process.kill(supervisor.pid, 'SIGKILL');
    await expect.poll(running, { timeout: 10_000 }).toBe('');
    expect(await sweepLabs()).toContain('test-machines');
    expect(() => readFileSync(`${lab.folder}/state.json`)).toThrow('ENOENT');
  });
});
