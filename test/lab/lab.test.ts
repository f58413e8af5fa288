// The lab does what it claims: real hosts, providers that drop spoofed packets, reboots that lose what a reboot loses.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Captured } from '../../src/lab/namespaces.ts';
import { CALLER_PORT, INTERNET_ADDRESS } from '../../src/lab/plan.ts';
import { fleetAddresses, uplinkAddresses } from './support/addresses.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-main', owner: 'this-process' });
});

afterAll(async () => {
  await lab.down();
});

function ssh(host: string, command: string): Promise<Captured> {
  const { key, knownHosts } = lab.paths;
  const options = ['StrictHostKeyChecking=yes', `UserKnownHostsFile=${knownHosts}`, 'BatchMode=yes'];
  return lab.inController([
    ...(['ssh', '-F', 'none', '-i', key] as const),
    ...options.flatMap((option) => ['-o', option]),
    `root@${lab.host(host).managementAddress}`,
    command,
  ]);
}

async function onHost(host: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.inHost(host, ['sh', '-c', script]);
  expect({ exitCode, stderr, script }).toEqual({ exitCode: 0, stderr: '', script });
  return stdout;
}

/** Source routing by hand, for both families: what the split-access role will do. */
const SPLIT_ACCESS = `
ip rule add prio 100 from 203.0.113.0/24 lookup 102
ip route replace default via 203.0.113.1 table 102
ip -6 rule add prio 100 from 2001:db8:2::/64 lookup 102
ip -6 route replace default via 2001:db8:2::1 table 102`;

const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id';

