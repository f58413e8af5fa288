// Generations on the host: what is kept of them, how they differ, and the way back to one.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Moment } from '../../src/guard/ask.ts';
import { type Differences, parseDifferences } from '../../src/guard/differences.ts';
import { parseGenerations } from '../../src/guard/generations.ts';
import { parsePlan } from '../../src/guard/plan.ts';
import { GUARD_WORLDS, GuardedHost } from './support/guarded-host.ts';

let host: GuardedHost;
afterEach(() => host.close());

/** Writes a text to a file as a change of its own; everybody may read it. */
function write(id: string, path: string, text: string): void {
  const folder = path.slice(0, path.lastIndexOf('/'));
  const script = `umask 022; mkdir -p ${folder}; printf '${text}' >${path}; chmod 644 ${path}`;
  host.change(id, [`file ${path}`], script);
}

function differences(from: Moment, to: Moment): Differences {
  return parseDifferences(host.answer({ kind: 'diff', from, to }));
}

function numbers(): readonly number[] {
  return parseGenerations(host.answer({ kind: 'generations' })).map(({ number }) => number);
}

describe.each(GUARD_WORLDS)('in $title', { timeout: 60_000 }, (world) => {
  beforeEach(async () => {
    host = await GuardedHost.create(world);
    host.inside('mkdir -m 755 /var/lib/t');
  });

  it('keeps the last ten, each with what it touched and left', () => {
    for (let at = 1; at <= 12; at += 1) write(`a${at}`, `/var/lib/t/${at % 2}`, `text ${at}\n`);
    const all = parseGenerations(host.answer({ kind: 'generations' }));
    expect(all.map(({ number }) => number)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(all.at(-1)).toMatchObject({
      owner: 'ann@desk',
      playbook: 'site.yml',
      play: 'edge',
      files: ['/var/lib/t/0'],
      services: [],
      hash: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
    expect(new Set(all.map(({ hash }) => hash)).size).toBe(10);
    expect(host.ask({ kind: 'plan', to: 1 })).toMatchObject({
      status: 1,
      stderr: 'generation 1 is too long ago: the earliest to go back to is 2\n',
    });
    expect(host.ask({ kind: 'diff', from: 13, to: 'now' })).toMatchObject({
      status: 1,
      stderr: 'there is no generation 13: the newest is 12\n',
    });
    expect(differences(2, 'now').list.map(({ before, after }) => [before, after])).toEqual([
      ['text 1\n', 'text 11\n'],
      ['text 2\n', 'text 12\n'],
    ]);
  });

  it('tells how two of them differ, in either direction', () => {
    host.inside('printf "one\\n" >/var/lib/t/f; chmod 644 /var/lib/t/f');
    write('a1', '/var/lib/t/f', 'two\\n');
    write('a2', '/var/lib/t/new/g', 'g\\n');
    host.change(
      'a3',
      ['file /var/lib/t/f'],
      'ln -sf /nowhere /var/lib/t/f; ip route add 198.51.100.0/24 dev v0',
    );
    const names = (from: Moment, to: Moment) =>
      differences(from, to)
        .list.filter(({ kind }) => kind === 'file')
        .map(({ name, before, after }) => [name, before, after]);
    expect(names(0, 1)).toEqual([['/var/lib/t/f', 'one\n', 'two\n']]);
    expect(names(1, 0)).toEqual([['/var/lib/t/f', 'two\n', 'one\n']]);
    expect(names(1, 2)).toEqual([['/var/lib/t/new/g', '', 'g\n']]);
    expect(differences(1, 2).list).toMatchObject([{ from: 'absent', to: 'file -rw-r--r-- 0 0' }]);
    expect(names(2, 2)).toEqual([]);
    const last = differences(2, 'now').list;
    expect(last.find(({ kind }) => kind === 'file')).toMatchObject({
      name: '/var/lib/t/f',
      to: 'link /nowhere',
    });
    const route = last.find(({ kind, after }) => kind === 'kernel' && after.includes('198.51.100.0/24'));
    expect(route?.before).not.toContain('198.51.100.0/24');
    expect(differences(0, 2).list.filter(({ kind }) => kind === 'kernel')).toEqual([]);
  });

  it('shows what everybody on the host may read, and of the rest only that it differs', () => {
    host.inside(`cd /var/lib/t; mkdir -m 755 tree; mkdir -m 700 tree/closed closed
      for file in open mine group tree/open tree/closed/x closed/x; do echo old >$file; chmod 644 $file; done
      chmod 600 mine; chmod 640 group`);
    const files = ['open', 'mine', 'group', 'tree', 'closed/x', 'binary', 'large'];
    host.change(
      'a1',
      files.map((name) => `file /var/lib/t/${name}`),
      `cd /var/lib/t; for file in open mine group tree/open tree/closed/x closed/x; do echo new >$file; done
       printf 'a\\0b' >binary; head -c 300000 /dev/zero | tr '\\0' x >large; chmod 644 binary large`,
    );
    const shown = differences(0, 'now').list.map(({ name, hidden, before, after }) => [
      name.replace('/var/lib/t/', ''),
      hidden ?? before + after,
    ]);
    expect(Object.fromEntries(shown)).toEqual({
      open: 'old\nnew\n',
      mine: 'private',
      group: 'private',
      'tree/open': 'old\nnew\n',
      'tree/closed/x': 'private',
      'closed/x': 'private',
      binary: 'binary',
      large: 'large',
    });
    expect(host.answer({ kind: 'diff', from: 0, to: 'now' })).not.toMatch(/xxx/);
  });

  it('knows of the newest one which of its files have been changed since', () => {
    write('a1', '/var/lib/t/f', 'one\\n');
    expect(differences(1, 'now')).toEqual({ list: [], isPartial: true, changedSince: [] });
    host.inside('echo other >/var/lib/t/f');
    expect(differences(1, 'now')).toEqual({ list: [], isPartial: true, changedSince: ['/var/lib/t/f'] });
    expect(host.inside('ls -A /var/lib/fairlead')).toBe('guard\n');
  });

  it('goes back over several at once, and only if no other has come meanwhile', () => {
    host.inside('cd /var/lib/t; echo first >f; mkdir -m 755 tree; echo x >tree/x');
    write('a1', '/var/lib/t/f', 'one\\n');
    host.change(
      'a2',
      ['file /var/lib/t/tree'],
      'cd /var/lib/t/tree; rm x; echo y >y; ip route add 198.51.100.0/24 dev v0',
    );
    write('a3', '/var/lib/t/f', 'three\\n');
    write('a4', '/var/lib/t/deep/er/g', 'g\\n');
    const plan = parsePlan(host.answer({ kind: 'plan', to: 1 }));
    expect(plan).toMatchObject({ kind: 'back', newest: 4, to: 1 });
    if (plan?.kind !== 'back') throw new Error('no plan');
    expect(plan.undone.map(({ number }) => number)).toEqual([2, 3, 4]);
    expect(plan.touched).toEqual(['file:/var/lib/t/tree', 'file:/var/lib/t/f', 'file:/var/lib/t/deep/er/g']);
    const wants = plan.touched.map((each) => each.replace(':', ' '));
    host.arm('b1', wants);
    expect(host.tell('b1', 'revert', '1', '3')).toMatchObject({
      status: 1,
      stderr: 'generation 4 has come meanwhile\n',
    });
    expect(host.tell('b1', 'revert', '1', '4')).toEqual({ status: 0, stdout: 'reverted\n', stderr: '' });
    expect(host.tell('b1', 'confirm').stdout).toBe('confirmed\n');
    expect(host.inside('cd /var/lib/t; find . -type f | sort; cat f; ip route')).toMatch(
      /^\.\/f\n\.\/tree\/x\none\n(?!.*198\.51\.100)/s,
    );
    expect(numbers()).toEqual([1, 2, 3, 4, 5]);
    expect(parsePlan(host.answer({ kind: 'plan', to: 1 }))).toEqual({ kind: 'nothing', newest: 5, to: 1 });
    // The way forward again.
    expect(differences(4, 5).list.filter(({ kind }) => kind === 'file')).toHaveLength(4);
  });

  it('a rollback that nobody confirms is undone', () => {
    host.inside('echo first >/var/lib/t/f');
    write('a1', '/var/lib/t/f', 'one\\n');
    host.arm('b1', ['file /var/lib/t/f']);
    expect(host.tell('b1', 'revert', '0', '1').stdout).toBe('reverted\n');
    expect(host.inside('cat /var/lib/t/f')).toBe('first\n');
    expect(host.tell('b1', 'undo', 'nobody came').stdout).toMatch(/^state=undone\n/);
    expect(host.inside('cat /var/lib/t/f')).toBe('one\n');
    expect(numbers()).toEqual([1]);
  });
});
