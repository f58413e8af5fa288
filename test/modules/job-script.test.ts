// The scripts of jobs as text; what they do is for test/apply/async.test.ts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clearJobScript,
  jobOutputScript,
  jobStateScript,
  readJobState,
  startJob,
} from '../../src/modules/system/job-script.ts';

const start = startJob({ id: 'j1', limitSeconds: 5 }, "echo 'it is'");

test('shellcheck finds nothing in any of them, nor in what the start writes to the host', () => {
  const written = [...start.matchAll(/cat <<'(END_OF_FILE_*)'\n([\s\S]*?)\1\n/g)].map(
    ([, , text]) => text ?? '',
  );
  expect(written).toHaveLength(2);
  const scripts = [start, jobStateScript('j1'), jobOutputScript('j1'), clearJobScript('j1'), ...written];
  const folder = mkdtempSync('/tmp/job-script-');
  try {
    const files = scripts.map((script, index) => {
      const path = join(folder, `${index}.sh`);
      writeFileSync(path, `set -eu\n${script}\n`);
      return path;
    });
    const found = spawnSync('shellcheck', ['-s', 'sh', '-S', 'warning', '-f', 'gcc', ...files], {
      encoding: 'utf8',
    });
    expect(found.stdout).toBe('');
    expect(found.status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is told of a job is read, and nothing else', () => {
  expect(readJobState('/h/.fairlead_async/j1\nrunning\n')).toEqual({
    kind: 'running',
    folder: '/h/.fairlead_async/j1',
  });
  expect(readJobState('/h\nfinished 143 5 9 late\n')).toEqual({
    kind: 'finished',
    folder: '/h',
    started: 5,
    ended: 9,
    isLate: true,
  });
  for (const text of ['', '/h\n', '/h\nfinished\n', '/h\nfinished 1 2 3 soon\n', '/h\nrunning\nmore\n']) {
    expect(readJobState(text)).toBeUndefined();
  }
  fc.assert(fc.property(fc.string(), (text) => readJobState(text)?.kind !== 'finished'));
});
