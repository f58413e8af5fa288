// The texts that boot_script generates: their exact bytes, and that shells and shellcheck take them.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { InitSystem } from '../../src/init-system.ts';
import { installProgram, lookScript, removeProgram } from '../../src/modules/boot/boot-commands.ts';
import { bootFiles, candidatePaths } from '../../src/modules/boot/boot-files.ts';
import type { BootService } from '../../src/modules/boot/boot-units.ts';
import { complaints } from './support/lint.ts';

const golden = fileURLToPath(new URL('../golden/boot_script/', import.meta.url));
const service: BootService = {
  name: 'fairlead-split-access',
  header: 'fairlead: role split-access, boot_script fairlead-split-access',
  description: "each link's replies leave by it, 100% of them",
  network: 'online',
  after: ['docker', 'nftables.service'],
  before: ['keepalived'],
  startSeconds: 90,
  interfaces: ['eth0', 'eth0.5'],
  reconcileSeconds: 90,
};
const early: BootService = {
  ...service,
  network: 'pre',
  after: [],
  before: [],
  interfaces: [],
  reconcileSeconds: 30,
};
const everything = {
  ifupdown: true,
  networkManager: true,
  networkd: true,
  networkdDispatcher: true,
  cron: true,
};
const filesFor = (init: InitSystem, what: BootService) =>
  bootFiles(what, { script: '#!/bin/sh\n', hooks: true, host: { init, ...everything } });

describe.each(['systemd', 'sysv', 'openrc'] as const)('for %s', (init) => {
  test.each([
    ['routes', service],
    ['filters', early],
  ])('the files of a script for %s are these bytes', async (kind, what) => {
    for (const { path, bytes } of filesFor(init, what).slice(1)) {
      const text = new TextDecoder().decode(bytes);
      await expect(text).toMatchFileSnapshot(join(golden, `${init}-${kind}`, path));
    }
  });

  test('no file is forgotten when the script is removed', () => {
    expect(candidatePaths(service.name)).toEqual(
      expect.arrayContaining(filesFor(init, service).map(({ path }) => path)),
    );
  });

  test('every file says on top who made it', () => {
    for (const { bytes } of filesFor(init, service).slice(1)) {
      expect(new TextDecoder().decode(bytes).split('\n').slice(0, 2)).toContain(`# ${service.header}`);
    }
  });
});

const host = { init: 'systemd' as const, ...everything };
const programs: readonly (readonly [string, string])[] = [
  ...(['systemd', 'openrc'] as const).flatMap((init) =>
    [service, early].flatMap((what) =>
      filesFor(init, what)
        .map(({ path, bytes }) => [`${init} ${path}`, new TextDecoder().decode(bytes)] as const)
        .filter(([, text]) => text.startsWith('#!')),
    ),
  ),
  ['the look', `#!/bin/sh\n${lookScript(service.name, { askStatus: true })}`],
  ['the removal', `#!/bin/sh\nset -eu\n${removeProgram(service.name, host, ['/etc/init.d/x']).script}`],
  ...(['systemd', 'sysv', 'openrc'] as const).map(
    (init) =>
      [
        `the installation under ${init}`,
        `#!/bin/sh\nset -eu\n${
          installProgram(service.name, {
            host: { ...host, init },
            script: '/etc/init.d/x',
            writes: filesFor(init, service),
            removes: ['/etc/cron.d/x'],
            check: true,
            enable: true,
            timer: 'start',
            daemonReload: true,
            restartNetworkd: true,
            action: 'start',
          }).script
        }`,
      ] as const,
  ),
];

test.each(programs)('%s is taken by dash, BusyBox and shellcheck', (_name, text) => {
  expect(complaints(text)).toBe('');
});
