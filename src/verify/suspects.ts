// Who may have changed a host behind our back: a table of small rules, each from what was seen to a suspicion with its
// evidence. None claims more than was seen: that something happened after the host was last known to be as wanted.
import type { HostAudit } from './audit.ts';
import { FILTERING, type Observation, type Topics } from './observation.ts';

/** Whoever may have done it, and what speaks for it. */
export interface Suspicion {
  /** `netfilter-persistent`, for one. */
  readonly who: string;
  readonly evidence: string;
  /** By the host's clock, seconds since 1970, where there is a time to it. */
  readonly atS?: number;
}

/** What a finding is about. */
export interface Drift {
  readonly filters: boolean;
  readonly routing: boolean;
  readonly addresses: boolean;
  readonly notApplied: boolean;
  readonly files: readonly string[];
  /** As in sysctl files. */
  readonly settings: readonly string[];
}

export interface Told {
  /** The last change of ours that was confirmed there. Undefined: none is known. */
  readonly lastWanted: Observation['generations'][number] | undefined;
  /** The latest first. */
  readonly suspicions: readonly Suspicion[];
}

export function driftOf({ findings }: Pick<HostAudit, 'findings'>): Drift {
  const lines = findings.flatMap(({ lines: own, message }) => [...own, message]);
  const about = (pattern: RegExp) => lines.some((line) => pattern.test(line));
  const titles = findings.flatMap(({ diffs }) => diffs.map(({ title }) => title));
  const isOf = (...names: readonly string[]) => findings.some(({ task }) => names.includes(task.module));
  return {
    filters: about(/^(missing|changed|surplus) (chain|jump|table)\b/) || isOf('iptables_restore', 'ipset'),
    routing:
      about(/^(missing|changed|surplus) (-[46] )?(rule|route)\b/) ||
      about(/not ours, in our priorities/) ||
      isOf('ip_route', 'ip_rule'),
    addresses: about(/^missing address\b|: \S+ is not on /) || isOf('ip_address'),
    notApplied: about(/^not applied$/),
    files: [...new Set([...titles.filter((title) => title.startsWith('/')), ...lines.flatMap(writtenPaths)])],
    settings: [...new Set([...lines.flatMap(settingOf), ...titles.flatMap(settingTitle)])],
  };
}

export function topicsOf({ files, settings }: Drift): Topics {
  return { files: files.filter((path) => !path.includes('\n')), settings };
}

type Rule = (
  drift: Drift,
  seen: Observation,
  sinceS: number,
  playbook: string,
) => readonly (Suspicion | undefined)[];

/** `playbook`: that the host is compared with. */
export function suspects(drift: Drift, seen: Observation, playbook: string): Told {
  const lastWanted = seen.generations.findLast((each) => each.playbook === playbook);
  const sinceS = lastWanted?.confirmedS ?? 0;
  const suspicions = RULES.flatMap((rule) => rule(drift, seen, sinceS, playbook))
    .filter((each) => each !== undefined)
    .sort((a, b) => (b.atS ?? 0) - (a.atS ?? 0));
  return { lastWanted, suspicions };
}

const ROUTING = ['networking', 'NetworkManager'];

const RULES: readonly Rule[] = [
  otherRuns,
  wayBack,
  reboot,
  services(FILTERING, ({ filters }) => filters, 'it loads rules of its own when it starts'),
  services(ROUTING, ({ routing }) => routing, 'it sets routes of its own when it starts'),
  services(
    ['keepalived', 'dhcpcd', 'NetworkManager'],
    ({ addresses }) => addresses,
    'it sets and removes addresses',
  ),
  services(
    ['systemd-sysctl'],
    ({ settings }) => settings.length > 0,
    'it sets what the sysctl files say when it starts',
  ),
  daemons(['firewalld', 'dockerd'], ({ filters }) => filters, 'it loads rules of its own when it starts'),
  daemons(
    ['dhclient', 'dhcpcd', 'udhcpc', 'bird', 'zebra'],
    ({ routing }) => routing,
    'it sets and removes routes',
  ),
  networkd,
  flushing,
  settingFiles,
  written,
  packages,
];

/** Another playbook, or somebody with an older version of this one: not ours to tell apart, but to name. */
function otherRuns(...[, { generations }, sinceS, playbook]: Parameters<Rule>): ReturnType<Rule> {
  return generations
    .filter((each) => each.playbook !== playbook && each.confirmedS >= sinceS)
    .map(({ owner, playbook: other, number, confirmedS }) => ({
      who: `a fairlead run by ${owner}`,
      evidence: `of ${other}, generation ${number}`,
      atS: confirmedS,
    }));
}

function wayBack(...[, { rolledBack }, sinceS]: Parameters<Rule>): ReturnType<Rule> {
  if (rolledBack === undefined || rolledBack.atS < sinceS) return [];
  return [{ who: "fairlead's guard", evidence: rolledBack.words, atS: rolledBack.atS }];
}

