// A host that only a bastion can reach, said in each of the ways that people say it.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { CONTROLLER_ADDRESS } from '../../src/lab/plan.ts';
import { Project, sumOf } from './support/program.ts';
import { onHost, scenarioLab } from './support/scenario-lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('jump', 2);
  const reject = `INPUT -s ${CONTROLLER_ADDRESS} -p tcp --dport 22 -j REJECT --reject-with tcp-reset`;
  await onHost(lab, 'edge-2', `iptables -A ${reject}`);
});

afterAll(() => lab.down());

/** `edge-2` with these variables, and the controller's own ssh configuration. */
function project(variables: string, sshConfig = ''): Project {
  const { managementAddress } = lab.host('edge-2');
  return new Project(
    {
      'hosts.ini': `edge-2 ansible_host=${managementAddress} ansible_user=root ${variables}\n`,
      '.ssh/config': `Host *\n  IdentityFile ${lab.paths.key}\n\n${sshConfig}`,
      '.ssh/known_hosts': readFileSync(lab.paths.knownHosts, 'utf8'),
      'site.yml': `
- hosts: all
  name: behind a bastion
  gather_facts: false
  tasks:
    - name: file
      copy: { content: "1\\n", dest: /etc/scenario }
`,
    },
    lab,
  );
}

const RUN = ['run', '-i', 'hosts.ini', 'site.yml'] as const;
const bastion = (): string => lab.host('edge-1').managementAddress;

it('without a jump host it is out of reach', async () => {
  expect(await project('').run(...RUN)).toMatchInlineSnapshot(`
    "exit 1
    --- stdout
    play behind a bastion: 1 host
    edge-2    unreachable   10.77.0.12:22 refused the connection
        hint: is sshd running, and on this port?

    host      ok  changed  skipped  failed  state
    edge-2     0        0        0       0  unreachable, nothing was changed

    1 host: 0 ok, 1 unreachable, 0 changed, N s
    "
  `);
});

it.each([
  ['-o ProxyJump', () => [`ansible_ssh_common_args='-o ProxyJump=root@${bastion()}'`]],
  ['-J', () => [`ansible_ssh_common_args='-J root@${bastion()}:22'`]],
  [
    'the ssh configuration',
    () => [
      '',
      `Host 10.*.*.${lab.host('edge-2').managementAddress.split('.')[3]}\n  ProxyJump bastion\nHost bastion\n  HostName ${bastion()}\n  User root\n`,
    ],
  ],
] as const)('through a bastion named by %s', async (_, settings) => {
  const [variables = '', sshConfig] = settings();
  const made = project(variables, sshConfig);
  expect(sumOf(await made.run(...RUN))).toBe('exit 0, 1 changed');
  expect(sumOf(await made.run(...RUN))).toBe('exit 0, 0 changed');
  expect(await onHost(lab, 'edge-2', 'cat /etc/scenario; rm /etc/scenario')).toBe('1\n');
});

it('a bastion whose key is not known gets nothing', async () => {
  const made = project(`ansible_ssh_common_args='-J root@${bastion()}'`);
  const known = made.read('.ssh/known_hosts').split('\n');
  made.write('.ssh/known_hosts', known.filter((line) => !line.includes(bastion())).join('\n'));
  expect(await made.run(...RUN)).toMatchInlineSnapshot(`
    "exit 1
    --- stdout
    play behind a bastion: 1 host
    edge-2    unreachable   jump host 10.77.0.11: the host key of 10.77.0.11:22 is not known: ED25519 SHA256:KEY
        hint: compare the fingerprint, then run with --host-key accept-new, or connect once with
              ssh root@10.77.0.11

    host      ok  changed  skipped  failed  state
    edge-2     0        0        0       0  unreachable, nothing was changed

    1 host: 0 ok, 1 unreachable, 0 changed, N s
    "
  `);
});
