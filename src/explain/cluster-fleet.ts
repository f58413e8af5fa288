// Several hosts that share an address, asked about one client: which of them answers. Exactly one should.
import { hashKey } from './cluster/hash.ts';
import { type Delivery, verdictOf } from './delivery.ts';
import { hashText } from './delivery-text.ts';
import type { Explanation } from './explanation.ts';

export interface FleetVerdict {
  /** `two-answer` and `unlike` are faults; of `nobody` only who asked all nodes can say that it is one. */
  readonly kind: 'one' | 'nobody' | 'two-answer' | 'unlike' | 'not-known';
  readonly text: string;
}

/** Undefined where fewer than two hosts were asked, or none of them shares out clients. */
export function fleetVerdict(all: readonly Explanation[]): FleetVerdict | undefined {
  const [first] = all;
  const hosts = all.flatMap(({ host, delivery }) => (delivery === undefined ? [] : [{ host, delivery }]));
  const cluster = hosts.flatMap(({ delivery }) => delivery.clusters)[0];
  if (first === undefined || hosts.length < 2 || cluster === undefined) return undefined;
  const { flow } = first;
  const head = `${flow.to.text} for ${flow.from?.text ?? ''}`;
  const unlike = differing(hosts);
  if (unlike !== undefined) return { kind: 'unlike', text: `${head}: ${unlike}` };
  const of = (verdict: ReturnType<typeof verdictOf>): readonly string[] =>
    hosts.filter(({ delivery }) => verdictOf(delivery.share) === verdict).map(({ host }) => host);
  const [yes, no, partly] = [of('yes'), of('no'), of('partly')];
  const bucket = cluster.bucket === undefined ? '' : ` (bucket ${cluster.bucket} of ${cluster.hash.buckets})`;
  const away = all.filter(({ delivery }) => delivery === undefined).map(({ host }) => host);
  const rest = away.length === 0 ? '' : `; ${listText(away)} ${doOrDoes(away)} not have the address`;
  const say = (kind: FleetVerdict['kind'], text: string): FleetVerdict => ({
    kind,
    text: `${head}${bucket}: ${text}${rest}`,
  });
  if (partly.length > 0) return say('not-known', 'which node answers cannot be told from what was given');
  if (yes.length > 1) return say('two-answer', `${listText(yes)} answer, and only one of them should`);
  if (yes.length === 0) return say('nobody', `none of ${listText(no)} answers`);
  return say('one', `${listText(yes)} answers, ${listText(no)} ${doOrDoes(no)} not`);
}

export function isFault(verdict: FleetVerdict | undefined): boolean {
  return verdict?.kind === 'two-answer' || verdict?.kind === 'unlike';
}

/** Hosts that divide clients otherwise than the first one: buckets of one hash say nothing about another's. */
function differing(
  hosts: readonly { readonly host: string; readonly delivery: Delivery }[],
): string | undefined {
  const found = hosts.flatMap(({ host, delivery }) =>
    delivery.clusters.slice(0, 1).map(({ hash }) => ({ host, hash })),
  );
  const [first] = found;
  const other = first && found.find(({ hash }) => hashKey(hash) !== hashKey(first.hash));
  if (first === undefined || other === undefined) return undefined;
  const text = ({ host, hash }: typeof first): string => `${host} by ${hashText(hash)} into ${hash.buckets}`;
  return `the nodes divide clients differently, ${text(first)}, ${text(other)}`;
}

function doOrDoes(names: readonly string[]): string {
  return names.length === 1 ? 'does' : 'do';
}

function listText(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
