// Ten thousand hosts in a hundred groups load and match within a second of CPU on an ordinary machine
// (ansible-inventory takes over a minute). The bounds here are several times what it takes.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Problems } from '../../../src/diagnostic.ts';
import { hostVariables } from '../../../src/load/inventory/host-variables.ts';
import { loadInventory } from '../../../src/load/inventory/load-inventory.ts';
import { matchHosts } from '../../../src/resolve/host-pattern.ts';

const GROUPS = Array.from({ length: 100 }, (_, index) => `group${index}`);
const HOSTS = Array.from({ length: 100 }, (_, index) => index);
const MAX_CPU_MS = 4000;

const folder = mkdtempSync(join(tmpdir(), 'scale-'));
afterAll(() => rmSync(folder, { recursive: true }));

mkdirSync(join(folder, 'group_vars'));
for (const group of GROUPS)
  writeFileSync(join(folder, 'group_vars', `${group}.yml`), `a: 1\nname: ${group}\n`);
writeFileSync(
  join(folder, 'hosts.ini'),
  GROUPS.map(
    (group) => `[${group}]\n${HOSTS.map((n) => `${group}-${n} ansible_host=10.0.0.${n}\n`).join('')}`,
  ).join(''),
);
const yamlHosts = HOSTS.map((n) => `NAME-${n}:\n          ansible_host: 10.0.0.${n}\n`).join('        ');
writeFileSync(
  join(folder, 'hosts.yml'),
  `all:\n  children:\n${GROUPS.map((group) => `    ${group}:\n      hosts:\n        ${yamlHosts.replaceAll('NAME', group)}`).join('')}`,
);

it.each(['hosts.ini', 'hosts.yml'])('10,000 hosts of %s load and match in bounded CPU time', (file) => {
  const problems = new Problems();
  const before = process.cpuUsage();
  const inventory = loadInventory([join(folder, file)], {}, problems);
  const selected = matchHosts(inventory, 'group1*:!group1:&*-7*', undefined, problems);
  const variables = hostVariables(inventory, 'group42-7');
  const { user, system } = process.cpuUsage(before);
  expect(problems.list).toEqual([]);
  expect(inventory.hosts.size).toBe(10_000);
  expect(selected).toHaveLength(10 * 11);
  expect(variables.get('name')?.value).toBe('group42');
  expect((user + system) / 1000).toBeLessThan(MAX_CPU_MS);
});
