// Whether shells and shellcheck take a generated script.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What dash, BusyBox and shellcheck complain about, or the empty string. Allowed: functions that this very
 * program does not call, and whatever is in single quotes (the content of files).
 */
export function complaints(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-lint-'));
  try {
    const file = join(folder, 'script');
    writeFileSync(file, script.startsWith('#!') ? script : `#!/bin/sh\nset -eu\n${script}\n`);
    const said = (program: string, ...args: string[]) => {
      const { stdout, stderr } = spawnSync(program, [...args, file], { encoding: 'utf8' });
      return stdout + stderr;
    };
    return (
      said('dash', '-n') +
      said('busybox', 'sh', '-n') +
      said('shellcheck', '-s', 'sh', '-e', 'SC2317,SC2329,SC2016,SC1003')
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
