// What facts will look like before any host has told them, in the words of the name checker.
import { type FactShape, factsShape } from '../host/facts/facts.ts';
import type { Shape } from '../render/shape.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';

/** What the facts of the play's hosts will look like; undefined where it gathers none. */
export function factsShapeOf({ gatherFacts }: ResolvedPlay): Shape | undefined {
  return gatherFacts === 'never' ? undefined : FACTS;
}

/** Of any host. */
export const FACTS: Shape = toShape(factsShape);

function toShape(shape: FactShape): Shape {
  if (shape === 'value') return { kind: 'any' };
  if ('map' in shape) return { kind: 'map', item: toShape(shape.map as FactShape) };
  if ('list' in shape) return { kind: 'list', item: toShape(shape.list as FactShape) };
  return {
    kind: 'record',
    fields: new Map(Object.entries(shape).map(([name, inner]) => [name, toShape(inner)])),
  };
}
