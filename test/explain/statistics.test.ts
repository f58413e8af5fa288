import { describe, expect, test } from 'vitest';
import { fractionText, plus, share, times, without } from '../../src/explain/fraction.ts';
import { chiSquare, chiSquareBound } from '../../src/explain/statistics.ts';

const shares = (observed: readonly number[], weights: readonly number[]) =>
  observed.map((each, at) => ({ observed: each, weight: weights[at] ?? 0 }));

describe('chi-square', () => {
  test('1469 of 2000 at 3:1 is 2.56: within chance', () => {
    const found = chiSquare(shares([1469, 531], [3, 1]));
    expect(found).toMatchObject({ degrees: 1, verdict: 'within-chance' });
    expect(found?.value).toBeCloseTo(2.56, 2);
  });

  test('of 200 lookups at 1:1, 77 to 123 are within chance and 76 are not', () => {
    const verdict = (observed: number) => chiSquare(shares([observed, 200 - observed], [1, 1]))?.verdict;
    expect([76, 77, 123, 124].map(verdict)).toEqual([
      'not-by-chance',
      'within-chance',
      'within-chance',
      'not-by-chance',
    ]);
  });

  test.each([
    [1, 10.83],
    [2, 13.82],
    [3, 16.27],
    [4, 18.47],
    [7, 24.32],
  ])('df %i: the bound is %f', (degrees, bound) => {
    expect(chiSquareBound(degrees)).toBeCloseTo(bound, 2);
  });

  test('more links than the table has: Wilson and Hilferty (exact: 31.264, 45.315, 73.402)', () => {
    expect(Math.abs(chiSquareBound(11) - 31.264)).toBeLessThan(0.2);
    expect(Math.abs(chiSquareBound(20) - 45.315)).toBeLessThan(0.2);
    expect(Math.abs(chiSquareBound(40) - 73.402)).toBeLessThan(0.2);
  });

  test('less than five expected somewhere: nothing can be told', () => {
    expect(chiSquare(shares([9, 1], [4, 1]))?.verdict).toBe('too-few');
  });

  test('what goes by a link that nobody expected is not by chance', () => {
    expect(chiSquare(shares([500, 500, 1], [1, 1, 0]))?.verdict).toBe('not-by-chance');
  });

  test('one link has nothing to compare', () => {
    expect(chiSquare(shares([1000], [1]))).toBeUndefined();
  });
});

test('fractions stay exact', () => {
  const third = share(1, 3);
  const half = share(1, 2);
  expect(fractionText(times(without(third), half))).toBe('1/3');
  expect(fractionText(plus(third, plus(third, third)))).toBe('all');
  expect(fractionText(share(0.25, 1))).toBe('1/4');
});
