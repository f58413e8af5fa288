// Shares as exact fractions: a third of a half is a sixth, and thirds add up to one.

export interface Fraction {
  readonly above: number;
  readonly below: number;
}

export const ONE: Fraction = { above: 1, below: 1 };
export const NONE: Fraction = { above: 0, below: 1 };

/** `share(1, 3)`; a probability such as 0.3333 becomes ten-thousandths. */
export function share(above: number, below: number): Fraction {
  if (Number.isInteger(above)) return reduced(above, below);
  return reduced(Math.round(above * 10_000), below * 10_000);
}

export function plus(a: Fraction, b: Fraction): Fraction {
  return reduced(a.above * b.below + b.above * a.below, a.below * b.below);
}

export function times(a: Fraction, b: Fraction): Fraction {
  return reduced(a.above * b.above, a.below * b.below);
}

/** What is left of one. */
export function without(part: Fraction): Fraction {
  return reduced(part.below - part.above, part.below);
}

/** `1/3`, or `all` for one. */
export function fractionText({ above, below }: Fraction): string {
  return above === below ? 'all' : `${above}/${below}`;
}

function reduced(above: number, below: number): Fraction {
  const divisor = gcd(above, below);
  return { above: above / divisor, below: below / divisor };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a || 1 : gcd(b, a % b);
}
