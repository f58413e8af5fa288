// What could be reached before a change has to be reached after it: from the controller and from the host, per link.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ECHO_PORT, HELLO_PORT, INTERNET_ADDRESS } from '../../../src/lab/plan.ts';
import { expectRolledBack, GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const SECOND = '10.77.9.1';

let guard: GuardLab;
let address = '';
let other = '';

beforeAll(async () => {
  guard = await GuardLab.create('probes', { hostCount: 2 });
  [address = '', other = ''] = guard.lab.hosts.map(({ managementAddress }) => managementAddress);
  await guard.role.onHost(HOST, `ip addr add ${SECOND}/32 dev mgmt`);
});

afterAll(() => guard.down());

const play = (tasks: string, probes: readonly string[]) =>
  guard.playbook(tasks, {
    keys: `  vars:\n    guard_probes:\n${probes.map((each) => `      - { ${each} }\n`).join('')}`,
  });
const run = (playbook: string) => guard.run(playbook, '-v', '--limit', HOST);

describe('what is lost by a change undoes it at once', () => {
  it.each([
    {
      probe: 'ping: 203.0.113.1, via: isp2',
      tasks: '- command: ip link set isp2 down',
      reason: 'ping 203.0.113.1 via isp2',
    },
    {
      probe: `tcp: "${INTERNET_ADDRESS}:${ECHO_PORT}", from: host`,
      tasks: `- ip_route: { dest: ${INTERNET_ADDRESS}, type: blackhole }`,
      reason: `tcp ${INTERNET_ADDRESS}:${ECHO_PORT} from the host`,
    },
    {
      probe: `tcp: "{{ansible_host}}:${HELLO_PORT}"`,
      tasks: `- command: iptables -w -A INPUT -p tcp --dport ${HELLO_PORT} -j DROP`,
      reason: /tcp [\d.]+:7777/,
    },
    {
      probe: `ssh: ${SECOND}`,
      tasks: `- command: ip addr del ${SECOND}/32 dev mgmt`,
      reason: `ssh ${SECOND}`,
    },
  ])('$probe', async ({ probe, tasks, reason }) => {
    const before = await guard.picture(HOST);
    const said = await run(play(tasks, [probe, 'ping: 192.0.2.1, via: isp1']));
    const text = typeof reason === 'string' ? reason.replace(/[.[\]]/g, '\\$&') : reason.source;
    expectRolledBack(said, new RegExp(`^${HOST} +rolled back +what worked before does not: ${text}$`, 'm'));
    expect(await guard.picture(HOST)).toBe(before);
  });
});

it('what did not work before counts for nothing, and is told with -v', async () => {
  const probes = [
    'ping: 192.0.2.250, via: isp1',
    'ping: 203.0.113.1, via: isp7',
    `tcp: "${address}:9"`,
    `ssh: ${other}`, // somebody else's key
    `ping: 192.0.2.1, via: isp1`,
  ];
  const playbook = play('- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }', probes);
  const said = await run(playbook);
  expect({ exitCode: said.exitCode, stderr: said.stderr }).toEqual({ exitCode: 0, stderr: '' });
  const noted = [
    ...said.stdout.matchAll(/^edge-1 +guard +(.*) does not work before the change, and need not/gm),
  ];
  expect(noted.map(([, probe]) => probe).sort()).toEqual(
    ['ping 192.0.2.250 via isp1', 'ping 203.0.113.1 via isp7', `ssh ${other}`, `tcp ${address}:9`].sort(),
  );
  expect(said.stdout).toMatch(/^edge-1 +confirmed/m);
  const again = await run(playbook);
  expect(again.exitCode).toBe(0);
  // Without a change nothing is tried.
  expect(again.stdout).not.toMatch(/ guard | confirmed /);
});

it('a probe that comes back within three tries is no reason to go back', async () => {
  const tasks = `- shell: "iptables -w -A INPUT -p tcp --dport ${HELLO_PORT} -j REJECT; (sleep 1.5; iptables -w -D INPUT -p tcp --dport ${HELLO_PORT} -j REJECT) >/dev/null 2>&1 </dev/null &"`;
  const said = await run(play(tasks, [`tcp: "${address}:${HELLO_PORT}"`]));
  expect({ exitCode: said.exitCode, stdout: said.stdout }).toMatchObject({ exitCode: 0 });
  expect(said.stdout).toMatch(/^edge-1 +confirmed/m);
});

it('a host that has not what its probes need is left as it is', async () => {
  const before = await guard.picture(HOST);
  const tasks = '- ip_rule: { priority: 97, from: 198.51.100.7, table: 77 }';
  await guard.role.onHost(
    HOST,
    'mkdir -p /run/empty; mount --bind /run/empty /usr/bin/ping 2>/dev/null || { cp /dev/null /run/none; mount --bind /run/none "$(readlink -f "$(command -v ping)")"; }',
  );
  const said = await run(play(tasks, ['ping: 192.0.2.1']));
  await guard.role.onHost(HOST, 'umount "$(readlink -f /usr/bin/ping)"');
  expect(said.exitCode).toBe(1);
  expect(said.stdout).toMatch(/nothing was changed, .*guard_probes needs ping there/);
  expect(await guard.picture(HOST)).toBe(before);
});
