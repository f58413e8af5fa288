// What a host says of its guard, read and told.
import { describe, expect, it } from 'vitest';
import { parseStatus } from '../../src/guard/status.ts';
import { sayingText, statusSaying } from '../../src/report/guard-status-text.ts';
import { NO_COLOURS } from '../../src/report/paint.ts';

const ABOUT = 'id=5ec2e7\nowner=ann@desk\nplaybook=site.yml\nplay=edge\nstarted=T\nwindow=60\n';
const pending = (left: number | 'rebooted', stage: string, keeper = '') =>
  `state=busy\n${ABOUT}left=${left}\nstage=${stage}\n${keeper}newest=3\n`;
const KEPT = 'keeper=alive\n';
const WHAT = 'what ann@desk changed with site.yml at T';
const CURE = '\n    hint: fairlead guard cancel edge-1';

function told(text: string): string {
  const status = parseStatus(text);
  if (status === undefined) return 'nothing';
  return sayingText('edge-1', statusSaying('edge-1', status), { paint: NO_COLOURS, hostWidth: 8 });
}

describe('a host that says', () => {
  it.each([
    ['state=none\nnewest=0\n', 'idle          nothing is pending'],
    ['state=removed\n', 'removed       the guard, its boot hook and its history'],
    [`${ABOUT}confirmed\n`, `confirmed     ${WHAT} stays`],
    [pending(42, 'armed', KEPT), 'pending       ann@desk, site.yml, since T; goes back in 42 s'],
    [pending(3725, 'armed', KEPT), 'pending       ann@desk, site.yml, since T; goes back in 1 h 2 min'],
    [pending(-1, 'armed', KEPT), `going back    ${WHAT}`],
    [pending(-1, 'undoing', KEPT), `going back    ${WHAT}`],
    [pending(9, 'armed'), `stuck         ${WHAT} is to go back in 9 s, and its timer is dead${CURE}`],
    [
      pending(-90, 'armed'),
      `stuck         ${WHAT} should have gone back 1 min 30 s ago, and its timer is dead${CURE}`,
    ],
    [
      pending('rebooted', 'armed'),
      `stuck         ${WHAT} was pending when the host went down, and did not go back when it came up${CURE}`,
    ],
    [pending(9, 'undoing'), `stuck         ${WHAT} was going back when that was cut short${CURE}`],
    [pending(9, 'confirmed'), `unfinished    ${WHAT} is confirmed, and still pending${CURE}`],
    [pending(9, 'undone', KEPT), `unfinished    ${WHAT} is undone, and still pending${CURE}`],
    [pending('rebooted', 'gone'), `stuck         a transaction is pending of which nothing is left${CURE}`],
    [
      `state=undone\n${ABOUT}reason=its time was up\nat=T2\nfailed ip route: no\ndiffers rules4: missing x\nnewest=3\n`,
      `rolled back   at T2, because its time was up\n    ${WHAT}\n    could not be put back: ip route: no\n    not as before: rules4: missing x`,
    ],
  ])('%j', (text, line) => {
    expect(told(text)).toBe(`edge-1    ${line}`);
  });

  it('something else says nothing', () => {
    expect(['', 'sh: not found\n', 'state=dreaming\n'].map(told)).toEqual(['nothing', 'nothing', 'nothing']);
  });

  it('control characters shows them', () => {
    expect(told(`${ABOUT.replace('site.yml', '\u001b[2J')}confirmed\n`)).toContain('with \\x1b[2J at');
  });
});
