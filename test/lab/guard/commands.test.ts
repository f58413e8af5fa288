// fairlead guard, history, diff and rollback against hosts that playbooks have changed.
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { armScript, newTransactionId } from '../../../src/guard/transaction.ts';
import type { Captured } from '../../../src/lab/namespaces.ts';
import { MAIN } from '../support/fairlead.ts';
import { GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('commands', { hostCount: 2 });
});

afterAll(() => guard.down());

/** `fairlead WORDS -i INVENTORY`, the command in one text. */
function fairlead(command: string, ...words: readonly string[]): Promise<Captured> {
  const { lab } = guard;
  return lab.inController([
    process.execPath,
    MAIN,
    ...command.split(' '),
    '-i',
    lab.paths.inventory,
    ...words,
  ]);
}

const CHANGE = `
- copy: {dest: /etc/motd, content: "hello\\n", mode: "0644"}
- ip_route: {dest: 198.51.100.77/32, via: 10.77.0.1, dev: mgmt}
`;

/** What the change leaves on a host. */
function traces(host: string): Promise<string> {
  return guard.role.onHost(host, 'cat /etc/motd 2>/dev/null; ip route show 198.51.100.77');
}

const masked = (text: string) =>
  text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T').replaceAll(/\S+@\S+/g, 'WHO');

describe('a host that was never guarded', () => {
  it('is told as such, and has no folder afterwards', async () => {
    for (const command of ['status', 'confirm', 'cancel']) {
      expect(await fairlead(`guard ${command} all`)).toEqual({
        exitCode: 0,
        stdout: 'edge-1    idle          nothing is pending\nedge-2    idle          nothing is pending\n',
        stderr: '',
      });
    }
    expect((await fairlead('guard remove edge-1')).stdout).toBe(
      'edge-1    idle          there is nothing of the guard on it\n',
    );
    expect((await fairlead('history edge-1')).stdout).toBe(
      'edge-1    idle          there is no generation\n',
    );
    expect((await fairlead('rollback edge-1')).stdout).toBe(
      'edge-1    idle          there is no generation to go back from\n',
    );
    expect(await guard.role.onHost('edge-1', 'ls -A /var/lib/fairlead 2>/dev/null || :')).toBe('');
  });
});

describe('a change that was confirmed', () => {
  it('is in the history, shows as a difference, and goes back host by host', async () => {
    const before = [await traces('edge-1'), await traces('edge-2')];
    expect(await guard.run(guard.playbook(CHANGE))).toMatchObject({ exitCode: 0, stderr: '' });
    const history = await fairlead('history all');
    expect(history).toMatchObject({ exitCode: 0, stderr: '' });
    expect(history.stdout).toMatch(/^edge-1\n {2}generation .*\n +1 .*play\.yml .*\/etc\/motd\nedge-2\n/);
    const hashes = [...history.stdout.matchAll(/ ([0-9a-f]{12}) /g)].map(([, hash]) => hash);
    expect(hashes).toEqual([hashes[0], hashes[0]]);

    const diff = await fairlead('diff edge-1 0');
    expect(diff.exitCode).toBe(3);
    expect(diff.stdout).toContain('edge-1: from generation 0 to now\n');
    expect(diff.stdout).toContain('+hello');
    expect(diff.stdout).toMatch(/^ {4}\+.*198\.51\.100\.77/m);

    const check = await fairlead('rollback all --check');
    expect({ exitCode: check.exitCode, stdout: masked(check.stdout) }).toMatchObject({ exitCode: 3 });
    expect(masked(check.stdout)).toMatch(
      /^edge-1 {4}would change {2}to how it was before generation 1\n {4}undoes 1: WHO \S+play\.yml, T: \/etc\/motd\n {4}files: \/etc\/motd/,
    );
    expect(await traces('edge-1')).toContain('198.51.100.77');

    const back = await fairlead('rollback all');
    expect({ ...back, stdout: masked(back.stdout) }).toMatchObject({ exitCode: 0, stderr: '' });
    expect(back.stdout).toMatch(
      /\nedge-2 {4}changed {7}back to how it was before generation 1, as generation 2\n$/,
    );
    expect([await traces('edge-1'), await traces('edge-2')]).toEqual(before);
    expect((await fairlead('history edge-1')).stdout).toMatch(/\n +2 .*fairlead rollback --to 0 .*\n +1 /);
    expect((await fairlead('rollback edge-1 --to 0')).stdout).toBe(
      'edge-1    idle          it is as it was before generation 1\n',
    );
    const forward = await fairlead('rollback edge-1 --to 1');
    expect(forward).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await traces('edge-1')).toMatch(/^hello\n198\.51\.100\.77 /);
    expect((await fairlead('rollback edge-1 --to 9')).stderr).toBe(
      'edge-1    failed        there is no generation 9: the newest is 3\n',
    );
  });

  it('goes away with the guard: nothing of it is left on the host', async () => {
    expect((await fairlead('guard remove edge-2')).stdout).toBe(
      'edge-2    removed       the guard, its boot hook and its history\n',
    );
    expect(
      await guard.role.onHost(
        'edge-2',
        "ls -d /var/lib/fairlead/guard 2>/dev/null; find /etc -name 'fairlead-guard*'",
      ),
    ).toBe('');
  });
});

