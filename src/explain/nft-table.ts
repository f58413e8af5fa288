// What `nft list table` prints of the tables that are ours, to the same chains. A rule's own words are for nft-rule.ts.
import type { Family } from './address.ts';
import type { BaseChain } from './chain-walk.ts';
import type { ChainRule, Chains } from './netfilter.ts';
import { parseNftRule } from './nft-rule.ts';

export type NftHook = 'prerouting' | 'input' | 'output' | 'postrouting';

export interface NftTable extends Chains {
  readonly bases: readonly { readonly type: string; readonly hook: NftHook; readonly chain: string }[];
}

/** Those of a family; `inet` is both. */
export function parseNftTables(lines: readonly string[], family: Family): readonly NftTable[] {
  const tables: NftTableDraft[] = [];
  let table: NftTableDraft | undefined;
  let chain: string | undefined;
  for (const line of lines.map((each) => each.trim())) {
    const [, of, name] = /^table (\S+) (\S+) \{$/.exec(line) ?? [];
    if (of !== undefined) {
      table = { title: `nft ${name}`, rules: new Map(), drops: new Set(), bases: [] };
      if (of === 'inet' || of === (family === 4 ? 'ip' : 'ip6')) tables.push(table);
    } else if (table === undefined) continue;
    else if (/^chain (\S+) \{$/.test(line)) {
      chain = /^chain (\S+) /.exec(line)?.[1] ?? '';
      table.rules.set(chain, []);
    } else if (line === '}') chain = undefined;
    else if (chain === undefined || line === '') continue;
    else if (line.startsWith('type ')) {
      const [, type = '', hook] = /^type (\S+) hook (prerouting|input|output|postrouting) /.exec(line) ?? [];
      if (hook !== undefined) table.bases.push({ type, hook: hook as NftHook, chain });
      if (/ policy drop;/.test(line)) table.drops.add(chain);
    } else table.rules.get(chain)?.push(...parseNftRule(line, family));
  }
  return tables;
}

interface NftTableDraft {
  readonly title: string;
  readonly rules: Map<string, ChainRule[]>;
  readonly drops: Set<string>;
  readonly bases: NftTable['bases'][number][];
}

/** Where packets enter the table at a hook, by chains of a type. */
export function basesOf(
  chains: NftTable,
  { hook, type }: { readonly hook: NftHook; readonly type: string },
): readonly BaseChain[] {
  return chains.bases
    .filter((base) => base.hook === hook && base.type === type)
    .map((base) => ({ chains, base: base.chain }));
}

/** `ip NAME` of each table with a nat chain in postrouting, out of `nft list chains`. */
export function natTables(lines: readonly string[]): readonly string[] {
  return tablesWith(lines, /^\s*type nat hook postrouting /);
}

/** The same of those that look at what comes in. */
export function doorTables(lines: readonly string[]): readonly string[] {
  return tablesWith(lines, /^\s*type filter hook (?:prerouting|input) /);
}

function tablesWith(lines: readonly string[], chain: RegExp): readonly string[] {
  const found = new Set<string>();
  let table = '';
  for (const line of lines) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    if (chain.test(line)) found.add(table);
  }
  return [...found];
}
