// Generations, differences and plans as hosts print them, read and told.
import { describe, expect, it } from 'vitest';
import { parseDifferences } from '../../src/guard/differences.ts';
import { parseGenerations } from '../../src/guard/generations.ts';
import { parsePlan } from '../../src/guard/plan.ts';
import { differencesText } from '../../src/report/differences-text.ts';
import { generationsText } from '../../src/report/generations-text.ts';
import { sayingText } from '../../src/report/guard-status-text.ts';
import { NO_COLOURS } from '../../src/report/paint.ts';
import { planSaying, rollbackSaying } from '../../src/report/rollback-text.ts';

const generation = (number: number, more = '') =>
  `generation=${number}\nid=x\nowner=ann@desk\nplaybook=site.yml\nplay=\nstarted=T\nwindow=60\nconfirmed=T${number}\n${more}`;

const DIFFERENCES = `kernel rules4
<0: from all lookup local
<10: from 192.0.2.1 lookup 7
>0: from all lookup local
differs /etc/a b
from=file -rw-r--r-- 0 0
to=file -rw-r--r-- 0 0
<file /etc/no such line
>kernel none
differs /etc/key
from=file -rw------- 0 0
to=file -rw------- 0 0
hidden=private
differs /etc/new
from=absent
to=link /nowhere
differs /etc/gone
from=file -rw-r--r-- 0 0
to=absent
<old
`;

describe('generations', () => {
  it('are a table, with few of what they touched', () => {
    const touched = 'file /a\nfile /b c\nservice ssh\nservice cron\nsum 1  /a\nsum 2  /b c\n';
    const all = parseGenerations(generation(9, 'file /a\n') + generation(10, touched));
    expect(all.map(({ hash }) => hash)).toEqual(['', expect.stringMatching(/^[0-9a-f]{12}$/)]);
    const text = generationsText(
      all.toReversed().map((each) => ({ ...each, hash: each.hash && 'HASH' })),
      NO_COLOURS,
    );
    expect(text).toBe(`  generation  confirmed  by        playbook  play  hash  touched
          10  T10        ann@desk  site.yml  -     HASH  /a, /b c, service ssh and 1 more
           9  T9         ann@desk  site.yml  -     -     /a`);
  });

  it('have the same hash where they left the same', () => {
    const hashes = ['sum 1  /a\nsum 2  /b\n', 'sum 2  /b\nsum 1  /a\n', 'sum 1  /a\nsum 3  /b\n'].map(
      (sums) => parseGenerations(generation(1, sums))[0]?.hash,
    );
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });
});

describe('differences', () => {
  it('are told with their content, but for what is not for everybody', () => {
    expect(differencesText(parseDifferences(DIFFERENCES), NO_COLOURS)).toBe(`    --- kernel: rules4	before
    +++ kernel: rules4	after
    @@ -1,2 +1,1 @@
     0: from all lookup local
    -10: from 192.0.2.1 lookup 7
    --- /etc/a b	before
    +++ /etc/a b	after
    @@ -1,1 +1,1 @@
    -file /etc/no such line
    +kernel none
    /etc/key: differs, and is not for everybody to read
    /etc/new: is new
    /etc/gone: is gone
    --- /etc/gone	before
    +++ /etc/gone	after
    @@ -1,1 +0,0 @@
    -old`);
  });

  it('since the newest generation are known by name', () => {
    const found = parseDifferences('partial=yes\nchanged /etc/motd\n');
    expect(found).toEqual({ list: [], isPartial: true, changedSince: ['/etc/motd'] });
    expect(differencesText(found, NO_COLOURS)).toBe('    /etc/motd: changed since; what it was is not kept');
  });
});

describe('a rollback', () => {
  const plan = `newest=4\nto=2\n${generation(3, 'file /etc/a b\n')}${generation(4)}touched file /etc/a b\ntouched service ssh\n${DIFFERENCES}`;
  const said = (text: string, mode: 'apply' | 'check' = 'apply') => {
    const parsed = parsePlan(text);
    if (parsed === undefined) return undefined;
    return sayingText('edge-1', planSaying('edge-1', parsed, mode), { paint: NO_COLOURS, hostWidth: 8 });
  };

  it('says what it is going to do', () => {
    const more = `
    undoes 4: ann@desk, site.yml, T4
    undoes 3: ann@desk, site.yml, T3: /etc/a b
    files: /etc/a b, /etc/key, /etc/new (new), /etc/gone (gone)
    kernel: rules4`;
    expect(said(plan)).toBe(`edge-1    going back    to how it was after generation 2${more}`);
    expect(said(plan, 'check')).toBe(`edge-1    would change  to how it was after generation 2${more}`);
  });

  it.each([
    ['newest=0\n', 'idle          there is no generation to go back from'],
    ['newest=4\nto=4\n', 'idle          nothing has come after generation 4'],
    [
      `newest=4\nto=3\n${generation(4)}touched file /a\n`,
      'idle          it is as it was before generation 4',
    ],
    [
      `newest=4\nto=0\n${generation(4)}touched file /a\n`,
      'idle          it is as it was before generation 1',
    ],
    [
      'newest=4\nto=3\nstate=busy\nowner=ann@desk\nplaybook=p\nstarted=T\nleft=9\nstage=armed\nkeeper=alive\n',
      'pending       ann@desk, p, since T; goes back in 9 s',
    ],
  ])('has nothing to do, or may not: %j', (text, line) => {
    expect(said(text)).toBe(`edge-1    ${line}`);
  });

  it('is not taken for nothing where a service was touched', () => {
    expect(parsePlan(`newest=4\nto=3\n${generation(4)}touched service ssh\n`)).toMatchObject({
      kind: 'back',
    });
    expect(parsePlan('sh: not found\n')).toBeUndefined();
  });

  it('says how it ended', () => {
    const parsed = parsePlan(plan);
    if (parsed?.kind !== 'back') throw new Error('no plan');
    const nothing = { failures: [], differences: [] };
    const end = { kind: 'rolled-back', reason: 'no new connection gets in', at: 'T', ...nothing } as const;
    const texts = [
      rollbackSaying({ kind: 'reverted', generation: 5, ...nothing }, parsed),
      rollbackSaying({ kind: 'reverted', generation: 5, failures: ['x'], differences: ['y'] }, parsed),
      rollbackSaying({ kind: 'undone', message: '', end }, parsed),
      rollbackSaying({ kind: 'undone', message: 'sh died', end }, parsed),
      rollbackSaying({ kind: 'refused', message: 'generation 5 has come meanwhile' }, parsed),
    ].map(({ mood, text, more = [] }) => [mood, text, ...more]);
    expect(texts).toEqual([
      ['notable', 'back to how it was after generation 2, as generation 5'],
      [
        'bad',
        'back to how it was after generation 2, as generation 5',
        'could not be put back: x',
        'not as before: y',
      ],
      ['bad', 'it is as it was before: no new connection gets in'],
      ['bad', 'it is as it was before: sh died'],
      ['bad', 'generation 5 has come meanwhile'],
    ]);
  });
});
