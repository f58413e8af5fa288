// Compares hosts with what a playbook wants of them, without changing anything, and asks those that have drifted what
// else may have been at work there.
import { resolve } from 'node:path';
import { type FleetHost, rootOn, runAsRoot } from '../run/fleet-work.ts';
import { hostFactory, type PreparedRun, type RunEnvironment, runPrepared } from '../run/run.ts';
import { Audit, type HostAudit } from './audit.ts';
import { observeProgram, parseObservation } from './observation.ts';
import { driftOf, suspects, type Told, topicsOf } from './suspects.ts';

export interface Verified extends HostAudit {
  /** Undefined where nothing differs, or nobody could be asked about it. */
  readonly told: Told | undefined;
}

/** `prepared` in check mode, with diff and audit. */
export async function verify(
  prepared: PreparedRun,
  playbook: string,
  environment: Pick<RunEnvironment, 'signal' | 'agentSocket'>,
): Promise<readonly Verified[]> {
  // Includes may add to a play's handlers while it runs.
  const handlers = () => prepared.plays.flatMap(({ play }) => play.handlers);
  const audit = new Audit((id) => handlers().some((task) => task.id === id));
  await runPrepared(prepared, { ...environment, emit: (event) => audit.tell(event) });
  return Promise.all(
    audit.hosts().map(async (each) => ({
      ...each,
      told: each.findings.length > 0 ? await askAround(each, { prepared, playbook, environment }) : undefined,
    })),
  );
}

async function askAround(
  audit: HostAudit,
  {
    prepared,
    playbook,
    environment,
  }: {
    readonly prepared: PreparedRun;
    readonly playbook: string;
    readonly environment: Pick<RunEnvironment, 'signal' | 'agentSocket'>;
  },
): Promise<Told | undefined> {
  const { host: name } = audit;
  const hostFor = hostFactory(prepared, environment);
  const host = hostFor(name);
  try {
    const connected = await host.connect();
    if (connected.kind !== 'connected') return undefined;
    const drift = driftOf(audit);
    const asked: FleetHost = {
      name,
      host,
      anotherWay: () => hostFor(name),
      become: rootOn(name, prepared),
    };
    const said = await runAsRoot(asked, observeProgram(topicsOf(drift)));
    if (said.kind !== 'done') return undefined;
    return suspects(drift, parseObservation(said.value.stdout), resolve(playbook));
  } finally {
    await host.close();
  }
}
