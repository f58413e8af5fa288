// What the steps of a walk are called by people. Facts only; where they stand on the screen is for explain-text.ts.

import { unreachable } from '../unreachable.ts';
import { nexthopText, routeText } from './ip-route.ts';
import { type Names, tableText } from './names.ts';
import type { Came, Outcome } from './walk.ts';

export function cameText(came: Came): string {
  switch (came.kind) {
    case 'no-match':
      return `no: ${came.why}`;
    case 'unknown':
      return `not judged: ${came.why}`;
    case 'jumped':
      return `yes: on to rule ${came.priority}`;
    case 'passed':
      return 'does nothing';
    case 'missed':
      return came.dead.length === 0
        ? 'no route to it in there'
        : `its route is dead: ${came.dead.map(routeText).join(', ')}`;
    case 'thrown':
      return `${routeText(came.route)}: on to the next rule`;
    case 'suppressed': {
      const { length } = came.route.destination;
      return length === 0
        ? 'only its default would match: suppressed'
        : `only ${routeText(came.route)}: suppressed`;
    }
    case 'found':
      return routeText(came.found.route);
    case 'refused':
      return came.by === 'rule' ? `refuses: ${came.how}` : `its route refuses: ${came.how}`;
    default:
      return unreachable(came);
  }
}

/** `via 203.0.113.1 dev isp2`; all of them where the flow's hash decides. */
export function outcomeText(outcome: Outcome, names: Names): string {
  if (outcome.kind === 'nothing') return 'nowhere: no rule leads to a route';
  if (outcome.kind === 'refused') return `refused: ${outcome.how}`;
  const { route, nexthops } = outcome.found;
  if (route.type === 'local') return 'to the host itself';
  const kind = route.type === 'unicast' ? '' : `${route.type} `;
  const total = nexthops.reduce((sum, { weight }) => sum + weight, 0);
  const ways = nexthops.map((each) =>
    nexthops.length === 1 ? nexthopText(each) : `${nexthopText(each)} (${each.weight} of ${total})`,
  );
  const by = `table ${tableText(outcome.table, names)}`;
  if (ways.length === 0) return `${kind}by ${by}; ip does not say by which nexthop`;
  return `${kind}${ways.length > 1 ? 'one of ' : ''}${ways.join(', ')}, by ${by}`;
}
