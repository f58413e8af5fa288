// exec, facts, render and inventory against a lab, once each: what stands on stdout is for pipes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project, sumOf } from './support/program.ts';
import { onHost, scenarioLab } from './support/scenario-lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('one-off', 2);
});

afterAll(() => lab.down());

/** Hosts side by side: their lines in any order. */
function sorted(said: string): string {
  return said.split('\n').sort().join('\n');
}

describe('exec', () => {
  it('puts the host in front of each line, and keeps stdout and stderr apart', async () => {
    const said = await new Project({}, lab).run(
      'exec',
      'edge-1',
      '--shell',
      'hostname; echo two; echo oh >&2',
    );
    expect(said).toMatchInlineSnapshot(`
      "exit 0
      --- stdout
      edge-1: edge-1
      edge-1: two
      --- stderr
      edge-1: oh
      "
    `);
  });

  it('takes the words behind -- as they are', async () => {
    const said = await new Project({}, lab).run(
      'exec',
      'edge-2',
      '--',
      'printf',
      '%s|',
      'a b',
      '$HOME',
      '--x',
    );
    expect(said).toMatchInlineSnapshot(`
      "exit 0
      --- stdout
      edge-2: a b|$HOME|--x|
      "
    `);
  });

  it('exits with 1 where the command does not exit with 0, and says with what', async () => {
    expect(
      sorted(await new Project({}, lab).run('exec', 'edge', '--shell', 'exit 7')),
    ).toMatchInlineSnapshot(`
      "
      --- stderr
      edge-1: exited 7
      edge-2: exited 7
      exit 1"
    `);
  });

  it('runs a script file with its arguments', async () => {
    const project = new Project({ 'say.sh': '#!/bin/sh\necho "$# $1"\n' }, lab);
    expect(
      await project.run('exec', 'edge-1', '--script', 'say.sh', '--', 'a b', 'c'),
    ).toMatchInlineSnapshot(`
      "exit 0
      --- stdout
      edge-1: 2 a b
      "
    `);
  });

  it('runs a module, and the second time nothing is changed', async () => {
    const words = ['exec', 'edge-1', '-m', 'file', '-a', 'path=/etc/scenario state=directory mode="0700"'];
    const project = new Project({}, lab);
    expect([await project.run(...words), await project.run(...words)]).toMatchInlineSnapshot(`
      [
        "exit 0
      --- stdout
      edge-1    changed       file: create folder /etc/scenario, mode 0700
      ",
        "exit 0
      --- stdout
      edge-1    ok            file
      ",
      ]
    `);
    expect(await onHost(lab, 'edge-1', 'stat -c %a /etc/scenario')).toBe('700\n');
  });

  it('exits with 1 where a host is out of reach', async () => {
    const project = new Project({ 'hosts.ini': 'nobody ansible_host=127.0.0.1 ansible_port=1\n' }, lab);
    expect(await project.run('exec', '-i', 'hosts.ini', 'all', '--', 'true')).toMatchInlineSnapshot(`
      "exit 1
      --- stderr
      nobody    unreachable   127.0.0.1:PORT refused the connection
          hint: is sshd running, and on this port?
      "
    `);
  });
});

it('facts are JSON by host', async () => {
  const said = await new Project({}, lab).run('facts', 'edge');
  const [, json = ''] = /^exit 0\n--- stdout\n(.*)$/s.exec(said) ?? [];
  const facts = JSON.parse(json) as Record<string, Record<string, unknown>>;
  expect(Object.keys(facts).sort()).toEqual(['edge-1', 'edge-2']);
  expect(Object.keys(facts['edge-1'] ?? {}).sort()).toMatchInlineSnapshot(`
    [
      "architecture",
      "boot_id",
      "cpus",
      "distribution",
      "hostname",
      "init",
      "interfaces",
      "iptables",
      "kernel",
      "memory_bytes",
      "network_managers",
      "routes",
      "routes_truncated",
      "rules",
      "tools",
      "uid",
      "user",
    ]
  `);
  for (const [host, each] of Object.entries(facts)) {
    expect(each).toMatchObject({
      hostname: host,
      init: 'sysv',
      uid: 0,
      network_managers: { ifupdown: true },
      boot_id: (await onHost(lab, host, 'cat /proc/sys/kernel/random/boot_id')).trim(),
    });
    expect(Object.keys(each.interfaces as object).sort()).toEqual(['isp1', 'isp2', 'lo', 'mgmt']);
  }
});

it('render writes the files of each host, and touches no host', async () => {
  const project = new Project(
    {
      'site.yml': `
- hosts: edge
  tasks:
    - template: { src: motd.hbs, dest: /etc/motd, mode: "0600" }
    - copy: { content: "{{facts.hostname}}\\n", dest: /etc/name }
`,
      'templates/motd.hbs': 'I am {{inventory_hostname}}\n',
    },
    lab,
  );
  await onHost(lab, 'edge-2', 'kill -STOP "$(cat /run/sshd.pid)"');
  try {
    expect(await project.run('render', 'site.yml', '--out', 'out')).toMatchInlineSnapshot(`
      "exit 0
      --- stdout
      out/edge-1/etc/motd
      out/edge-2/etc/motd
      --- stderr
      edge-1: left out "copy": it depends on what only the host can tell
      edge-2: left out "copy": it depends on what only the host can tell
      "
    `);
  } finally {
    await onHost(lab, 'edge-2', 'kill -CONT "$(cat /run/sshd.pid)"');
  }
  expect(project.read('out/edge-2/etc/motd')).toBe('I am edge-2\n');
  expect(sumOf(await project.run('run', 'site.yml'))).toBe('exit 0, 4 changed');
  expect(await onHost(lab, 'edge-2', 'cat /etc/motd /etc/name')).toBe('I am edge-2\nedge-2\n');
  expect(sumOf(await project.run('run', 'site.yml'))).toBe('exit 0, 0 changed');
});

it('inventory answers without a host', async () => {
  const project = new Project({}, lab);
  expect(await project.run('inventory', '--hosts', 'edge:!edge-2')).toBe('exit 0\n--- stdout\nedge-1\n');
  expect(await project.run('inventory', '--graph')).toMatchInlineSnapshot(`
    "exit 0
    --- stdout
    @all:
      |--@ungrouped:
      |--@edge:
      |  |--edge-1
      |  |--edge-2
    "
  `);
  const [, json = ''] = /^exit 0\n--- stdout\n(.*)$/s.exec(await project.run('inventory', '--list')) ?? [];
  expect(JSON.parse(json)).toMatchObject({
    edge: { hosts: ['edge-1', 'edge-2'] },
    _meta: { hostvars: { 'edge-1': { ansible_user: 'root' } } },
  });
});
