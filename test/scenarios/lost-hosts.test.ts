// Hosts that go away, or hang, while tasks run on them: what is known and what is not, and that others are not disturbed.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project, sumOf } from './support/program.ts';
import { onEachHost, onHost, scenarioLab } from './support/scenario-lab.ts';
import { labWitness } from './support/witness.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('lost', 3);
});

afterAll(() => lab.down());

afterEach(async () => {
  await onEachHost(lab, 'rm -f /etc/scenario-*; pkill sleep || :');
});

/** One task before, one that hangs on edge-1 and nowhere else, one after. */
function playbook(command: string, keys = ''): string {
  return `
- hosts: edge
  name: before and after
  gather_facts: false
  tasks:
    - name: before
      copy: { content: "1\\n", dest: /etc/scenario-before }
    - name: long work
      shell: ${JSON.stringify(command)}
      when: inventory_hostname == "edge-1"
${keys}
    - name: after
      copy: { content: "1\\n", dest: /etc/scenario-after }
`;
}

const FILES = 'cd /etc; echo scenario-*';

describe('a host that goes away while a command runs', () => {
  it.each([
    ['loses its power', (host: string) => lab.reboot(host)],
    ['drops the connection', (host: string) => onHost(lab, host, "pkill -KILL -f '[s]shd.*root@notty'")],
  ] as const)('because it %s, is lost in an unknown state; the others finish', async (_, goAway) => {
    const witness = await labWitness(lab, 'edge-1');
    const project = new Project({ 'site.yml': playbook(witness.hangingCommand) }, lab);
    const running = project.start('run', 'site.yml');
    await running.until(witness.started);
    await goAway('edge-1');
    const said = (await running.said).replace(
      /the connection was lost: .*|the host closed the connection/,
      'WHY',
    );
    expect(said).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play before and after: 3 hosts
      edge-1    changed       before: create /etc/scenario-before, mode 0644
      edge-1    lost          long work: WHY
          shell at site.yml:8:7
      edge-2    changed       before: create /etc/scenario-before, mode 0644
      edge-2    changed       after: create /etc/scenario-after, mode 0644
      edge-3    changed       before: create /etc/scenario-before, mode 0644
      edge-3    changed       after: create /etc/scenario-after, mode 0644

      host      ok  changed  skipped  failed  state
      edge-1     0        1        0       1  failed, unknown: cut off during "long work"
      edge-2     0        2        1       0  2 changes made
      edge-3     0        2        1       0  2 changes made

      3 hosts: 2 ok, 1 failed, 5 changed, N s
      "
    `);
    const states = await onEachHost(lab, FILES);
    expect(states).toEqual(['scenario-before\n', ...Array(2).fill('scenario-after scenario-before\n')]);

    project.write('site.yml', playbook('true', '      changed_when: false'));
    expect(sumOf(await project.run('run', 'site.yml'))).toBe('exit 0, 1 changed');
    expect(sumOf(await project.run('run', 'site.yml'))).toBe('exit 0, 0 changed');
  });
});

describe('a command that hangs', () => {
  it('is ended by the timeout of its task, with all that it started', async () => {
    const witness = await labWitness(lab, 'edge-1');
    const project = new Project({ 'site.yml': playbook(witness.hangingCommand, '      timeout: 1') }, lab);
    const said = await project.run('run', 'site.yml');
    await witness.gone;
    expect(said).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play before and after: 3 hosts
      edge-1    changed       before: create /etc/scenario-before, mode 0644
      edge-1    failed        long work: not done within 1 s; its processes were killed
          shell at site.yml:8:7
      edge-2    changed       before: create /etc/scenario-before, mode 0644
      edge-2    changed       after: create /etc/scenario-after, mode 0644
      edge-3    changed       before: create /etc/scenario-before, mode 0644
      edge-3    changed       after: create /etc/scenario-after, mode 0644

      host      ok  changed  skipped  failed  state
      edge-1     0        1        0       1  failed, 1 change made before it stopped
      edge-2     0        2        1       0  2 changes made
      edge-3     0        2        1       0  2 changes made

      3 hosts: 2 ok, 1 failed, 5 changed, N s
      "
    `);
  });

  it('can be ignored: the tasks behind it run on the same host', async () => {
    const witness = await labWitness(lab, 'edge-1');
    const keys = '      timeout: 1\n      ignore_errors: true';
    const project = new Project({ 'site.yml': playbook(witness.hangingCommand, keys) }, lab);
    const said = await project.run('run', 'site.yml');
    await witness.gone;
    expect(said).toMatchInlineSnapshot(`
      "exit 0
      --- stdout
      play before and after: 3 hosts
      edge-1    changed       before: create /etc/scenario-before, mode 0644
      edge-1    ignored       long work: not done within 1 s; its processes were killed
      edge-1    changed       after: create /etc/scenario-after, mode 0644
      edge-2    changed       before: create /etc/scenario-before, mode 0644
      edge-2    changed       after: create /etc/scenario-after, mode 0644
      edge-3    changed       before: create /etc/scenario-before, mode 0644
      edge-3    changed       after: create /etc/scenario-after, mode 0644

      host      ok  changed  skipped  failed  ignored  state
      edge-1     0        2        0       0        1  2 changes made
      edge-2     0        2        1       0        0  2 changes made
      edge-3     0        2        1       0        0  2 changes made

      3 hosts: all ok, 6 changed, N s
      "
    `);
    expect(await onHost(lab, 'edge-1', FILES)).toBe('scenario-after scenario-before\n');
  });

  it('and does not listen to SIGTERM is killed', async () => {
    const witness = await labWitness(lab, 'edge-1');
    const command = `trap '' TERM; ${witness.hangingCommand}`;
    const project = new Project({ 'site.yml': playbook(command, '      timeout: 1') }, lab);
    const said = await project.run('run', 'site.yml', '--limit', 'edge-1');
    await witness.gone;
    expect(said).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play before and after: 1 host
      edge-1    changed       before: create /etc/scenario-before, mode 0644
      edge-1    failed        long work: not done within 1 s; its processes were killed
          shell at site.yml:8:7

      host      ok  changed  skipped  failed  state
      edge-1     0        1        0       1  failed, 1 change made before it stopped

      1 host: 0 ok, 1 failed, 1 changed, N s
      "
    `);
  });
});
