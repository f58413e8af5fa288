// docs/facts.md names every fact, and nothing that is none.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type FactShape, factsShape } from '../../src/host/facts/facts.ts';

const text = readFileSync(new URL('../../docs/facts.md', import.meta.url), 'utf8');

it('docs/facts.md names every fact', () => {
  const words = new Set(text.match(/[a-z_0-9]+/g));
  expect(namesIn(factsShape).filter((name) => !words.has(name))).toEqual([]);
});

it('docs/facts.md names no fact that is not there', () => {
  const known = new Set(namesIn(factsShape));
  const firstNames = [...text.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z_]+)/g)].map(([, name = '']) => name),
  );
  expect(firstNames.length).toBeGreaterThan(10);
  expect(firstNames.filter((name) => !known.has(name))).toEqual([]);
});

function namesIn(shape: FactShape): readonly string[] {
  if (shape === 'value') return [];
  if ('map' in shape) return namesIn(shape.map as FactShape);
  if ('list' in shape) return namesIn(shape.list as FactShape);
  return Object.entries(shape).flatMap(([name, inner]) => [name, ...namesIn(inner)]);
}
