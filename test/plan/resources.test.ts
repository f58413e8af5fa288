import { expect, test } from 'vitest';
import type { Resource } from '../../src/modules/module.ts';
import { normalized, overlap } from '../../src/plan/resources.ts';

test.each<[Resource, Resource, boolean]>([
  ['file:/etc/x', 'file:/etc/x', true],
  ['file:/etc/x', 'file:/etc/x/y', true],
  ['file:/etc/x', 'file:/etc/x/y/z', true],
  ['file:/etc/x', 'file:/etc/xy', false],
  ['file:/etc/x', 'file:/etc/y', false],
  ['file:/', 'file:/etc', true],
  ['file:/etc/x/', 'file:/etc/x', true],
  ['file:/etc//x/../y', 'file:/etc/y/z', true],
  ['service:x', 'service:x', true],
  ['service:x', 'service:xy', false],
  ['service:x', 'file:x', false],
  ['netfilter', 'netfilter', true],
  ['netfilter', 'routing', false],
  ['*', 'routing', true],
  ['*', '*', true],
])('%s and %s: %s', (one, other, expected) => {
  const [a, b] = [normalized([one]), normalized([other])];
  expect(overlap(a, b)).toBe(expected);
  expect(overlap(b, a)).toBe(expected);
  expect(overlap(['package', ...a], ['sysctl:a', ...b])).toBe(expected);
});

test('nothing overlaps with nothing', () => {
  expect(overlap([], ['*'])).toBe(false);
  expect(overlap(['*'], [])).toBe(false);
});