/** What was only live is gone with it. */
function reboot(
  ...[{ notApplied, filters, routing }, { bootedS }, sinceS]: Parameters<Rule>
): ReturnType<Rule> {
  if (!(notApplied || filters || routing) || bootedS <= sinceS || sinceS === 0) return [];
  return [{ who: 'a reboot', evidence: 'what is only in the kernel does not outlive it', atS: bootedS }];
}

function services(names: readonly string[], concerns: (drift: Drift) => boolean, why: string): Rule {
  return (drift, seen, sinceS) =>
    concerns(drift)
      ? seen.services
          .filter(({ name, activeSinceS }) => names.includes(name) && activeSinceS >= sinceS)
          .map(({ name, activeSinceS }) => ({
            who: name,
            evidence: `it was started then; ${why}`,
            atS: activeSinceS,
          }))
      : [];
}

function daemons(names: readonly string[], concerns: (drift: Drift) => boolean, why: string): Rule {
  return (drift, seen, sinceS) =>
    concerns(drift)
      ? seen.processes
          .filter(({ name, sinceS: at }) => names.includes(name) && at >= sinceS)
          .map(({ name, sinceS: at }) => ({ who: name, evidence: `it was started then; ${why}`, atS: at }))
      : [];
}

/** Unless told otherwise it removes rules and routes that it did not make, whenever it starts anew (networkd.conf(5)). */
function networkd(...[{ routing }, seen]: Parameters<Rule>): ReturnType<Rule> {
  const runs = seen.processes.find(({ name }) => name === 'systemd-network');
  if (!routing || runs === undefined) return [];
  const foreign = ['ManageForeignRoutingPolicyRules', 'ManageForeignRoutes'].filter(
    (key) => !/^(no|false|0|off)$/i.test(seen.networkd.get(key) ?? 'yes'),
  );
  if (foreign.length === 0) return [];
  return [
    {
      who: 'systemd-networkd',
      evidence: `${foreign.join(' and ')} ${foreign.length > 1 ? 'are' : 'is'} not off: it removes what it did not make`,
      atS: runs.sinceS,
    },
  ];
}

function flushing(...[{ filters }, { flushes }]: Parameters<Rule>): ReturnType<Rule> {
  if (!filters) return [];
  return flushes.map((file) => ({
    who: `whoever loads ${file}`,
    evidence: 'it says "flush ruleset", which empties every table',
  }));
}

function settingFiles(...[{ settings }, seen]: Parameters<Rule>): ReturnType<Rule> {
  return seen.settings
    .filter(({ key }) => settings.includes(key))
    .map(({ key, value, file }) => ({ who: file, evidence: `it sets ${key} = ${value}` }));
}

/** Not what we have written ourselves; and of what is not there nobody knows that it ever was, unless we know when. */
function written(...[, seen, sinceS]: Parameters<Rule>): ReturnType<Rule> {
  return [
    ...seen.files
      .filter(({ writtenS }) => writtenS > sinceS)
      .map(({ path, writtenS, owner }) => ({
        who: 'whoever wrote it',
        evidence: `${path} was last written then and belongs to ${owner}`,
        atS: writtenS,
      })),
    ...seen.gone
      .filter(({ folderWrittenS }) => sinceS > 0 && folderWrittenS > sinceS)
      .map(({ path, folderWrittenS }) => ({
        who: 'whoever removed it',
        evidence: `${path} is not there; its folder was last written then`,
        atS: folderWrittenS,
      })),
  ];
}

function packages(...[, seen, sinceS]: Parameters<Rule>): ReturnType<Rule> {
  return seen.packages
    .filter(({ upgradedS }) => upgradedS >= sinceS)
    .map(({ name, path, upgradedS }) => ({
      who: `the package ${name}`,
      evidence: `${path} is its file, and it was installed or upgraded then`,
      atS: upgradedS,
    }));
}

/** `write /a, /b, enable at boot` → /a, /b. */
function writtenPaths(line: string): readonly string[] {
  const [, list = ''] = /^write ((?:\/[^\s,]+)(?:, \/[^\s,]+)*)/.exec(line) ?? [];
  return list === '' ? [] : list.split(', ');
}

/** `missing setting ipv4/conf/eth0.1/rp_filter 2` → net.ipv4.conf.eth0/1.rp_filter, as sysctl(8) writes it. */
function settingOf(line: string): readonly string[] {
  const [, path] = /^(?:missing|changed) setting (\S+)/.exec(line) ?? [];
  if (path === undefined) return [];
  return [`net.${path.replace(/[./]/g, (each) => (each === '/' ? '.' : '/'))}`];
}

function settingTitle(title: string): readonly string[] {
  const [, key] = /^(\S+) \(live\)$/.exec(title) ?? [];
  return key === undefined ? [] : [key];
}
