// The variables that say how a host is guarded: what has to be reached from it and to it, and who stands in for it.
import type { Diagnostic, Problems, Span } from '../diagnostic.ts';
import { type Probe, parseProbes } from '../guard/probes.ts';
import type { Located } from '../load/located.ts';
import type { HostScope } from '../resolve/host-scope.ts';

export interface GuardVariables {
  readonly probes: readonly Probe[];
  /** Names of hosts; its own may be among them. */
  readonly peers: readonly string[];
}

/** Of one host. `select`: the hosts that a pattern of the inventory names; what is wrong with it is told there. */
export function guardVariables(
  scope: HostScope,
  select: (pattern: string, at: Span) => readonly string[],
  problems: Problems,
): GuardVariables {
  const probes = knownBefore('guard_probes', scope, problems);
  const peers = knownBefore('guard_peers', scope, problems);
  return {
    probes: probes === undefined ? [] : parseProbes(probes, problems),
    peers:
      peers === undefined
        ? []
        : patternsOf(peers, problems).flatMap(({ value, origin }) => select(value, origin.span())),
  };
}

/** The value where it is known before the run, each of its parts with its place. */
function knownBefore(name: string, scope: HostScope, problems: Problems): Located<unknown> | undefined {
  if (!scope.has(name)) return undefined;
  const origin = scope.variable(name)?.origin;
  const shape = scope.shape(name);
  if (origin === undefined) return undefined;
  if (shape?.kind === 'known') return shape.value === null ? undefined : { value: shape.value, origin };
  problems.add(wrong(origin.span(), `${name} depends on what only the host can tell`));
  return undefined;
}

function patternsOf({ value, origin }: Located<unknown>, problems: Problems): readonly Located<string>[] {
  if (typeof value === 'string') return [{ value, origin }];
  if (!Array.isArray(value)) {
    problems.add(wrong(origin.span(), 'guard_peers is a list of hosts and groups'));
    return [];
  }
  return value.flatMap((each: unknown, index): readonly Located<string>[] => {
    const at = origin.child(index);
    if (typeof each === 'string') return [{ value: each, origin: at }];
    problems.add(wrong(at.span(), 'guard_peers is a list of hosts and groups'));
    return [];
  });
}

function wrong(at: Span, detail: string): Diagnostic {
  return { code: 'variable-type', summary: 'guard variable cannot be used', at, details: [detail] };
}
