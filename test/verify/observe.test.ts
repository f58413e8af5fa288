// The program that looks around on a host, on this machine: every shell takes it, and what it says can be read.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { observeProgram, parseObservation, type Topics } from '../../src/verify/observation.ts';
import { complaints } from '../modules/support/lint.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-observe-'));
afterAll(() => rmSync(folder, { recursive: true }));

const scriptFor = (topics: Topics): string => observeProgram(topics).steps[0]?.script ?? '';

it('is taken by shells and shellcheck', () => {
  expect(complaints(scriptFor({ files: ['/etc/passwd'], settings: ['net.ipv4.ip_forward'] }))).toBe('');
});

describe.each([['dash'], ['busybox', 'ash']])('%s %s', (...shell) => {
  const [program = '', ...words] = shell.filter((word) => word !== undefined);
  const observed = (topics: Topics) => {
    const { status, stdout, stderr } = spawnSync(program, [...words, '-eu', '-c', scriptFor(topics)], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return parseObservation(stdout);
  };

  it('tells when the host was booted, and what time it has', () => {
    const { nowS, bootedS } = observed({ files: [], settings: [] });
    expect(Math.abs(nowS - Date.now() / 1000)).toBeLessThan(5);
    expect(bootedS).toBeGreaterThan(0);
    expect(bootedS).toBeLessThan(nowS);
  });

  it('tells of files, whatever their names, and of those that are not there', () => {
    const path = join(folder, "it's a $file");
    writeFileSync(path, '');
    utimesSync(path, 1234, 1234);
    const { files, gone } = observed({ files: [path, join(folder, 'none')], settings: [] });
    expect(files).toEqual([{ path, writtenS: 1234, owner: userInfo().username }]);
    expect(gone).toMatchObject([{ path: join(folder, 'none') }]);
  });

  it('tells whose file it is', () => {
    const { packages } = observed({ files: ['/bin/dash', '/usr/bin/dash'], settings: [] });
    expect(packages.map(({ name }) => name)).toContain('dash');
    expect(packages[0]?.upgradedS).toBeGreaterThan(0);
  });
});
