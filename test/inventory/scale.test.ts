// Ten thousand hosts in a hundred groups with group_vars load and match a pattern in under a second of CPU time; the
// bound is twice that, for slow machines.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, it, onTestFinished } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { hostVariables } from '../../src/load/inventory/host-variables.ts';
import { loadInventory } from '../../src/load/inventory/load-inventory.ts';
import { matchHosts } from '../../src/resolve/host-pattern.ts';

const MAX_CPU_MS = 2000;
const GROUPS = Array.from({ length: 100 }, (_, index) => `group${String(index).padStart(2, '0')}`);
const NUMBERS = Array.from({ length: 100 }, (_, index) => index);

const hostLine = (group: string, n: number): string =>
  `${group}-${n} ansible_host=10.0.${Number(group.slice(5))}.${n} rack="row ${n % 7}" weight=${n}\n`;
const hostEntry = (group: string, n: number): string =>
  `    ${group}-${n}:\n      ansible_host: 10.0.${Number(group.slice(5))}.${n}\n      rack: row ${n % 7}\n      weight: ${n}\n`;

const FORMS: readonly (readonly [string, string])[] = [
  [
    'hosts.ini',
    GROUPS.map((group) => `[${group}]\n${NUMBERS.map((n) => hostLine(group, n)).join('')}`).join('\n') +
      `[even:children]\n${GROUPS.filter((_, index) => index % 2 === 0).join('\n')}\n`,
  ],
  [
    'hosts.yml',
    GROUPS.map((group) => `${group}:\n  hosts:\n${NUMBERS.map((n) => hostEntry(group, n)).join('')}`).join(
      '',
    ) +
      `even:\n  children:\n${GROUPS.filter((_, index) => index % 2 === 0)
        .map((group) => `    ${group}:\n`)
        .join('')}`,
  ],
];

it.each(FORMS)('10,000 hosts of %s', (file, text) => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-scale-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'group_vars'));
  for (const group of GROUPS) {
    writeFileSync(
      join(folder, 'group_vars', `${group}.yml`),
      `zone: ${group}\nports: [80, 443]\nlimits: {open: 1024}\n`,
    );
  }
  writeFileSync(join(folder, file), text);

  const problems = new Problems();
  const before = process.cpuUsage();
  const inventory = loadInventory([join(folder, file)], {}, problems);
  const selected = matchHosts(inventory, 'even:!group0*:&~.*-[0-4]$', undefined, problems);
  const { user, system } = process.cpuUsage(before);

  const cpuMs = Math.round((user + system) / 1000);
  process.stdout.write(`10,000 hosts of ${file}: ${cpuMs} ms of CPU\n`);
  expect(problems.list).toEqual([]);
  expect(inventory.hosts.size).toBe(10_000);
  expect(selected).toHaveLength(45 * 5);
  expect(hostVariables(inventory, 'group42-7').get('zone')?.value).toBe('group42');
  expect(cpuMs).toBeLessThan(MAX_CPU_MS);
});
