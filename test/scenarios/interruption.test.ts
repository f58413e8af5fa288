// Ctrl-C and SIGTERM while hosts work: it ends soon, by itself, says how each host stands, and leaves nothing running.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project } from './support/program.ts';
import { onEachHost, scenarioLab } from './support/scenario-lab.ts';
import { labWitness } from './support/witness.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('interruption', 3);
});

afterAll(() => lab.down());

afterEach(async () => {
  await onEachHost(lab, 'rm -f /etc/scenario-*');
});

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
        commands: {
          'edge-1': first.hangingCommand,
          'edge-2': second.hangingCommand,
          'edge-3': 'true',
        },
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
  expect(said).toMatchInlineSnapshot(`
    "exit 130
    --- stdout
    play long work: 3 hosts
    edge-1    changed       before: create /etc/scenario-before, mode 0644
    edge-1    lost          sleep: interrupted; its processes were killed
        shell at site.yml:8:7
    edge-2    changed       before: create /etc/scenario-before, mode 0644
    edge-2    lost          sleep: interrupted; its processes were killed
        shell at site.yml:8:7

    host      ok  changed  skipped  failed  state
    edge-1     0        1        0       1  interrupted, unknown: cut off during "sleep"
    edge-2     0        1        0       1  interrupted, unknown: cut off during "sleep"
    edge-3     0        0        0       0  interrupted, not contacted

    3 hosts: 0 ok, 3 interrupted, 2 changed, N s
    --- stderr

    interrupted: ending what is under way (once more to leave at once)
    "
  `);
  expect(tookMs).toBeLessThan(2_000);
  await Promise.all([first.gone, second.gone]);
  const states = await onEachHost(lab, 'cd /etc; echo scenario-*');
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

it('SIGINT ends a one-off command too, and what it runs on the host', async () => {
  const witness = await labWitness(lab, 'edge-1');
  const running = new Project({}, lab).start('exec', 'edge-1', '--shell', witness.hangingCommand);
  await running.until(witness.started);
  running.signal('SIGINT');
  expect(await running.said).toMatchInlineSnapshot(`
    "exit 130
    --- stderr

    interrupted: ending what is under way (once more to leave at once)
    edge-1    lost          shell: interrupted; its processes were killed
        shell at command line:5:4
    "
  `);
  await witness.gone;
});
