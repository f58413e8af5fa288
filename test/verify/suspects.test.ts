// Who may have changed a host: each rule of the table by itself, from what was seen to who is named, and what is not.
import { expect, it, test } from 'vitest';
import { parseObservation } from '../../src/verify/observation.ts';
import { driftOf, type Finding, suspects } from './support/findings.ts';

const PLAYBOOK = '/srv/site.yml';
/** Our run was confirmed at 1000 s; the host has been up since 500 s. */
const BASE = `now 5000
booted 500
generation 3 1970-01-01T00:16:00Z ann@desk ${PLAYBOOK}
confirmed 3 1970-01-01T00:16:40Z
`;

function named(finding: Finding, seen: string, base = BASE): readonly string[] {
  const drift = driftOf([finding]);
  const { suspicions } = suspects(drift, parseObservation(base + seen), PLAYBOOK);
  return suspicions.map(({ who, evidence, atS }) => `${who} @${atS ?? '-'}: ${evidence}`);
}

const unit = (name: string, activeUs: number) =>
  `unit Id=${name}.service ActiveState=active UnitFileState=enabled ActiveEnterTimestampMonotonic=${activeUs}\n`;
const jump = { lines: ['missing jump -4 nat POSTROUTING -j fairlead-snat-rr'] };
const route = {
  lines: ['missing -4 default via 192.0.2.1 dev isp1 table 20001', 'missing route -4 default'],
};
const rule = { lines: ['missing rule -4 20101 from 192.0.2.11 lookup 20001'] };
const setting = { lines: ['missing setting ipv4/conf/eth0.1/rp_filter 2'] };
const file = { titles: ['/etc/motd'] };

test.each<readonly [string, Finding, string, readonly string[]]>([
  [
    'a firewall that was started later',
    jump,
    unit('netfilter-persistent', 600e6),
    ['netfilter-persistent @1100: it was started then; it loads rules of its own when it starts'],
  ],
  ['not one that was started before', jump, unit('netfilter-persistent', 400e6), []],
  ['not a firewall where a route is missing', rule, unit('netfilter-persistent', 600e6), []],
  [
    'a daemon where there is no systemd',
    jump,
    'process dockerd 1200\n',
    ['dockerd @1200: it was started then; it loads rules of its own when it starts'],
  ],
  [
    'networkd, which may remove what it did not make',
    rule,
    'process systemd-network 700\nnetworkd ManageForeignRoutes=no\n',
    ['systemd-networkd @700: ManageForeignRoutingPolicyRules is not off: it removes what it did not make'],
  ],
  [
    'not where it may not',
    rule,
    'process systemd-network 700\nnetworkd ManageForeignRoutes=no\nnetworkd ManageForeignRoutingPolicyRules=false\n',
    [],
  ],
  [
    'a client that sets routes',
    route,
    'process dhclient 1300\n',
    ['dhclient @1300: it was started then; it sets and removes routes'],
  ],
  [
    'a file that empties everything',
    jump,
    'flush /etc/nftables.conf\n',
    ['whoever loads /etc/nftables.conf @-: it says "flush ruleset", which empties every table'],
  ],
  [
    'a sysctl file, by the very key',
    setting,
    'sets net.ipv4.conf.eth0/1.rp_filter=1 /etc/sysctl.d/99-hardening.conf\nsets net.ipv4.conf.all.rp_filter=1 /etc/sysctl.conf\n',
    ['/etc/sysctl.d/99-hardening.conf @-: it sets net.ipv4.conf.eth0/1.rp_filter = 1'],
  ],
  [
    'who owns a file that was written later',
    file,
    'file 2000 bob /etc/motd\n',
    ['whoever wrote it @2000: /etc/motd was last written then and belongs to bob'],
  ],
  ['not who wrote it before our run did', file, 'file 990 root /etc/motd\n', []],
  [
    'an upgrade of the package whose file it is',
    file,
    'package base-files /etc/motd\nupgraded 3000 base-files\n',
    ['the package base-files @3000: /etc/motd is its file, and it was installed or upgraded then'],
  ],
  [
    'a folder that somebody wrote to',
    file,
    'gone 2500 /etc/motd\n',
    ['whoever removed it @2500: /etc/motd is not there; its folder was last written then'],
  ],
  [
    'a run of another playbook',
    file,
    'generation 4 1970-01-01T00:33:00Z bob@lap /srv/other.yml\nconfirmed 4 1970-01-01T00:33:20Z\n',
    ['a fairlead run by bob@lap @2000: of /srv/other.yml, generation 4'],
  ],
  [
    'the guard, where it went back',
    rule,
    'rolledback 1970-01-01T00:33:20Z rolled back (its timer)\n',
    ["fairlead's guard @2000: rolled back (its timer)"],
  ],
  [
    'what came last is named first',
    file,
    'file 2000 bob /etc/motd\npackage base-files /etc/motd\nupgraded 3000 base-files\n',
    [
      'the package base-files @3000: /etc/motd is its file, and it was installed or upgraded then',
      'whoever wrote it @2000: /etc/motd was last written then and belongs to bob',
    ],
  ],
])('%s', (_what, finding, seen, expected) => {
  expect(named(finding, seen)).toEqual(expected);
});

it('names a reboot after our run where what is gone was in the kernel alone', () => {
  const base = BASE.replace('booted 500', 'booted 4000');
  expect(named({ lines: ['not applied'] }, '', base)).toEqual([
    'a reboot @4000: what is only in the kernel does not outlive it',
  ]);
  expect(named(file, '', base)).toEqual([]);
});

it('claims nothing of a host on which no run of ours is known', () => {
  expect(named({ lines: ['not applied'] }, 'gone 2500 /etc/motd\n', 'now 5000\nbooted 500\n')).toEqual([]);
});

it('knows the last run of the very playbook', () => {
  const seen = parseObservation(
    `${BASE}generation 4 x bob@lap /srv/other.yml\nconfirmed 4 1970-01-01T00:33:20Z\n`,
  );
  expect(suspects(driftOf([file]), seen, PLAYBOOK).lastWanted).toMatchObject({
    number: 3,
    owner: 'ann@desk',
  });
});
