// A plan for real hosts: what was reviewed is what runs, under the guard, where nothing has moved; where something has,
// nothing is changed, to the byte.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab } from '../../src/lab/create-lab.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { Captured } from '../../src/lab/namespaces.ts';
import { changesOf, fairlead, MAIN, PROJECT } from './support/fairlead.ts';
import { figure, RoleLab, SNAPSHOT } from './support/role-lab.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-plan-lab-'));
const PLAYBOOK = join(folder, 'site.yml');
const PLAN = join(folder, 'plan.json');
const LOOK = `${SNAPSHOT}\nls -lR /etc | sed '/^total/d'; cat /etc/motd 2>/dev/null || :`;

let lab: Lab;
let role: RoleLab;

beforeAll(async () => {
  lab = await createLab({ name: 'test-plan-apply', hostCount: 2, owner: 'this-process' });
  role = new RoleLab(lab);
  symlinkSync(join(PROJECT, 'roles'), join(folder, 'roles'));
  writeFileSync(
    PLAYBOOK,
    `- name: edge
  hosts: edge
  roles: [split-access]
  tasks:
    - name: motd
      copy: { content: "planned\\n", dest: /etc/motd }
      notify: note it
  handlers:
    - name: note it
      copy: { content: "noted\\n", dest: /etc/noted }
`,
  );
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await lab.down();
});

const apply = (...words: readonly string[]): Promise<Captured> =>
  lab.inController([process.execPath, MAIN, 'apply', PLAN, ...words]);

describe('a plan for two hosts', () => {
  it('changes nothing when it is made', async () => {
    const before = await role.onHost('edge-1', LOOK);
    const made = await fairlead(lab, 'plan', PLAYBOOK, '--out', PLAN);
    expect({ exitCode: made.exitCode, stderr: made.stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^plan: \S+: 2 hosts, \d+ changes\n$/),
    });
    expect(await role.onHost('edge-1', LOOK)).toBe(before);
  });

  it('is carried out under the guard on one; on the other, which has moved, nothing is changed', async () => {
    await role.onHost('edge-2', 'echo somebody >/etc/motd');
    const before = await role.onHost('edge-2', LOOK);
    const applied = await apply('-v');
    expect(applied.exitCode).toBe(1);
    expect(applied.stdout).toMatch(/^edge-1 +confirmed +a new connection gets in$/m);
    expect(applied.stdout).toMatch(
      /^edge-2 +has moved .*\n {4}motd \(\S+\)\n {6}\/etc\/motd was: (?:absent|file .*); is: file 0644 0:0, sha256/m,
    );
    expect(await role.onHost('edge-2', LOOK)).toBe(before);
    expect(await role.onHost('edge-1', 'cat /etc/motd /etc/noted')).toBe('planned\nnoted\n');
    const after = await fairlead(lab, 'run', PLAYBOOK, '--check', '--limit', 'edge-1');
    expect({ exitCode: after.exitCode, changes: changesOf(after) }).toEqual({ exitCode: 0, changes: 0 });
    figure('two hosts planned: one done and confirmed, one had moved and is as it was');
  });

  it('made anew is carried out there, too', async () => {
    expect((await fairlead(lab, 'plan', PLAYBOOK, '--out', PLAN)).exitCode).toBe(0);
    const applied = await apply();
    expect({ exitCode: applied.exitCode, stderr: applied.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const verified = await fairlead(lab, 'verify', PLAYBOOK);
    expect({ exitCode: verified.exitCode, stdout: verified.stdout }).toMatchObject({ exitCode: 0 });
  });

  it('is not carried out where a rule in the kernel has moved', async () => {
    writeFileSync(
      PLAYBOOK,
      `- hosts: edge-1\n  roles: [{ role: split-access, split_access_rp_filter: strict_src_valid_mark }]\n`,
    );
    await role.onHost('edge-1', 'ip rule del priority $(ip rule | sed -n "s/:.*from 192.*//p" | head -n 1)');
    expect((await fairlead(lab, 'plan', PLAYBOOK, '--out', PLAN)).exitCode).toBe(0);
    await role.onHost(
      'edge-1',
      'ip rule add from 198.51.100.77 lookup 4242 priority 20 && ip rule del priority 20; ip -4 route flush table $(ip rule | sed -n "s/.*from 203.*lookup //p" | head -n 1)',
    );
    const before = await role.onHost('edge-1', LOOK);
    const applied = await apply();
    expect({ exitCode: applied.exitCode, stdout: applied.stdout }).toMatchObject({ exitCode: 1 });
    expect(applied.stdout).toMatch(/^edge-1 +has moved/m);
    expect(await role.onHost('edge-1', LOOK)).toBe(before);
  });
});