describe('a lab of four hosts', () => {
  it('lets the real ssh in to each of them, host keys checked, with its own name, files and pid 1', async () => {
    for (const { name } of lab.hosts) {
      const { stdout, stderr } = await ssh(
        name,
        'hostname; id -un; ps -o args= -p 1; ls -d /run/systemd/system',
      );
      expect(stdout.replace(/\d+/g, 'N')).toBe(
        `${name}\nroot\n/bin/sh /lab/init N ${name}\n`.replace(/\d+/g, 'N'),
      );
      expect(stderr).toContain("cannot access '/run/systemd/system'");
    }
  });

  it('is reachable on the first uplink only, because replies on the wrong one are dropped as spoofed', async () => {
    const before = await lab.spoofedPackets('isp1');
    const addresses = [...fleetAddresses(lab.hosts, 'isp1'), ...fleetAddresses(lab.hosts, 'isp2')];
    const results = await lab.probe({ addresses, count: 10, timeoutMs: 1000 });
    expect(results).toEqual(
      addresses.map((address, at) => ({
        address,
        ...(at < 8 ? { ok: 10, failed: 0 } : { ok: 0, failed: 10 }),
      })),
    );
    expect((await lab.spoofedPackets('isp1')) - before).toBeGreaterThanOrEqual(80);
    expect(await lab.spoofedPackets('isp2')).toBe(0);
  });

  it('shows in the internet which source a host called from', async () => {
    const script = `use IO::Socket::INET;
      print IO::Socket::INET->new(PeerAddr => "${INTERNET_ADDRESS}:${CALLER_PORT}")->getline`;
    const { stdout } = await lab.inHost('edge-2', ['perl', '-e', script]);
    expect(stdout).toBe('192.0.2.12\n');
  });

  it('has two providers, no LANs, and hosts that do not forward, when nothing else is said', async () => {
    expect(lab.plan.providers.map(({ name }) => name)).toEqual(['isp1', 'isp2']);
    expect(await onHost('edge-1', 'ls /sys/class/net; cat /proc/sys/net/ipv4/ip_forward')).toBe(
      'isp1\nisp2\nlo\nmgmt\n0\n',
    );
    await expect(lab.inLan('edge-1', ['true'])).rejects.toThrow('lab "test-main" has no LANs');
  });

  it('answers on the second uplink once replies are routed by source, and a reboot loses just that', async () => {
    const [host] = lab.hosts;
    if (host === undefined) throw new Error('no host');
    const addresses = uplinkAddresses(host, 'isp2');
    const reachable = async () => (await lab.probe({ addresses, timeoutMs: 1000 })).map(({ ok }) => ok);

    await onHost(host.name, `${SPLIT_ACCESS}\necho kept >/etc/kept; echo gone >/run/gone`);
    const spoofed = await lab.spoofedPackets('isp1');
    expect(await lab.probe({ addresses, count: 100 })).toEqual(
      addresses.map((address) => ({ address, ok: 100, failed: 0 })),
    );
    expect(await lab.spoofedPackets('isp1')).toBe(spoofed);

    const bootId = await onHost(host.name, BOOT_ID);
    await lab.reboot(host.name);
    expect(await onHost(host.name, BOOT_ID)).not.toBe(bootId);
    expect(
      await onHost(host.name, 'cat /etc/kept; ls /run/gone 2>/dev/null || :; ip rule list prio 100'),
    ).toBe('kept\n');
    expect(await reachable()).toEqual([0, 0]);
  });

  it('reboots on its own command over ssh, through the stop and start links that update-rc.d made', async () => {
    await onHost(
      'edge-3',
      `cat >/etc/init.d/notes <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          notes
# Required-Start:    $network
# Required-Stop:     $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
### END INIT INFO
echo "$1 $(cat /proc/sys/kernel/random/boot_id) $(ip -o -4 address show dev isp1 | wc -l)" >>/var/notes
END
chmod +x /etc/init.d/notes
update-rc.d notes defaults`,
    );
    for (const command of ['reboot', 'shutdown -r now', '/sbin/reboot']) {
      const before = await onHost('edge-3', BOOT_ID);
      await onHost('edge-3', ': >/var/notes');
      await lab.untilRebooted('edge-3', async () =>
        expect((await ssh('edge-3', command)).stderr).not.toMatch(/error/i),
      );
      const after = await onHost('edge-3', BOOT_ID);
      expect(await onHost('edge-3', 'cat /var/notes')).toBe(
        `stop ${before.trim()} 1\nstart ${after.trim()} 1\n`,
      );
    }
  });

  it('boots however often the plug is pulled', async () => {
    for (let pulled = 0; pulled < 5; pulled++) await lab.reboot('edge-3');
    expect((await ssh('edge-3', 'hostname')).stdout).toBe('edge-3\n');
  });

  it('stays off after poweroff, until it is turned on', async () => {
    await ssh('edge-4', 'poweroff');
    await expect.poll(() => lab.state('edge-4').kind).toBe('off');
    await expect(lab.inHost('edge-4', ['true'])).rejects.toThrow('edge-4 is off');
    await lab.reboot('edge-4');
    expect((await ssh('edge-4', 'hostname')).stdout).toBe('edge-4\n');
  });

  it.each(['link', 'ifupdown'] as const)('loses custom tables when an uplink bounces by %s', async (way) => {
    await onHost('edge-2', `ip route replace default via 203.0.113.1 table 102; rm -f /tmp/hook`);
    await onHost(
      'edge-2',
      `printf '%s\\n' '#!/bin/sh' 'echo $IFACE $ADDRFAM >>/tmp/hook' >/etc/network/if-up.d/note
      chmod +x /etc/network/if-up.d/note`,
    );
    const addresses = 'ip -o address show dev isp2 scope global | awk "{ print \\$4 }"';
    const before = await onHost('edge-2', addresses);
    await lab.bounce('edge-2', 'isp2', way);
    expect(await onHost('edge-2', addresses)).toBe(before);
    expect(await onHost('edge-2', 'ip route show table 102 2>&1; ip route show default')).toBe(
      'default via 192.0.2.1 dev isp1 onlink \n',
    );
    expect(await onHost('edge-2', 'cat /tmp/hook 2>/dev/null || :')).toBe(
      way === 'link' ? '' : 'isp2 inet\nisp2 inet6\n',
    );
  });

  it('holds a connection open and says whether it broke', async () => {
    const open = await lab.holdConnection('192.0.2.12');
    await expect(lab.holdConnection('203.0.113.12')).rejects.toThrow('no connection to 203.0.113.12');
    const { broken, exchanged } = await open.stop();
    expect(broken).toBeNull();
    expect(exchanged).toBeGreaterThan(10);

    const doomed = await lab.holdConnection('192.0.2.12');
    // Dead, not only told to die: the one that holds the line may be the last to go.
    await onHost(
      'edge-2',
      'kill $(pgrep -f [/]lab/hello); while pgrep -f [/]lab/hello >/dev/null; do sleep 0.05; done; sleep 0.1',
    );
    expect((await doomed.stop()).broken).toBe('closed by the other side');
    await lab.reboot('edge-2');
  });

  it('keeps what is done in a host from the machine and from the other hosts', async () => {
    const settings = [
      '/proc/sys/kernel/hostname',
      '/proc/sys/net/ipv4/ip_forward',
      '/proc/sys/net/ipv4/tcp_syncookies',
    ];
    const machine = () => settings.map((path) => readFileSync(path, 'utf8'));
    const before = machine();
    const here = '/etc/fairlead-lab-leak';
    await onHost('edge-1', `hostname elsewhere; echo 1 >${here}; echo 1 >/proc/sys/net/ipv4/ip_forward`);
    await onHost(
      'edge-1',
      'echo 2 >/proc/sys/net/ipv4/tcp_syncookies; iptables -N only_here; ip link add v type veth',
    );
    expect(machine()).toEqual(before);
    expect(() => readFileSync(here)).toThrow('ENOENT');
    expect(await onHost('edge-2', `ls ${here} 2>/dev/null || echo none; hostname`)).toBe('none\nedge-2\n');
    for (const forbidden of ['touch /usr/x', 'echo 1 >/proc/sys/vm/swappiness']) {
      expect((await lab.inHost('edge-1', ['sh', '-c', forbidden])).exitCode, forbidden).not.toBe(0);
    }
    const mayDo = 'sed -n "s/CapEff:\\t//p" /proc/self/status';
    for (const capabilities of [await onHost('edge-1', mayDo), (await ssh('edge-1', mayDo)).stdout]) {
      const may = BigInt(`0x${capabilities.trim()}`);
      expect({ setTime: (may >> 25n) & 1n, administerNetwork: (may >> 12n) & 1n }).toEqual({
        setTime: 0n,
        administerNetwork: 1n,
      });
    }
  });

  it('writes an inventory with what the split-access role asks for', () => {
    const inventory = readFileSync(lab.paths.inventory, 'utf8');
    expect(inventory.slice(inventory.indexOf('        edge-2:'), inventory.indexOf('        edge-3:'))).toBe(
      `        edge-2:
          ansible_host: 10.77.0.12
          split_access_links:
            - name: isp1
              device: isp1
              address: 192.0.2.12/24
              gateway: 192.0.2.1
              address6: '2001:db8:1::12/64'
              gateway6: '2001:db8:1::1'
            - name: isp2
              device: isp2
              address: 203.0.113.12/24
              gateway: 203.0.113.1
              address6: '2001:db8:2::12/64'
              gateway6: '2001:db8:2::1'
`,
    );
    expect(inventory).toContain(`ansible_ssh_common_args: -o UserKnownHostsFile=${lab.paths.knownHosts}\n`);
  });

  it('gives a host up that dies three times before it is ready', async () => {
    await onHost('edge-4', 'printf "#!/bin/sh\\nexit 3\\n" >/lab/init');
    await expect(lab.reboot('edge-4')).rejects.toThrow('edge-4 boots: it does not');
    expect(lab.state('edge-4').kind).toBe('failed');
  });
});
