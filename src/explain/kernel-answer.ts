// What `ip route get` printed: the kernel's own word on a flow, and what its refusals mean.

import { optionsOf } from './ip-route.ts';
import { MAIN_TABLE, type Names, routeTypeOf, tableOf } from './names.ts';

export type KernelAnswer =
  | {
      readonly kind: 'route';
      readonly type: string;
      readonly via: string | undefined;
      readonly device: string | undefined;
      /** Undefined: not said (BusyBox, and iproute2 before 2019). */
      readonly table: number | undefined;
      readonly source: string | undefined;
      /** A router told the host of a better way: that counts instead of the table. */
      readonly isRedirected: boolean;
      readonly text: string;
    }
  | { readonly kind: 'refused'; readonly error: RefusalName; readonly text: string };

export type RefusalName =
  | 'network-unreachable'
  | 'host-unreachable'
  | 'prohibited'
  | 'invalid'
  | 'wrong-device'
  | 'other';

const REFUSALS: readonly (readonly [string, RefusalName])[] = [
  ['Network is unreachable', 'network-unreachable'],
  ['No route to host', 'host-unreachable'],
  ['Network unreachable', 'network-unreachable'],
  ['Host is unreachable', 'host-unreachable'],
  ['Permission denied', 'prohibited'],
  ['Invalid argument', 'invalid'],
  ['Invalid cross-device link', 'wrong-device'],
  ['Cross-device link', 'wrong-device'],
];

/** Undefined where nothing was said. `tellsTables`: an answer that names no table means main. */
export function parseKernelAnswer(
  lines: readonly string[],
  names: Names,
  { tellsTables }: { readonly tellsTables: boolean },
): KernelAnswer | undefined {
  const text = lines.join(' ').replaceAll('\\', ' ').replace(/\s+/g, ' ').trim();
  if (text === '') return undefined;
  const words = text.split(' ');
  const type = routeTypeOf(words[0] ?? '') ?? 'unicast';
  const { values, flags } = optionsOf(words);
  const refusal = REFUSALS.find(([said]) => text.includes(said));
  if (refusal !== undefined || !values.has('dev'))
    return { kind: 'refused', error: refusal?.[1] ?? 'other', text };
  // IPv6: the route that refuses is printed like any other.
  if (type === 'unreachable') return { kind: 'refused', error: 'host-unreachable', text };
  if (type === 'prohibit') return { kind: 'refused', error: 'prohibited', text };
  if (type === 'blackhole') return { kind: 'refused', error: 'invalid', text };
  const table = values.get('table') ?? (tellsTables ? String(MAIN_TABLE) : undefined);
  return {
    kind: 'route',
    type,
    via: values.get('via'),
    device: values.get('dev'),
    table: table === undefined ? undefined : tableOf(table, names),
    source: values.get('src'),
    isRedirected: flags.has('<redirected>'),
    text,
  };
}
