// What is looked at on a host that has drifted, to tell who may have done it: one read-only program, and what it said.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../host/host.ts';
import { PACKAGE_FOLDER } from '../package.ts';
import { words } from '../shell.ts';

/** Services that put filters of their own in place of what is there. */
export const FILTERING: readonly string[] = [
  'iptables',
  'ip6tables',
  'nftables',
  'netfilter-persistent',
  'firewalld',
  'ufw',
  'shorewall',
  'docker',
];

/** Who changes filters, rules and routes besides us. */
const SERVICES = [
  ...FILTERING,
  'systemd-networkd',
  'systemd-sysctl',
  'networking',
  'NetworkManager',
  'keepalived',
  'dhcpcd',
];
const PROCESSES = [
  'firewalld',
  'dockerd',
  'systemd-network',
  'NetworkManager',
  'keepalived',
  'dhclient',
  'dhcpcd',
  'udhcpc',
  'bird',
  'zebra',
];

/** Times are seconds since 1970 by the host's clock. */
export interface Observation {
  readonly nowS: number;
  readonly bootedS: number;
  /** Active ones, with when they became it. */
  readonly services: readonly { readonly name: string; readonly activeSinceS: number }[];
  readonly processes: readonly { readonly name: string; readonly sinceS: number }[];
  /** Run at boot by SysV or OpenRC, or enabled in systemd. */
  readonly bootServices: readonly string[];
  /** Undefined: systemd-networkd does not run. `ManageForeignRoutes` and its like by what the host says. */
  readonly networkd: ReadonlyMap<string, string>;
  readonly flushes: readonly string[];
  readonly settings: readonly { readonly key: string; readonly value: string; readonly file: string }[];
  readonly files: readonly { readonly path: string; readonly writtenS: number; readonly owner: string }[];
  /** What is not there, and when its folder was last written. */
  readonly gone: readonly { readonly path: string; readonly folderWrittenS: number }[];
  readonly packages: readonly { readonly name: string; readonly path: string; readonly upgradedS: number }[];
  /** Confirmed changes of ours, oldest first. */
  readonly generations: readonly {
    readonly number: number;
    readonly confirmedS: number;
    readonly owner: string;
    readonly playbook: string;
  }[];
  /** The last guarded change that did not stay. */
  readonly rolledBack: { readonly atS: number; readonly words: string } | undefined;
}

/** What is asked about. */
export interface Topics {
  readonly files: readonly string[];
  /** As in sysctl files. */
  readonly settings: readonly string[];
}

export const OBSERVE_STEP = 'observe';

export function observeProgram({ files, settings }: Topics): Program {
  const text = readFileSync(join(PACKAGE_FOLDER, 'templates/verify/observe.sh'), 'utf8');
  const lines = [
    text,
    `SERVICES=${words(SERVICES.join(' '))}`,
    `PROCESSES=${words(PROCESSES.join(' '))}`,
    'observe',
    'observe_filters',
    ...(settings.length > 0 ? [`observe_settings ${words(...settings)}`] : []),
    ...(files.length > 0 ? [`observe_files ${words(...files)}`] : []),
  ];
  const script = `set +eu\n${lines.join('\n')}\nexit 0`;
  return { kind: 'inspect', steps: [{ id: OBSERVE_STEP, script, onFailure: 'stop' }] };
}

/** What it did not say is not there. */
export function parseObservation(text: string): Observation {
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match.slice(1));
  const number = (word: string) => Number(new RegExp(`^${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const bootedS = number('booted');
  const units = all(/^unit (.*)$/gm).map(([line = '']) => unitOf(line));
  const confirmed = new Map(
    all(/^confirmed (\d+) (\S+)$/gm).map(([n, at = '']) => [Number(n), secondsOf(at)]),
  );
  const upgraded = new Map(all(/^upgraded (\d+) (.+)$/gm).map(([at, name = '']) => [name, Number(at)]));
  const [rolledBack] = all(/^rolledback (\S+) (.*)$/gm);
  return {
    nowS: number('now'),
    bootedS,
    services: units
      .filter(({ isActive }) => isActive)
      .map(({ name, activeUs }) => ({ name, activeSinceS: bootedS + Math.floor(activeUs / 1e6) })),
    processes: all(/^process (\S+) (\d+)$/gm).map(([name = '', at]) => ({ name, sinceS: Number(at) })),
    bootServices: [
      ...new Set([
        ...all(/^boots (.+)$/gm).map(([name = '']) => name),
        ...units.filter(({ isEnabled }) => isEnabled).map(({ name }) => name),
      ]),
    ],
    networkd: new Map(all(/^networkd (\w+)=(.*)$/gm).map(([key = '', value = '']) => [key, value.trim()])),
    flushes: all(/^flush (.+)$/gm).map(([file = '']) => file),
    settings: all(/^sets ([^=]+)=(.*) (\/\S+)$/gm).map(([key = '', value = '', file = '']) => ({
      key,
      value,
      file,
    })),
    files: all(/^file (\d+) (\S+) (.+)$/gm).map(([at, owner = '', path = '']) => ({
      path,
      writtenS: Number(at),
      owner,
    })),
    gone: all(/^gone (\d+) +(.+)$/gm).map(([at, path = '']) => ({ path, folderWrittenS: Number(at) })),
    packages: all(/^package (\S+) (.+)$/gm).map(([name = '', path = '']) => ({
      name,
      path,
      upgradedS: upgraded.get(name) ?? 0,
    })),
    generations: all(/^generation (\d+) (\S+) (\S+) (.*)$/gm)
      .map(([n, , owner = '', playbook = '']) => ({
        number: Number(n),
        confirmedS: confirmed.get(Number(n)) ?? 0,
        owner,
        playbook,
      }))
      .sort((a, b) => a.number - b.number),
    rolledBack: rolledBack && { atS: secondsOf(rolledBack[0] ?? ''), words: rolledBack[1] ?? '' },
  };
}

interface Unit {
  readonly name: string;
  readonly isActive: boolean;
  readonly isEnabled: boolean;
  readonly activeUs: number;
}

function unitOf(line: string): Unit {
  const value = (key: string) => new RegExp(`\\b${key}=(\\S*)`).exec(line)?.[1] ?? '';
  return {
    name: value('Id').replace(/\.service$/, ''),
    isActive: value('ActiveState') === 'active',
    isEnabled: value('UnitFileState') === 'enabled',
    activeUs: Number(value('ActiveEnterTimestampMonotonic')) || 0,
  };
}

function secondsOf(iso: string): number {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}
