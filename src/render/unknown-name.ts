// What to say about a name that nothing stands behind: in templates and conditions alike.
import { didYouMean } from '../diagnostic.ts';
import { describe, type Names, type Shape } from './shape.ts';

export interface Unknown {
  readonly detail: string;
  readonly hint: string | undefined;
}

export function unknownVariable(name: string, names: Names): Unknown {
  if (name === 'facts') {
    return { detail: 'the play gathers no facts', hint: 'take "gather_facts: false" out of the play' };
  }
  const fact = ANSIBLE_FACTS.get(name);
  if (fact !== undefined) return { detail: `"${name}" is Ansible's name`, hint: `write ${fact}` };
  const why = names.whyUnknown?.(name);
  if (why !== undefined) return { detail: why, hint: 'start there, or before it' };
  return {
    detail: `"${name}" is no variable, fact or registered result here`,
    hint: didYouMean(name, names.names()),
  };
}

/** `known`: the keys that the owner has. */
export function unknownKey(owner: string, shape: Shape, key: string, known: readonly string[]): Unknown {
  const hint = didYouMean(key, known);
  if (known.length > 0) return { detail: `${owner} has ${listed(known)}, not "${key}"`, hint };
  const what = shape.kind === 'known' ? describe(shape.value) : 'a mapping';
  return { detail: `${owner} is ${what}, it has nothing named "${key}"`, hint };
}

const MAX_LISTED = 12;

function listed(names: readonly string[]): string {
  if (names.length <= MAX_LISTED) return names.join(', ');
  return `${names.slice(0, MAX_LISTED).join(', ')} and ${names.length - MAX_LISTED} more`;
}

/** Ansible's names of what a host says; docs/variables.md has the same table. */
export const ANSIBLE_FACTS: ReadonlyMap<string, string> = new Map([
  ['ansible_facts', 'facts'],
  ['ansible_architecture', 'facts.architecture'],
  ['ansible_distribution', 'facts.distribution.id'],
  ['ansible_distribution_release', 'facts.distribution.codename'],
  ['ansible_distribution_version', 'facts.distribution.version'],
  ['ansible_hostname', 'facts.hostname'],
  ['ansible_interfaces', 'facts.interfaces'],
  ['ansible_kernel', 'facts.kernel.release'],
  ['ansible_memtotal_mb', 'facts.memory_bytes'],
  ['ansible_nodename', 'facts.hostname'],
  ['ansible_os_family', 'facts.distribution.like'],
  ['ansible_processor_vcpus', 'facts.cpus'],
  ['ansible_service_mgr', 'facts.init'],
  ['ansible_user_id', 'facts.user'],
]);
