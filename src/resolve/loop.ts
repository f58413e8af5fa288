// What a task loops over, in all the ways to say it: loop and Ansible's with_…; and what tasks can ask of the item that
// they are at.
import type { Problems } from '../diagnostic.ts';
import type { TaskKeys } from '../load/located.ts';
import { ANY, describe, items, known, type Shape } from '../render/shape.ts';
import { ValueTemplate } from '../render/value-template.ts';
import { sequenceOf } from './sequence.ts';

const WORDS = {
  loop: 'list',
  with_list: 'list',
  with_items: 'flattened',
  with_dict: 'mapping',
  with_sequence: 'sequence',
} as const;

export interface Loop {
  /** `flattened`: a list whose items may be lists of items; one item alone is a list of one. */
  readonly kind: (typeof WORDS)[keyof typeof WORDS];
  readonly over: ValueTemplate;
  /** The name of the item: `item` if unsaid. */
  readonly variable: string;
  readonly indexVariable: string | undefined;
  /** What people are told in place of the item. */
  readonly label: ValueTemplate | undefined;
  /** Between items. */
  readonly pauseMs: number;
  /** Whether `ansible_loop` tells more of the loop. */
  readonly isExtended: boolean;
}

interface LoopControl {
  readonly loop_var?: string;
  readonly index_var?: string;
  readonly pause?: number;
  readonly extended?: boolean;
}

/** Undefined where the task does not loop. */
export function loopOf(keys: TaskKeys, problems: Problems): Loop | undefined {
  const words = (Object.keys(WORDS) as (keyof typeof WORDS)[]).filter((word) => keys.get(word) !== undefined);
  const [word, second] = words;
  const over = word && keys.get(word);
  if (word === undefined || over === undefined) return undefined;
  if (second !== undefined) {
    problems.add({
      code: 'key-unknown',
      summary: 'key is not known',
      at: (keys.get(second)?.keyOrigin ?? over.origin).span(),
      details: [`a task loops once, and it has "${word}" already`],
      hint: 'put the inner loop into a file of its own, and include it',
    });
  }
  const control = keys.get<LoopControl>('loop_control')?.value ?? {};
  const label = keys.mapping('loop_control').get('label');
  return {
    kind: WORDS[word],
    over: ValueTemplate.compile(over.value, over.origin, problems),
    variable: control.loop_var ?? 'item',
    indexVariable: control.index_var,
    label: label && ValueTemplate.compile(label.value, label.origin, problems),
    pauseMs: (control.pause ?? 0) * 1000,
    isExtended: control.extended === true,
  };
}

/** The items of a value, or why it has none. */
export function itemsOf(
  { kind }: Pick<Loop, 'kind'>,
  value: unknown,
): readonly unknown[] | { readonly error: string } {
  switch (kind) {
    case 'list':
      return Array.isArray(value)
        ? value
        : { error: `a loop takes a list, and this gives ${describe(value)}` };
    case 'flattened':
      return Array.isArray(value) ? value.flat() : [value];
    case 'mapping':
      return value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.entries(value).map(([key, each]) => ({ key, value: each }))
        : { error: `with_dict takes a mapping, and this gives ${describe(value)}` };
    case 'sequence':
      return sequenceOf(value);
  }
}

/** What is known of the items before the value is. */
export function itemShapes(loop: Loop, shape: Shape): readonly Shape[] | { readonly error: string } {
  if (shape.kind === 'known') {
    const list = itemsOf(loop, shape.value);
    return 'error' in list ? list : list.map(known);
  }
  if (loop.kind === 'list') return items(shape);
  if (loop.kind === 'mapping') {
    return [
      {
        kind: 'record',
        fields: new Map([
          ['key', ANY],
          ['value', ANY],
        ]),
      },
    ];
  }
  return [ANY];
}

/** The names that a task can ask for in its loop. */
export function loopNames({ variable, indexVariable, isExtended }: Loop): readonly string[] {
  return [
    variable,
    'ansible_loop_var',
    ...(indexVariable === undefined ? [] : [indexVariable, 'ansible_index_var']),
    ...(isExtended ? ['ansible_loop'] : []),
  ];
}

/** Their values at one item. */
export function loopValues(loop: Loop, all: readonly unknown[], index: number): ReadonlyMap<string, unknown> {
  const { variable, indexVariable, isExtended } = loop;
  const values = new Map<string, unknown>([
    [variable, all[index]],
    ['ansible_loop_var', variable],
  ]);
  if (indexVariable !== undefined) values.set(indexVariable, index).set('ansible_index_var', indexVariable);
  if (!isExtended) return values;
  return values.set('ansible_loop', {
    allitems: all,
    index: index + 1,
    index0: index,
    revindex: all.length - index,
    revindex0: all.length - index - 1,
    first: index === 0,
    last: index === all.length - 1,
    length: all.length,
    ...(index > 0 && { previtem: all[index - 1] }),
    ...(index < all.length - 1 && { nextitem: all[index + 1] }),
  });
}
