// The iptables-restore format: which chains a file declares, whether all of it is its own, and a table as
// iptables-save prints it, without what changes by itself. Text in, text out; iptables-restore.ts does the rest.

export interface RuleFile {
  /** In the order of the file; a table comes up once. */
  readonly tables: readonly TableRules[];
  readonly problems: readonly RuleProblem[];
}

export interface TableRules {
  readonly table: string;
  readonly chains: readonly ChainRules[];
}

export interface ChainRules {
  readonly name: string;
  /** The number of its `-A` lines. */
  readonly rules: number;
}

export interface RuleProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** Longer names are refused by the kernel's interface (XT_EXTENSION_MAXNAMELEN). */
export const CHAIN_NAME_LIMIT = 28;

export const TABLES: readonly string[] = ['raw', 'mangle', 'nat', 'filter', 'security'];

const BUILT_IN: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

export function isBuiltIn(chain: string): boolean {
  return BUILT_IN.has(chain);
}

/** What is wrong with a chain's name, or undefined. */
export function chainNameProblem(name: string): string | undefined {
  if (name.length > CHAIN_NAME_LIMIT) {
    return `the chain name ${name} has ${name.length} characters, ${CHAIN_NAME_LIMIT} are possible`;
  }
  if (!/^[A-Za-z0-9_.+][A-Za-z0-9_.+:-]*$/.test(name))
    return `${JSON.stringify(name)} cannot be a chain's name`;
  return undefined;
}

/**
 * Reads a file line by line. With `ownChainsOnly` a rule in a chain that the file does not declare is a
 * problem: it would be there once more after each load.
 */
export function readRules(text: string, options: { readonly ownChainsOnly: boolean }): RuleFile {
  const tables: { table: string; chains: { name: string; rules: number }[] }[] = [];
  const problems: RuleProblem[] = [];
  let current: (typeof tables)[number] | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const problem = (message: string) => problems.push({ line: index + 1, message });
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('*')) {
      const table = line.slice(1).trim();
      if (current !== undefined) problem(`the table ${current.table} has no COMMIT before this line`);
      if (!TABLES.includes(table)) problem(`there is no table ${table}`);
      if (tables.some((one) => one.table === table)) problem(`the table ${table} is there twice`);
      current = { table, chains: [] };
      tables.push(current);
    } else if (current === undefined) problem('this line is outside of a table: *TABLE has to come first');
    else if (line === 'COMMIT') current = undefined;
    else if (line.startsWith(':')) {
      const chain = line.slice(1).split(/\s/, 1)[0] ?? '';
      const wrong = chainNameProblem(chain);
      if (wrong !== undefined) problem(wrong);
      if (options.ownChainsOnly && isBuiltIn(chain)) {
        problem(`${chain} is not a chain of its own: its policy would change for everybody`);
      }
      current.chains.push({ name: chain, rules: 0 });
    } else {
      const name = /^(?:\[\d+:\d+\]\s+)?(?:-A|--append)\s+(\S+)/.exec(line)?.[1];
      const chain = current.chains.find((one) => one.name === name);
      if (name === undefined) problem('only -A CHAIN is possible here: other commands do harm when repeated');
      else if (options.ownChainsOnly && isBuiltIn(name)) {
        problem(`${name} is not a chain of its own: the rule would be there once more after each run`);
      } else if (chain !== undefined) chain.rules++;
      else if (options.ownChainsOnly)
        problem(`the chain ${name} is not declared above: write :${name} - [0:0]`);
      else current.chains.push({ name, rules: 1 });
    }
  }
  if (current !== undefined) {
    problems.push({ line: text.split('\n').length, message: `the table ${current.table} has no COMMIT` });
  }
  return { tables, problems };
}

/** Output of iptables-save without counters, comments and COMMIT: equal texts are equal rule sets. */
export function withoutCounters(save: string): string {
  const lines: string[] = [];
  for (const raw of save.split('\n')) {
    const line = raw.trimEnd();
    if (line === '' || line.startsWith('#') || line === 'COMMIT') continue;
    lines.push(line.replace(/\s*\[\d+:\d+\]\s*/, line.startsWith('[') ? '' : ' ').trimEnd());
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** The number of rules that such a text has in a chain of a table; undefined: the chain is not there. */
export function ruleCount(rules: string, table: string, chain: string): number | undefined {
  let inTable = false;
  let count: number | undefined;
  for (const line of rules.split('\n')) {
    if (line.startsWith('*')) inTable = line === `*${table}`;
    else if (inTable && line.startsWith(`:${chain} `)) count ??= 0;
    else if (inTable && line.startsWith(`-A ${chain} `)) count = (count ?? 0) + 1;
  }
  return count;
}
