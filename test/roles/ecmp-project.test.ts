// The role in a playbook: split-access comes with it, its variables are known to both, mistakes are found beforehand.
import { expect, test } from 'vitest';
import { prepareProject, problemsOf, scopeOf, tasksOf } from '../resolve/support/project.ts';

const LINKS = `
        - {name: isp1, device: eth0, address: 192.0.2.10/24, gateway: 192.0.2.1}
        - {name: isp2, device: eth1, address6: "2001:db8:2::10/64", gateway6: "fe80::1", optional: true}`;

function site(variables = ''): Record<string, string> {
  return {
    'site.yml': `- hosts: web-1
  roles: [ecmp]
  vars:
    split_access_links:${LINKS}${variables
      .split('\n')
      .map((line) => `\n    ${line}`)
      .join('')}\n`,
  };
}

test('nothing but the links has to be said, and split-access comes first', () => {
  expect(problemsOf(site())).toEqual([]);
  const tasks = tasksOf(prepareProject(site()));
  expect([...new Set(tasks.map((task) => task.role?.role.name))]).toEqual(['split-access', 'ecmp']);
});

test('what a link does not say is null for both roles', () => {
  const prepared = prepareProject(site());
  for (const task of tasksOf(prepared)) {
    expect(scopeOf(prepared, task).get('split_access_links')).toMatchObject([
      { name: 'isp1', address6: null, gateway6: null, table: null, optional: false },
      { name: 'isp2', address: null, gateway: null, table: null, optional: true },
    ]);
  }
});

test.each([
  ['nothing', '', 0],
  ['a prober', 'ecmp_probe_targets: [198.51.100.1]', 60],
  ['a prober and a word', 'ecmp_probe_targets: [198.51.100.1]\necmp_reconcile_s: 0', 0],
  ['a word', 'ecmp_reconcile_s: 30', 30],
])('how often the timer looks, with %s', (_title, variables, seconds) => {
  const prepared = prepareProject(site(variables));
  const task = tasksOf(prepared).find(
    ({ role, module }) => role?.role.name === 'ecmp' && module.name === 'boot_script',
  );
  expect(task?.args.evaluate(scopeOf(prepared, task))).toMatchObject({ reconcile_s: seconds });
});

test.each([
  ['a misspelled variable', 'ecmp_weight: {isp1: 3}', /the role ecmp has no variable "ecmp_weight"/],
  ['a weight above what the kernel knows', 'ecmp_weights: {isp1: 257}', /257 is above 256/],
  ['a variant that there is not', 'ecmp_variant: l4', /"l4" is none of auto, hash, l3, marks, cache/],
  ['a host name for a target', 'ecmp_probe_targets: [example.com]', /"example.com"/],
  ['a field that there is not', 'ecmp_hash_fields: [src, port]', /"port" is none of src/],
  [
    'a weight for a link that there is not',
    'ecmp_weights: {isp3: 2}',
    /"split_access_links\.isp3" is not known/,
  ],
])('%s is found before any host is touched', (_title, variables, told) => {
  expect(problemsOf(site(variables)).join('\n')).toMatch(told);
});

test('links that are missing are asked for by both roles, and nothing else is said', () => {
  expect(problemsOf({ 'site.yml': '- hosts: web-1\n  roles: [ecmp]\n' })).toEqual([
    'role-variable 1: the role split-access needs the variable "split_access_links"',
    'role-variable 2: the role ecmp needs the variable "split_access_links"',
  ]);
});
