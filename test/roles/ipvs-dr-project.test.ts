// The role in a playbook: who is what, what has to be said, and mistakes that are found before any host is contacted.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { prepareProject, problemsOf, scopeOf, tasksOf } from '../resolve/support/project.ts';

const SITE = readFileSync(new URL('../../playbooks/ipvs-dr.yml', import.meta.url), 'utf8');
const SERVICE = '{name: shop, vip: 192.0.2.200, port: 80, real_servers: [web-1, {host: web-2, weight: 3}]}';

function project(service = SERVICE, address = 'ipvs_dr_address: 192.0.2.12'): Record<string, string> {
  return {
    'site.yml': SITE,
    'hosts.yml': `
all:
  vars:
    ipvs_dr_device: eth0
    ipvs_dr_services:
      - ${service}
  children:
    directors:
      hosts:
        lb-1: {ipvs_dr_address: 192.0.2.10}
    real_servers:
      hosts:
        web-1: {ipvs_dr_address: 192.0.2.11}
        web-2: {${address}}
        web-3: {ipvs_dr_address: 192.0.2.13}
`,
  };
}

test('the playbook takes a description of which little is said', () => {
  expect(problemsOf(project())).toEqual([]);
});

test('whoever is named has a part, others have none', () => {
  const prepared = prepareProject(project());
  const [installs, removes] = tasksOf(prepared).filter(({ module }) => module.name === 'boot_script');
  const named = [installs, removes].map((task) => scopeOf(prepared, task).get('everybody'));
  for (const names of named) expect(String(names).trim().split(/ +/)).toEqual(['lb-1', 'web-1', 'web-2']);
});

test.each([
  ['a host that is not in the inventory', SERVICE.replace('web-1', 'web-9'), /web-9/],
  ['a misspelled key', SERVICE.replace('port:', 'prot:'), /"prot"/],
  ['another port with dr', SERVICE.replace('weight: 3', 'port: 8080'), /8080/],
  ['nat over two families', SERVICE.replace('192.0.2.200', '"2001:db8::200"'), /ipvs_dr_address6/],
])('%s is found before any host is touched', (_title, service, told) => {
  const problems = problemsOf(project(service)).join('\n');
  expect(problems).toMatch(told);
});

test('a real server without an address is found, too', () => {
  const problems = problemsOf(project(SERVICE, 'x: 1')).join('\n');
  expect(problems).toMatch(/ipvs_dr_address/);
});
