// A folder that takes no more, or nothing at all: the old file stays byte for byte, nothing else stays behind, and the
// message names the file and the cause.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project, sumOf } from './support/program.ts';
import { onHost, scenarioLab } from './support/scenario-lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('unwritable', 2);
});

afterAll(() => lab.down());

/** A file system of 64 KiB with 4 KiB left beside the old file, and one that takes nothing. */
const FAULTS = {
  full: `mount -t tmpfs -o size=64k,mode=0755 tmpfs /mnt/small
    echo old >/mnt/small/file
    head -c 57344 /dev/zero >/mnt/small/ballast`,
  'read-only': `mount -t tmpfs -o size=64m,mode=0755 tmpfs /mnt/small
    echo old >/mnt/small/file
    mount -o remount,ro /mnt/small`,
};

interface Case {
  readonly what: string;
  readonly fault: keyof typeof FAULTS;
  readonly sizeBytes: number;
  /** The words of the host's own programs before the cause are TOOL. */
  readonly says: readonly string[];
}

const NO_SPACE = 'TOOL: No space left on device';
const NOT_WRITTEN = '/mnt/small/file is as it was: its content cannot be written';
const READ_ONLY = [
  'TOOL: Read-only file system',
  '/mnt/small/file is as it was: no file can be made in /mnt/small',
];
const UPLOAD = 'its content cannot be written to /mnt/small, what was there before still is: TOOL';

const CASES: readonly Case[] = [
  { what: 'a few lines', fault: 'full', sizeBytes: 8_000, says: ['TOOL: I/O error', NO_SPACE, NOT_WRITTEN] },
  { what: 'more', fault: 'full', sizeBytes: 100_000, says: [NO_SPACE, NO_SPACE, NOT_WRITTEN] },
  { what: 'an upload', fault: 'full', sizeBytes: 300_000, says: [`${UPLOAD}: No space left on device`] },
  { what: 'a few lines', fault: 'read-only', sizeBytes: 8_000, says: READ_ONLY },
  { what: 'more', fault: 'read-only', sizeBytes: 100_000, says: READ_ONLY },
  { what: 'an upload', fault: 'read-only', sizeBytes: 300_000, says: [`${UPLOAD}: Read-only file system`] },
];

it.each(CASES)(
  '$what into a $fault folder: the old file is as it was',
  async ({ fault, sizeBytes, says }) => {
    await onHost(lab, 'edge-1', `mkdir -p /mnt/small; ${FAULTS[fault]}`);
    await onHost(lab, 'edge-2', 'rm -rf /mnt/small /run/scenario; mkdir -p /mnt/small');
    const listing = 'cd /mnt/small; ls -lA --time-style=full-iso; sha256sum *';
    const before = await onHost(lab, 'edge-1', listing);
    const project = new Project(
      {
        'site.yml': `
- hosts: edge
  name: write
  gather_facts: false
  tasks:
    - name: new content
      copy: { src: content, dest: /mnt/small/file }
    - name: behind it
      file: { path: /run/scenario, state: directory }
`,
        content: `${'x'.repeat(99)}\n`.repeat(sizeBytes / 100),
      },
      lab,
    );
    const said = await project.run('run', 'site.yml');
    expect(withoutTools(said)).toBe(`exit 1
--- stdout
play write: 2 hosts
edge-1    failed        new content: ${says.join('\n    ')}
    copy at site.yml:6:7
edge-2    changed       new content: create /mnt/small/file, mode 0644
edge-2    changed       behind it: create folder /run/scenario, mode 0755

host      ok  changed  skipped  failed  state
edge-1     0        0        0       1  failed, nothing was changed
edge-2     0        2        0       0  2 changes made

2 hosts: 1 ok, 1 failed, 2 changed, N s
`);
    expect(await onHost(lab, 'edge-1', listing)).toBe(before);
    await onHost(lab, 'edge-1', 'test ! -e /run/scenario; umount /mnt/small');
    expect(sumOf(await project.run('run', 'site.yml', '--limit', 'edge-2'))).toBe('exit 0, 0 changed');
  },
);

/** How `cat` and `sh` begin their complaints differs from system to system. */
function withoutTools(said: string): string {
  return said
    .replace(/(\/bin\/sh|cat|head): .*: (?=I\/O error|No space left|Read-only)/g, 'TOOL: ')
    .replace(/(?<=\.fairlead-upload\.)[0-9a-f]{16}/g, 'HASH');
}
