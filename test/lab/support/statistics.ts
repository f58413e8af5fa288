// Whether a split is what the weights say. Pearson's chi-square against its 0.1 % bound: of a thousand honest splits
// one would fail, so tests fix what the kernel's hash is made of (ports, seed).

/** Upper 0.1 % points by degrees of freedom (tables of the chi-square distribution). */
const BOUNDS: Readonly<Record<number, number>> = { 1: 10.83, 2: 13.82, 3: 16.27 };

export interface Split {
  readonly counts: readonly number[];
  readonly weights: readonly number[];
}

export interface Fit {
  readonly chiSquare: number;
  readonly bound: number;
}

export function fitOf({ counts, weights }: Split): Fit {
  const total = sum(counts);
  const chiSquare = sum(
    counts.map((count, at) => {
      const expected = (total * (weights[at] ?? 0)) / sum(weights);
      return (count - expected) ** 2 / expected;
    }),
  );
  return { chiSquare, bound: BOUNDS[counts.length - 1] ?? Number.NaN };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