describe('a change that is pending', () => {
  /** Arms a transaction, past the network, and changes something; its controller is gone. */
  async function leavePending(host: string, script: string, windowS: number): Promise<void> {
    const id = newTransactionId();
    const transaction = { id, owner: 'ann@desk', playbook: 'site.yml', play: '', started: 'T', windowS };
    const all = `set -e\n(${armScript(transaction, ['file:/etc/motd'])})\n${script}`;
    // A session is a group of its own.
    const { exitCode, stderr } = await guard.lab.inHost(host, ['setsid', '-w', 'sh', '-c', all]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  }

  it('is told, extended, confirmed by whoever is root, and not removed', async () => {
    await leavePending('edge-2', 'echo pending >/etc/motd', 60);
    const status = await fairlead('guard status edge-2');
    expect(status).toMatchObject({ exitCode: 0, stderr: '' });
    expect(status.stdout).toMatch(
      /^edge-2 {4}pending {7}ann@desk, site\.yml, since T; goes back in (1 min|5\d s)\n$/,
    );
    expect((await fairlead('guard extend edge-2 10m')).stdout).toMatch(
      /goes back in (10 min|9 min 5\d s)\n$/,
    );
    expect(await fairlead('guard remove edge-2')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringMatching(/pending[\s\S]*nothing was removed\n$/),
    });
    expect(await fairlead('rollback edge-2')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('ann@desk'),
    });
    expect(await fairlead('guard confirm edge-2')).toEqual({
      exitCode: 0,
      stdout: 'edge-2    confirmed     what ann@desk changed with site.yml at T stays\n',
      stderr: '',
    });
    expect(await guard.role.onHost('edge-2', 'cat /etc/motd')).toBe('pending\n');
  });

  it('goes back when it is cancelled, and cannot be confirmed then', async () => {
    await leavePending('edge-2', 'echo other >/etc/motd', 60);
    const cancel = await fairlead('guard cancel edge-2');
    expect({ ...cancel, stdout: masked(cancel.stdout) }).toEqual({
      exitCode: 0,
      stdout:
        'edge-2    rolled back   at T, because WHO cancelled it\n    what WHO changed with site.yml at T\n',
      stderr: '',
    });
    expect(await guard.role.onHost('edge-2', 'cat /etc/motd')).toBe('pending\n');
    const late = await fairlead('guard confirm edge-2');
    expect({ ...late, stderr: masked(late.stderr) }).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'edge-2    failed        too late: it went back at T, because WHO cancelled it\n    what WHO changed with site.yml at T\n',
    });
  });

  it('a rollback to where nobody gets in is undone, and stops the next host', async () => {
    const CUT = 'iptables -I INPUT -i mgmt -p tcp --dport 22 -m conntrack --ctstate NEW -j DROP';
    for (const host of ['edge-1', 'edge-2']) {
      // The generation before this one is one that lets nobody in.
      await guard.role.onHost(host, `iptables -A INPUT -i lo -j ACCEPT; ${CUT}`);
      await leavePending(host, CUT.replace('-I', '-D'), 60);
      expect((await fairlead(`guard confirm ${host}`)).exitCode).toBe(0);
    }
    const before = await guard.picture('edge-1', '/etc/motd');
    const back = await fairlead('rollback all --guard 8s');
    expect(back.exitCode).toBe(1);
    expect(back.stderr).toMatch(
      /^edge-1 {4}failed {8}it is as it was before: (no new connection gets in|its time was up)[\s\S]*\nedge-2 {4}not started {3}it was not contacted\n$/,
    );
    expect(await guard.reachable(10)).toBeLessThan(10);
    expect(await guard.picture('edge-1', '/etc/motd')).toBe(before);
  });
});
