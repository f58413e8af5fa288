// `hostvars`: the variables of every host, as the others see them. Nothing is worked out before somebody asks for a name
// of a host; what a host said or the run computed is data here, too, and is never a template.
import { LazyMap, type LazySource, lazyMapping } from '../render/lazy-mapping.ts';
import { NotYetError, type Shape } from '../render/shape.ts';
import type { HostScope } from './host-scope.ts';

/** The name that stands for all of it. */
export const HOSTVARS = 'hostvars';

/** Names whose value tells of the inventory, which tasks may add to. */
export const GROWING_NAMES: readonly string[] = ['groups', 'group_names', HOSTVARS];

/** All hosts there are at this moment, and what each shows to the others. */
export interface SeenHosts {
  names(): Iterable<string>;
  has(host: string): boolean;
  scope(host: string): HostScope;
}

/** What is known of `hostvars`; its values can be asked for, too. */
export function hostVarsShape(hosts: SeenHosts): Shape {
  const source = (convert: (scope: HostScope) => unknown): LazySource => ({
    keys: () => hosts.names(),
    has: (host) => hosts.has(host),
    get: (host) => convert(hosts.scope(host)),
  });
  return {
    kind: 'record',
    fields: new LazyMap(source(ofOneHost), (shape) => shape as Shape),
    values: lazyMapping(source((scope) => lazyMapping(namesOf(scope, (name) => valueSeen(scope, name))))),
  };
}

function ofOneHost(scope: HostScope): Shape {
  const shapeOf = (name: string): Shape | undefined => scope.shape(name);
  return { kind: 'record', fields: new LazyMap(namesOf(scope, shapeOf), (shape) => shape as Shape) };
}

function namesOf(scope: HostScope, get: (name: string) => unknown): LazySource {
  return {
    *keys() {
      for (const name of scope.names()) if (name !== HOSTVARS) yield name;
    },
    has: (name) => name !== HOSTVARS && scope.shape(name) !== undefined,
    get,
  };
}

function valueSeen(scope: HostScope, name: string): unknown {
  if (scope.isPending([name])) throw new NotYetError(name);
  return scope.get(name);
}
