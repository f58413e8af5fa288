// Parts of the guard on hosts whose tools have other names, are old, fail, or are asked of a kernel that has no such thing.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { FILTER_WORLDS, FilterHost } from './support/guard-filters.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KINDS = ['ipset', 'iptables', 'arptables', 'nft'] as const;

const [world] = FILTER_WORLDS;
let host: FilterHost;
afterEach(() => host.close());

/** Nothing but what a test links, writes or names. */
async function bare(override = ''): Promise<string> {
  if (world === undefined) throw new Error('no world');
  host = await FilterHost.create(world, `PATH=\${0%/*}/bin\n${override}`);
  const bin = join(host.folder, 'bin');
  host.sh(
    `mkdir ${bin}; for tool in awk sort cut cmp grep rm mkdir cat sleep; do ln -s "$(command -v $tool)" ${bin}; done`,
  );
  return bin;
}

test.each(['legacy', 'nft'])('only the plain names, which are %s', async (backend) => {
  const bin = await bare();
  host.sh(`for tool in iptables ip6tables; do for part in '' -save -restore; do
        ln -s /usr/sbin/xtables-${backend}-multi ${bin}/$tool$part
      done; $tool-${backend} -A INPUT -j ACCEPT; done`);
  const folder = host.take(KINDS);
  expect(host.sh(`cd ${folder}; grep -l ACCEPT *`)).toBe(`ip6tables-${backend}\niptables-${backend}\n`);
  host.sh(`iptables-${backend} -P INPUT DROP`);
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh(`iptables-${backend} -S INPUT`)).toBe('-P INPUT ACCEPT\n-A INPUT -j ACCEPT\n');
  // Without nft a table can be emptied.
  host.sh(`iptables-${backend} -t mangle -A OUTPUT -j ACCEPT; iptables-${backend} -t mangle -P OUTPUT DROP`);
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh(`iptables-${backend} -t mangle -S OUTPUT`)).toBe('-P OUTPUT ACCEPT\n');
});

test('an iptables-restore that cannot wait', async () => {
  const bin = await bare();
  host.sh(
    `ln -s /usr/sbin/xtables-legacy-multi ${bin}/iptables; ln -s /usr/sbin/xtables-legacy-multi ${bin}/iptables-save`,
  );
  writeFileSync(
    join(bin, 'iptables-restore'),
    `#!/bin/sh
      if [ "$` +
      `{1-}" = -w ]; then echo 'unknown option' >&2; exit 2; fi
      exec /usr/sbin/xtables-legacy-multi iptables-restore\n`,
    { mode: 0o755 },
  );
  host.sh('iptables-legacy -A INPUT -j ACCEPT');
  const folder = host.take(KINDS);
  host.sh('iptables-legacy -F');
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh('iptables-legacy -S INPUT')).toContain('-A INPUT -j ACCEPT');
});

test('a kernel without them is not asked', async () => {
  const bin = await bare('kernel_has() { false; }');
  for (const tool of [
    'nft',
    'ipset',
    'iptables-nft-save',
    'iptables-nft-restore',
    'iptables-save',
    'iptables-restore',
    'iptables',
  ]) {
    writeFileSync(join(bin, tool), `#!/bin/sh\necho ${tool} >>${host.folder}/called\n`, { mode: 0o755 });
  }
  const folder = host.take(KINDS);
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh(`cat ${folder}/* ${host.folder}/called 2>/dev/null || :`)).toBe('');
});

test('a tool that fails has nothing to keep, and nothing is lost by it', async () => {
  const bin = await bare();
  host.sh('iptables-nft -A INPUT -j ACCEPT');
  for (const tool of ['nft', 'ipset', 'iptables-nft-save', 'iptables-nft-restore']) {
    writeFileSync(join(bin, tool), `#!/bin/sh\nprintf '*filter\\n:INPUT DROP\\n'; exit 1\n`, { mode: 0o755 });
  }
  const folder = host.take(KINDS);
  expect(host.sh(`cd ${folder}; echo *`)).toBe('arptables-legacy ip6tables-legacy iptables-legacy\n');
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh('iptables-nft -S INPUT')).toContain('-A INPUT -j ACCEPT');
});

test('a set that the kernel has not let go of yet', async () => {
  const bin = await bare();
  writeFileSync(
    join(bin, 'ipset'),
    `#!/bin/sh
    folder=\${0%/*}
    if [ "$1" = destroy ] && [ "$(cat "$folder/tries" 2>/dev/null)" != xxx ]; then
      printf x >>"$folder/tries"
      echo 'ipset v7.17: Set cannot be destroyed: it is in use by a kernel component' >&2
      exit 1
    fi
    exec /usr/sbin/ipset "$@"\n`,
    { mode: 0o755 },
  );
  const folder = host.take(KINDS);
  host.sh('ipset create surplus hash:ip');
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh('ipset list -n')).toBe('');
});

test('nft alone cannot keep what iptables-nft made, and does not try', async () => {
  const bin = await bare();
  host.sh(`ln -s /usr/sbin/nft ${bin}
    iptables-nft -A INPUT -m comment --comment x -j ACCEPT; nft add table ip other`);
  const folder = host.take(KINDS);
  expect(host.sh(`cat ${folder}/nft`)).toBe('ip other table:\n');
  host.sh('nft delete table ip other; iptables-nft -A INPUT -j DROP');
  expect(host.put(folder, KINDS)).toBe('');
  expect(host.sh('nft list tables')).toBe('table ip filter\ntable ip other\n');
});

test.each(['iptables-nft', '.raw.iptables-nft'])('a full disk is no empty state: %s', async (name) => {
  await bare();
  host.sh(`ln -s /usr/sbin/iptables-nft-save ${host.folder}/bin; ln -s /usr/sbin/iptables-nft-restore ${host.folder}/bin
      iptables-nft -A INPUT -j ACCEPT; mkdir ${host.folder}/state-1
      ln -s /dev/full ${host.folder}/state-1/${name}`);
  expect(() => host.take(['iptables'])).toThrow(/exited [1-9]/);
});
