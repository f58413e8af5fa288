// Ctrl-C and SIGTERM while hosts work: it ends soon, by itself, says how each host stands, and leaves nothing running.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { Project } from './support/program.ts';
import { labWitness } from './support/witness.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await createLab({ name: 'scenario-interruption', hostCount: 3, owner: 'this-process' });
});

afterAll(() => lab.down());

afterEach(async () => {
  await Promise.all(lab.hosts.map(({ name }) => onHost(name, 'rm -f /etc/scenario-*')));
});

async function onHost(host: string, script: string): Promise<string> {
  const { stdout, stderr } = await lab.inHost(host, ['sh', '-c', script]);
  return stdout + stderr;
}

it.each(['SIGINT', 'SIGTERM'] as const)('%s ends all hosts within two seconds', async (signal) => {
  const first = await labWitness(lab, 'edge-1');
  const second = await labWitness(lab, 'edge-2');
  const project = new Project(
    {
      'site.yml': `
- hosts: edge
  name: long work
  gather_facts: false
  tasks:
    - name: before
      copy: { content: "1\\n", dest: /etc/scenario-before }
    - name: sleep
      shell: "{{lookup commands inventory_hostname}}"
    - name: after
      copy: { content: "1\\n", dest: /etc/scenario-after }
`,
      'vars.json': JSON.stringify({
        commands: { 'edge-1': first.hangingCommand, 'edge-2': second.hangingCommand },
      }),
    },
    lab,
  );
  // Two at a time, so that the third has not been contacted.
  const running = project.start('run', 'site.yml', '-e', '@vars.json', '--forks', '2');
  await running.until(Promise.all([first.started, second.started]));
  const interruptedAtMs = performance.now();
  running.signal(signal);
  const said = await running.said;
  const tookMs = performance.now() - interruptedAtMs;
  expect(said).toMatchInlineSnapshot();
  expect(tookMs).toBeLessThan(2_000);
  await Promise.all([first.gone, second.gone]);
  const states = await Promise.all(lab.hosts.map(({ name }) => onHost(name, 'cd /etc; echo scenario-*')));
  expect(states).toEqual(['scenario-before\n', 'scenario-before\n', 'scenario-*\n']);
});

it('SIGINT while it connects ends at once, and nothing was changed', async () => {
  const project = new Project(
    {
      'site.yml': '- hosts: all\n  name: never\n  tasks:\n    - command: "true"\n',
      // In the network of the lab, where nobody has this address.
      'hosts.ini': 'nobody ansible_host=10.77.0.99\n',
    },
    lab,
  );
  const running = project.start('run', '-i', 'hosts.ini', 'site.yml');
  await running.until(running.speaks);
  running.signal('SIGINT');
  expect(await running.said).toMatchInlineSnapshot(`
    "exit 130
    --- stdout
    play never: 1 host

    host      ok  changed  skipped  failed  state
    nobody     0        0        0       0  interrupted, not contacted

    1 host: 0 ok, 1 interrupted, 0 changed, N s
    --- stderr

    interrupted: ending what is under way (once more to leave at once)
    "
  `);
});
