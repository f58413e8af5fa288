// The same work on each host of a pattern, without a playbook: for commands that ask or tell the guard. Connections,
// variables and become are what they are for every play.
import { join } from 'node:path';
import { Slots } from '../apply/slots.ts';
import { Problems } from '../diagnostic.ts';
import type { Become, Host, Program, ProgramOutcome, StepOutput } from '../host/host.ts';
import { readPlaybook } from '../load/playbook.ts';
import { SourceFile } from '../load/source.ts';
import { ArgumentError } from '../modules/module.ts';
import { becomeOf } from '../plan/plan-action.ts';
import type { RunState } from '../resolve/host-scope.ts';
import { DEFAULT_FORKS, hostFactory, type PreparedRun, prepare, type RunOptions } from './run.ts';

/** A host that is connected. */
export interface FleetHost {
  readonly name: string;
  readonly host: Host;
  /** To the same host, without a connection yet. */
  readonly anotherWay: () => Host;
  /** To be root there; undefined: whoever logs in. */
  readonly become: Become | undefined;
}

/** What came of the work on a host. */
export type HostWork<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed' | 'unreachable'; readonly message: string; readonly hint?: string }
  | { readonly kind: 'interrupted' }
  /** Something went wrong elsewhere, and nobody contacted it. */
  | { readonly kind: 'not-started' };

export interface FleetOrder<T> {
  readonly pattern: string;
  readonly options: RunOptions;
  readonly signal: AbortSignal;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
  /** `stop`: no further host is begun once the work on one has not been done as `isGood` wants it. */
  readonly onTrouble: 'go-on' | 'stop';
  readonly isGood?: (value: T) => boolean;
  /** Takes part where this says so; undefined: all do. */
  readonly takesPart?: (host: string) => boolean;
  /** Told who takes part, before anybody is contacted. */
  readonly begun?: (hosts: readonly string[]) => void;
  /** Told of each host as it is through. */
  readonly told?: (host: string, came: HostWork<T>) => void;
}

/** By host, in the order of the inventory. Throws a DiagnosticError where the pattern or the inventory is wrong. */
export async function onFleet<T>(
  order: FleetOrder<T>,
  work: (host: FleetHost) => Promise<HostWork<T>>,
): Promise<ReadonlyMap<string, HostWork<T>>> {
  const { pattern, options, signal, onTrouble, isGood = () => true, takesPart = () => true, told } = order;
  const prepared = preparePattern(pattern, options);
  const hosts = prepared.plays.flatMap(({ play }) => play.hosts).filter(takesPart);
  order.begun?.(hosts);
  const hostFor = hostFactory(prepared, order);
  const slots = new Slots(options.forks ?? DEFAULT_FORKS);
  let isStopped = false;
  const each = async (name: string): Promise<HostWork<T>> => {
    if (signal.aborted) return { kind: 'interrupted' };
    if (isStopped) return { kind: 'not-started' };
    const host = hostFor(name);
    try {
      const connected = await host.connect();
      if (connected.kind === 'unreachable')
        return connected.reason === 'interrupted' ? { kind: 'interrupted' } : connected;
      return await work({
        name,
        host,
        anotherWay: () => hostFor(name),
        become: rootOn(name, prepared),
      });
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      return { kind: 'failed', message: error.message };
    } finally {
      await host.close();
    }
  };
  const outcomes = await Promise.all(
    hosts.map((name) =>
      slots.use(async () => {
        const came = await each(name);
        const isFine = came.kind === 'done' && isGood(came.value);
        if (onTrouble === 'stop' && !isFine) isStopped = true;
        told?.(name, came);
        return [name, came] as const;
      }),
    ),
  );
  return new Map(outcomes);
}

/** Runs a program of one step as root. Its output, whatever its status. */
export async function runAsRoot(
  { host, become }: FleetHost,
  program: Program,
): Promise<HostWork<StepOutput>> {
  return outputOf(await host.run(program, become === undefined ? {} : { become }), program);
}

function outputOf(outcome: ProgramOutcome, { steps: [first] }: Program): HostWork<StepOutput> {
  switch (outcome.kind) {
    case 'finished': {
      const step = outcome.steps.get(first?.id ?? '');
      if (step?.kind === 'exited') return { kind: 'done', value: step };
      return { kind: 'failed', message: 'nothing was run' };
    }
    case 'lost':
      return outcome.reason === 'interrupted'
        ? { kind: 'interrupted' }
        : { kind: 'failed', message: outcome.message };
    case 'refused':
      return { ...outcome, kind: 'failed' };
    default:
      return { kind: 'failed', message: 'nothing was run' };
  }
}

/** The exit status: 130 interrupted, 1 something went wrong on some host, else 0. */
export function fleetStatus<T>(
  outcomes: ReadonlyMap<string, HostWork<T>>,
  isGood: (value: T) => boolean = () => true,
): number {
  const all = [...outcomes.values()];
  if (all.some(({ kind }) => kind === 'interrupted')) return 130;
  return all.every((came) => came.kind === 'done' && isGood(came.value)) ? 0 : 1;
}

/** A play of no tasks has everything that says how to reach its hosts. */
function preparePattern(pattern: string, options: RunOptions): PreparedRun {
  const problems = new Problems();
  const play = { hosts: pattern, gather_facts: false };
  const source = new SourceFile('command line', JSON.stringify([play], undefined, 1));
  return prepare(readPlaybook(source, problems), join(process.cwd(), 'command-line.yml'), options, problems);
}

/** To be root on a host of the first play, where its variables or the play say how; undefined: whoever logs in. */
export function rootOn(name: string, { plays: [first] }: PreparedRun): Become | undefined {
  if (first === undefined) return undefined;
  const nothing: RunState = { facts: undefined, results: new Map(), pending: new Set() };
  const become = becomeOf(first.play, first.scopes.scope(name, undefined, nothing));
  return become === undefined ? undefined : { ...become, user: 'root' };
}
