// Fifty hosts with a small playbook, a few at a time and all at once.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project, sumOf } from './support/program.ts';
import { onEachHost, scenarioLab } from './support/scenario-lab.ts';

const HOSTS = 50;

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('fleet', HOSTS);
}, 60_000);

afterAll(() => lab.down(), 30_000);

it.each([5, HOSTS])('all of them get their file with --forks %s', async (forks) => {
  const project = new Project(
    {
      'site.yml': `
- hosts: edge
  name: fleet
  tasks:
    - name: who am I
      copy: { content: "{{inventory_hostname}} is {{facts.hostname}}\\n", dest: /etc/scenario-${forks} }
`,
    },
    lab,
  );
  const run = () => project.run('run', 'site.yml', '--forks', String(forks));
  expect(sumOf(await run())).toBe(`exit 0, ${HOSTS} changed`);
  const files = await onEachHost(lab, `cat /etc/scenario-${forks}`);
  expect(files).toEqual(lab.hosts.map(({ name }) => `${name} is ${name}\n`));
  expect(sumOf(await run())).toBe('exit 0, 0 changed');
});
