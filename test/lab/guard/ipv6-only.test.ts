// Hosts that are managed by IPv6 alone: nothing that the guard promises is a matter of the family.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const ADDRESS = 'fd77::11';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('ipv6-only');
  const { lab, role } = guard;
  await lab.inController(['ip', '-6', 'address', 'add', 'fd77::1/64', 'dev', 'hosts', 'nodad']);
  await role.onHost(HOST, `ip -6 address add ${ADDRESS}/64 dev mgmt nodad; ip -4 address flush dev mgmt`);
  const { managementAddress } = lab.host(HOST);
  const known = guard.write(
    'known_hosts',
    readFileSync(lab.paths.knownHosts, 'utf8').replaceAll(managementAddress, ADDRESS),
  );
  const inventory = readFileSync(lab.paths.inventory, 'utf8');
  const ours = inventory.replace(lab.paths.knownHosts, known).replace(managementAddress, `'${ADDRESS}'`);
  guard.inventory = guard.write('inventory.yml', ours);
  guard.target = { address: ADDRESS, port: 22 };
});

afterAll(() => guard.down());

describe('management by IPv6 alone', () => {
  it('an ip -6 rule drops all', async () => {
    const tasks = '- command: ip -6 rule add priority 5 blackhole';
    await expectComesBack(guard, tasks, { reason: /time was up|no new connection/ });
  });

  it('ip6tables drops whatever is new', async () => {
    const tasks = `
- shell: |
    ip6tables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
    ip6tables -P INPUT DROP`;
    await expectComesBack(guard, tasks, { reason: /no new connection gets in/ });
  });

  it('the management address is removed', async () => {
    const tasks = `- command: ip -6 address del ${ADDRESS}/64 dev mgmt`;
    await expectComesBack(guard, tasks, { reason: /time was up|no new connection/ });
  });
});
