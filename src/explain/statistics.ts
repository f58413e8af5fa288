// Whether a split is what the weights promise, or not by chance: Pearson's chi-square at p = 0.001.

export interface Share {
  readonly observed: number;
  readonly weight: number;
}

export interface ChiSquare {
  readonly value: number;
  readonly degrees: number;
  /** A fair split is above it once in a thousand times. */
  readonly bound: number;
  /** `too-few`: some link expects fewer than five, where the test says nothing. */
  readonly verdict: 'within-chance' | 'not-by-chance' | 'too-few';
}

/** Undefined with fewer than two links that expect anything. */
export function chiSquare(shares: readonly Share[]): ChiSquare | undefined {
  const expecting = shares.filter(({ weight }) => weight > 0);
  if (expecting.length < 2) return undefined;
  const total = shares.reduce((sum, { observed }) => sum + observed, 0);
  const weights = expecting.reduce((sum, { weight }) => sum + weight, 0);
  const expected = (weight: number): number => (total * weight) / weights;
  const value = expecting.reduce(
    (sum, { observed, weight }) => sum + (observed - expected(weight)) ** 2 / expected(weight),
    0,
  );
  const degrees = expecting.length - 1;
  const bound = chiSquareBound(degrees);
  const strays = shares.some(({ observed, weight }) => weight === 0 && observed > 0);
  const isTooFew = expecting.some(({ weight }) => expected(weight) < 5);
  if (strays) return { value, degrees, bound, verdict: 'not-by-chance' };
  const verdict = value > bound ? 'not-by-chance' : 'within-chance';
  return { value, degrees, bound, verdict: isTooFew ? 'too-few' : verdict };
}

/** Quantiles of chi-square at 0.999, for 1 to 10 degrees of freedom. */
const BOUNDS = [10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322, 26.124, 27.877, 29.588];

/** Of the normal distribution at 0.999. */
const NORMAL_QUANTILE = 3.0902;

export function chiSquareBound(degrees: number): number {
  const exact = BOUNDS[degrees - 1];
  if (exact !== undefined) return exact;
  const part = 2 / (9 * degrees); // Wilson and Hilferty, 1931
  return degrees * (1 - part + NORMAL_QUANTILE * Math.sqrt(part)) ** 3;
}
