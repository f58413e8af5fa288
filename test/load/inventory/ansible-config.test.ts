// What an ansible.cfg says about the inventory: what ansible-config makes of the same file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { inventoriesOfConfig } from '../../../src/load/inventory/ansible-config.ts';
import { ansibleProgram } from '../../inventory/oracle.ts';

it.each([
  '[defaults]\ninventory = hosts\n',
  '[defaults]\nInventory: one,two/three , /four\n',
  '# c\n[other]\ninventory = no\n[defaults]\n; inventory = no\nforks = 5\ninventory = yes ; why\n[more]\ninventory = no\n',
  '[defaults]\ninventory = ~/fleet,$FLEET/hosts,${FLEET}\n',
  '[defaults]\r\ninventory=./a/../b\r\n',
  '[Defaults]\ninventory = no\n[defaults]\nforks = 1\n',
  'nothing at all = here\n',
])('%j', { timeout: 60_000 }, (text) => {
  const folder = mkdtempSync(join(tmpdir(), 'ansible-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ansible.cfg');
  writeFileSync(path, text);
  const environment = { HOME: folder, FLEET: '/srv/fleet', PATH: process.env.PATH, ANSIBLE_CONFIG: path };
  const run = spawnSync(ansibleProgram('ansible-config'), ['dump', '--format', 'json'], {
    env: environment,
    encoding: 'utf8',
  });
  const found = run.status === 0 ? inventoryOf(run.stdout) : undefined;
  expect(inventoriesOfConfig({ path, text }, environment)).toEqual(found ?? []);
});

/** Undefined where it is the default. */
function inventoryOf(dump: string): readonly string[] | undefined {
  const settings = JSON.parse(dump) as readonly { name: string; value: readonly string[]; origin: string }[];
  const setting = settings.find(({ name }) => name === 'DEFAULT_HOST_LIST');
  return setting?.origin === 'default' ? undefined : setting?.value;
}
