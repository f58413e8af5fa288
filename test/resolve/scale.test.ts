// The check before a run looks at every task on every host. What does not depend on the host is done once.
import { expect, it } from 'vitest';
import { prepareProject } from './support/project.ts';

const TASKS = [
  '- template: {src: routes.hbs, dest: /etc/routes, mode: "0644"}',
  '- {copy: {content: "{{address}} {{port}}", dest: "/etc/{{inventory_hostname}}"}, notify: restart}',
  '- {command: "echo {{address}}", register: said, changed_when: said.rc != 0}',
  '- {debug: {msg: "{{said.stdout}} {{facts.hostname}}"}, when: port == 80 && said.rc == 0}',
  '- {file: {path: "/srv/{{item}}", state: directory}, loop: [a, b, "{{inventory_hostname}}"]}',
];

it('a thousand hosts and twenty tasks take seconds, not minutes', () => {
  const hosts = Array.from({ length: 1000 }, (_, i) => `web-${i}: {address: 10.0.${i >> 8}.${i & 255}}`);
  const links = '[{device: eth0, gateway: "{{address}}"}, {device: eth1, gateway: 192.0.2.1}]';
  const tasks = Array.from({ length: 20 }, (_, i) =>
    TASKS[i % TASKS.length]?.replace(/\bsaid\b/g, `said${Math.floor(i / 5)}`),
  );
  const before = process.cpuUsage();
  prepareProject({
    'hosts.yml': `web: {vars: {port: 80, links: ${links}}, hosts: {${hosts.join(', ')}}}`,
    'site.yml': `- hosts: web\n  tasks:\n${tasks.map((task) => `    ${task}\n`).join('')}  handlers: [{name: restart, ping: }]\n`,
    'templates/routes.hbs':
      '{{#each links as |l i|}}default via {{l.gateway}} dev {{l.device}} table {{add 801 i}}\n{{/each}}',
  });
  const { user, system } = process.cpuUsage(before);
  // About 1.2 s; the limit leaves room for slow machines, and none for work that grows with hosts × hosts.
  expect((user + system) / 1e6).toBeLessThan(6);
}, 30_000);
