// The rules one after the other, as the kernel asks them (fib_rules_lookup in net/core/fib_rules.c), with what each of
// them came to. The kernel's own answer is compared with this in agreement.ts.
import type { IpRoute, Nexthop } from './ip-route.ts';
import type { IpRule } from './ip-rule.ts';
import type { Packet } from './packet.ts';
import { matchRule } from './rule-match.ts';
import { type Lookup, lookUp } from './table-lookup.ts';

export interface Step {
  readonly rule: IpRule;
  readonly came: Came;
}

/** What a rule came to. All but `found` and `refused` lead on. */
export type Came =
  | { readonly kind: 'no-match'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'jumped'; readonly priority: number }
  /** nop, or a goto whose target is not there. */
  | { readonly kind: 'passed' }
  | { readonly kind: 'missed'; readonly dead: readonly IpRoute[] }
  | { readonly kind: 'thrown'; readonly route: IpRoute }
  | { readonly kind: 'suppressed'; readonly route: IpRoute }
  | { readonly kind: 'found'; readonly found: Found }
  | {
      readonly kind: 'refused';
      readonly by: 'rule' | 'route';
      readonly how: string;
      readonly alternatives: readonly IpRoute[];
    };

export type Found = Extract<Lookup, { kind: 'found' }>;

export type Outcome =
  | { readonly kind: 'route'; readonly rule: IpRule; readonly table: number; readonly found: Found }
  | {
      readonly kind: 'refused';
      readonly rule: IpRule;
      readonly how: string;
      /** Routes that the kernel may take in place of the one that refuses. */
      readonly alternatives: readonly IpRoute[];
    }
  /** No rule led anywhere: the network is unreachable. */
  | { readonly kind: 'nothing' };

export interface Walk {
  readonly packet: Packet;
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  /** A rule on the way could not be judged, so the kernel may have left earlier. */
  readonly isUncertain: boolean;
}

export interface Tables {
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  readonly ignoresLinkDown: (device: string) => boolean;
}

export function walk({ rules, routes, ignoresLinkDown }: Tables, packet: Packet): Walk {
  const steps: Step[] = [];
  let outcome: Outcome = { kind: 'nothing' };
  for (let at = 0; at < rules.length; at += 1) {
    const rule = rules[at];
    if (rule === undefined) break;
    const came = ask(rule, packet, (table) =>
      lookUp(
        routes.filter((route) => route.table === table),
        packet,
        ignoresLinkDown,
      ),
    );
    const target = came.kind === 'jumped' ? targetOf(rules, at, came.priority) : undefined;
    steps.push({ rule, came: came.kind === 'jumped' && target === undefined ? { kind: 'passed' } : came });
    if (target !== undefined) at = target - 1;
    if (came.kind === 'refused') {
      outcome = { kind: 'refused', rule, how: came.how, alternatives: came.alternatives };
    }
    if (came.kind === 'found' && rule.action.kind === 'lookup') {
      outcome = { kind: 'route', rule, table: rule.action.table, found: came.found };
    }
    if (outcome.kind !== 'nothing') break;
  }
  return { packet, steps, outcome, isUncertain: steps.some(({ came }) => came.kind === 'unknown') };
}

/** What the flow may go by; empty where it goes nowhere, or ip does not say. */
export function nexthopsOf(outcome: Outcome): readonly Nexthop[] {
  return outcome.kind === 'route' ? outcome.found.nexthops : [];
}

function ask(rule: IpRule, packet: Packet, look: (table: number) => Lookup): Came {
  const match = matchRule(rule, packet);
  if (match.kind === 'no') return { kind: 'no-match', why: match.why };
  if (match.kind === 'unknown') return match;
  const { action } = rule;
  switch (action.kind) {
    case 'goto':
      return { kind: 'jumped', priority: action.priority };
    case 'nop':
      return { kind: 'passed' };
    case 'unknown':
      return { kind: 'unknown', why: `"${action.word}" is not known here` };
    case 'lookup':
      return cameOf(rule, look(action.table));
    default:
      return { kind: 'refused', by: 'rule', how: action.kind, alternatives: [] };
  }
}

function cameOf(rule: IpRule, lookup: Lookup): Came {
  switch (lookup.kind) {
    case 'throw':
      return { kind: 'thrown', route: lookup.route };
    case 'missed':
      return lookup;
    case 'refused':
      // What refuses is never suppressed: the kernel asks about prefix lengths only where a route was found.
      return { kind: 'refused', by: 'route', how: lookup.route.type, alternatives: lookup.alternatives };
    case 'found': {
      const { suppressPrefixLength: limit } = rule;
      if (limit !== undefined && lookup.route.destination.length <= limit) {
        return { kind: 'suppressed', route: lookup.route };
      }
      if (rule.suppressGroup !== undefined) {
        return { kind: 'unknown', why: 'the groups of devices are not known here' };
      }
      return { kind: 'found', found: lookup };
    }
  }
}

/** The first rule with that priority behind this one; the kernel never jumps back. */
function targetOf(rules: readonly IpRule[], from: number, priority: number): number | undefined {
  const at = rules.findIndex((rule, index) => index > from && rule.priority === priority);
  return at === -1 ? undefined : at;
}
