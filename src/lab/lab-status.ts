// How a lab is doing, as people want to read it: who is up, who is reachable from the internet on which address,
// and how many packets the providers have thrown away.
import type { HostState } from './events.ts';
import type { Lab } from './lab.ts';
import { bareAddress, type ProviderName } from './plan.ts';
import type { ProbeResult } from './probe.ts';
import type { LabSystem } from './vm/systems.ts';

export interface LabStatus {
  readonly name: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly state: HostState['kind'];
    readonly system: LabSystem;
    readonly managementAddress: string;
    /** Per uplink and address family, in the plan's order. */
    readonly reachable: readonly ProbeResult[];
  }[];
  readonly spoofed: readonly { readonly provider: ProviderName; readonly packets: number }[];
}

/** Probes every address so many times; takes about a probe's time-out where one does not answer. */
export async function labStatus(lab: Lab, count: number): Promise<LabStatus> {
  const addresses = lab.hosts.flatMap((host) =>
    host.links.flatMap((link) => [bareAddress(link.address), bareAddress(link.address6)]),
  );
  const results = await lab.probe({ addresses, count });
  const spoofed = await Promise.all(
    lab.plan.providers.map(async ({ name }) => ({ provider: name, packets: await lab.spoofedPackets(name) })),
  );
  const perHost = addresses.length / lab.hosts.length;
  return {
    name: lab.name,
    hosts: lab.hosts.map((host, at) => ({
      name: host.name,
      state: lab.state(host.name).kind,
      system: host.system,
      managementAddress: host.managementAddress,
      reachable: results.slice(at * perHost, (at + 1) * perHost),
    })),
    spoofed,
  };
}

/** One line per host and address. */
export function statusText(status: LabStatus): string {
  const rows = status.hosts.flatMap((host) =>
    host.reachable.map(({ address, ok, failed }, at) => [
      at === 0 ? host.name : '',
      at === 0 ? host.system : '',
      at === 0 ? STATE_WORDS[host.state] : '',
      at === 0 ? host.managementAddress : '',
      address,
      `${ok} of ${ok + failed}`,
    ]),
  );
  const spoofed = status.spoofed.map(({ provider, packets }) => `${provider} ${packets}`).join(', ');
  return [
    `lab ${status.name}`,
    ...table([['host', 'system', 'state', 'management', 'uplink', 'answered'], ...rows]),
    `dropped as spoofed: ${spoofed}`,
    '',
  ].join('\n');
}

const STATE_WORDS: Readonly<Record<HostState['kind'], string>> = {
  unborn: 'off',
  boot: 'booting',
  ready: 'up',
  degraded: 'degraded',
  off: 'off',
  failed: 'failed',
};

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}
