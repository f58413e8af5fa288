// Lists of conditions of a task, asked all together.
import type { Values } from '../render/shape.ts';
import type { Test } from '../resolve/inherited.ts';

export function allHold(tests: readonly Test[], values: Values): boolean {
  return tests.every((test) => (typeof test === 'boolean' ? test : test.holds(values)));
}

export function textOf(tests: readonly Test[]): string {
  return tests.map((test) => (typeof test === 'boolean' ? String(test) : test.text)).join(' && ');
}
