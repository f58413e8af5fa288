// What comes behind -j in what iptables-save prints: the target and its own words, to data.
import type { ClusteripMode } from './cluster/clusterip.ts';
import { MOST_BUCKETS } from './cluster/hash.ts';
import { ALL_BITS, type Condition, type Target } from './netfilter.ts';

export function targetOf(how: 'jump' | 'goto', name: string, words: readonly string[]): Target {
  const option = optionOf(words);
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    case 'MASQUERADE':
      return { kind: 'masquerade' };
    case 'SNAT':
      return { kind: 'snat', slots: [option('--to-source') ?? ''], by: 'turns' };
    case 'DNAT':
    case 'REDIRECT':
      return { kind: 'dnat', text: option('--to-destination') ?? 'the host itself' };
    case 'MARK':
      return { kind: 'set-mark', ...markOf(option('--set-xmark') ?? '0x0/0x0') };
    case 'CONNMARK':
      return connmarkOf(words);
    case 'LOG':
    case 'NFLOG':
    case 'TRACE':
    case 'TCPMSS':
    case 'CHECKSUM':
    case 'CT':
      return { kind: 'continue' };
    default:
      // Targets of the kernel's are in capitals; so may be somebody's chain, which the walk finds by its name.
      return { kind: how, chain: name };
  }
}

/**
 * What CLUSTERIP drops: clients of buckets that are not this host's. Its rule names only those that the host began with;
 * `nodes`, from 1 on, is what it has now.
 */
export function clusteripCondition(
  words: readonly string[],
  nodes: readonly number[] | undefined,
): Condition {
  const option = optionOf(words);
  const [mode, buckets] = [modeOf(option('--hashmode')), Number(option('--total-nodes'))];
  if (mode === undefined || nodes === undefined || !(buckets > 0 && buckets <= MOST_BUCKETS)) {
    return { kind: 'unknown', text: ['CLUSTERIP', ...words].join(' '), not: false };
  }
  const hash = { kind: 'clusterip', mode, seed: Number(option('--hash-init') ?? 0), buckets } as const;
  return { kind: 'hash', hash, buckets: nodes.map((node) => node - 1), not: true };
}

export function markOf(text: string): { readonly value: number; readonly mask: number } {
  const [value, mask = ALL_BITS] = text.split('/');
  return { value: Number(value), mask: Number(mask) };
}

function connmarkOf(words: readonly string[]): Target {
  const option = optionOf(words);
  const set = option('--set-xmark');
  if (set !== undefined) return { kind: 'set-ctmark', ...markOf(set) };
  const nfmask = Number(option('--nfmask') ?? ALL_BITS);
  const ctmask = Number(option('--ctmask') ?? ALL_BITS);
  if (words.includes('--save-mark')) return { kind: 'save-mark', nfmask, ctmask };
  if (words.includes('--restore-mark')) return { kind: 'restore-mark', nfmask, ctmask };
  return { kind: 'unknown', text: `CONNMARK ${words.join(' ')}` };
}

const MODES: readonly ClusteripMode[] = ['sourceip', 'sourceip-sourceport', 'sourceip-sourceport-destport'];

function modeOf(word: string | undefined): ClusteripMode | undefined {
  return MODES.find((mode) => mode === word);
}

function optionOf(words: readonly string[]): (name: string) => string | undefined {
  return (name) => {
    const at = words.indexOf(name);
    return at === -1 ? undefined : words[at + 1];
  };
}
