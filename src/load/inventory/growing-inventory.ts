// An inventory to which a run adds hosts and groups: what the sources say, and on top of it what tasks have added, which
// outlives a refresh. Each state of it is a whole Inventory of its own; one is only made when somebody asks.
import { isDeepStrictEqual } from 'node:util';
import { type Diagnostic, Problems } from '../../diagnostic.ts';
import type { Origin } from '../source.ts';
import { TaggedText } from '../tagged-text.ts';
import type { Vault } from '../vault/vault.ts';
import { InventoryBuilder } from './builder.ts';
import { IMPLICIT_LOCALHOST } from './host-variables.ts';
import { loadInventory, readFolders } from './load-inventory.ts';
import { type Inventory, LOCALHOST_NAMES, type Variable, type VariablesFolder } from './model.ts';
import { namesOfFiles, readVariablesFolder } from './variables-files.ts';

export interface InventorySources {
  /** `-i` arguments. */
  readonly sources: readonly string[];
  readonly playbookFolder: string;
  readonly vault: Vault;
}

/** A host, with what is to be true of it from now on. */
export interface AddedHost {
  readonly kind: 'host';
  readonly host: string;
  readonly groups: readonly string[];
  /** Data: what looks like a template in them is none. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Who adds it. */
  readonly origin: Origin;
}

/** A host that goes into a group, which is a child of others. */
export interface AddedGroup {
  readonly kind: 'group';
  readonly host: string;
  readonly group: string;
  readonly parents: readonly string[];
}

export class GrowingInventory {
  readonly #from: InventorySources;
  readonly #added: (AddedHost | AddedGroup)[] = [];
  #current: Inventory;
  /** Undefined until something is added. */
  #builder: InventoryBuilder | undefined;
  /** Hosts that the builder knows more about than `#current`; `all` where groups are new, too. */
  #news: Set<string> | 'all' = new Set();
  /** What is wrong with files of variables that nobody had to read before. */
  readonly #problems: Diagnostic[] = [];
  readonly #touched = new Set<string>();

  constructor(base: Inventory, from: InventorySources) {
    this.#current = base;
    this.#from = from;
  }

  /** As it is at this moment; another object after each change. */
  get current(): Inventory {
    if (this.#builder === undefined || (this.#news !== 'all' && this.#news.size === 0)) return this.#current;
    const grown = finished(this.#builder, this.#current, this.#news);
    this.#current = { ...grown, folders: this.#foldersFor(grown) };
    this.#news = new Set();
    return this.#current;
  }

  /** False where everything was so before. */
  add(added: AddedHost | AddedGroup): boolean {
    this.#added.push(added);
    return this.#apply(added);
  }

  /** Reads the sources again. Where that adds to `problems`, everything stays as it was. */
  refresh(problems: Problems): void {
    const { sources, ...options } = this.#from;
    const before = problems.count;
    const base = loadInventory(sources, options, problems);
    if (problems.count > before) return;
    this.#current = base;
    this.#builder = undefined;
    for (const each of this.#added) this.#apply(each);
  }

  /** What is wrong with files of variables that had to be read since; told once. */
  takeProblems(): readonly Diagnostic[] {
    void this.current;
    return this.#problems.splice(0);
  }

  /** Whether somebody has added the host, or something to it. */
  hasTouched(host: string): boolean {
    return this.#touched.has(host);
  }

  /** Variables in files for hosts and groups that are not there. */
  namesThatMayCome(): ReadonlySet<string> {
    const { hosts, groups, folders } = this.current;
    const names = new Set<string>();
    for (const { path } of folders) {
      const strangers = {
        groups: namesOfFiles(path, 'group_vars').filter((name) => !groups.has(name)),
        hosts: namesOfFiles(path, 'host_vars').filter((name) => !hosts.has(name)),
      };
      const found = readVariablesFolder(
        path,
        { beside: 'inventory', ...strangers, vault: this.#from.vault },
        new Problems(),
      );
      for (const variables of [...(found?.groups.values() ?? []), ...(found?.hosts.values() ?? [])])
        for (const name of variables.keys()) names.add(name);
    }
    return names;
  }

  #apply(added: AddedHost | AddedGroup): boolean {
    this.#builder ??= InventoryBuilder.from(this.#current);
    const builder = this.#builder;
    const change = added.kind === 'host' ? addHost(builder, added) : addGroup(builder, added);
    if (change !== 'none') this.#touched.add(added.host);
    if (change === 'groups') this.#news = 'all';
    else if (change === 'host' && this.#news !== 'all') this.#news.add(added.host);
    return change !== 'none';
  }

  /** Variables of hosts and groups that nobody knew when the files were read. */
  #foldersFor({ hosts, groups }: Pick<Inventory, 'hosts' | 'groups'>): readonly VariablesFolder[] {
    const before = this.#current;
    const names = {
      hosts: [...hosts.keys()].filter((name) => !before.hosts.has(name) && !LOCALHOST_NAMES.includes(name)),
      groups: [...groups.keys()].filter((name) => !before.groups.has(name)),
    };
    if (names.hosts.length + names.groups.length === 0) return before.folders;
    const problems = new Problems();
    const more = readFolders(before.folders, { ...names, vault: this.#from.vault }, problems);
    this.#problems.push(...problems.list);
    return before.folders.map((folder) => {
      const { path, beside } = folder;
      const own = more.find((each) => each.path === path && each.beside === beside);
      if (own === undefined) return folder;
      return {
        ...folder,
        groups: new Map([...folder.groups, ...own.groups]),
        hosts: new Map([...folder.hosts, ...own.hosts]),
      };
    });
  }
}

function finished(builder: InventoryBuilder, before: Inventory, news: Set<string> | 'all'): Inventory {
  if (news === 'all') return { ...before, ...builder.finish() };
  const now = { hosts: new Map(before.hosts), groups: new Map(before.groups) };
  for (const host of news) builder.finishHost(host, now);
  return { ...before, ...now };
}

/** What is new: nothing, a host or its place in groups, or groups and what they are in. */
type Change = 'none' | 'host' | 'groups';

function addHost(builder: InventoryBuilder, { host, groups, variables, origin }: AddedHost): Change {
  let change: Change = builder.hasHost(host) ? 'none' : 'host';
  if (change === 'host') builder.addHost(host, { group: 'all', origin });
  for (const [name, value] of Object.entries(variables)) {
    const variable: Variable = { value: asData(value), origin, layer: 'inventory host' };
    if (isDeepStrictEqual(builder.hostVariable(host, name)?.value, variable.value)) continue;
    builder.setOwnVariable(host, name, variable);
    if (change === 'none') change = 'host';
  }
  for (const group of groups) {
    if (builder.isIn(host, group)) continue;
    if (!builder.hasGroup(group)) change = 'groups';
    else if (change === 'none') change = 'host';
    builder.addHost(host, { group });
  }
  return change;
}

function addGroup(builder: InventoryBuilder, { host, group, parents }: AddedGroup): Change {
  let change: Change = 'none';
  for (const parent of parents) {
    if (!builder.isChild(parent, group) && builder.addChild(parent, group)) change = 'groups';
  }
  if (builder.isIn(host, group)) return change;
  if (!builder.hasHost(host)) builder.addImplicit(host, IMPLICIT_LOCALHOST);
  if (change === 'none') change = builder.hasGroup(group) ? 'host' : 'groups';
  builder.addHost(host, { group });
  return change;
}

/** Texts in it are no templates. */
function asData(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('{{') ? new TaggedText('unsafe', value) : value;
  if (Array.isArray(value)) return value.map(asData);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asData(each)]));
}
