// From the documents of tasks, blocks and roles to flat lists: what tags leave of them, with everything that each task
// takes over. Imports become part of the list that they stand in; includes get a way to lists of their own.
import { dirname, join } from 'node:path';
import { type Diagnostic, Problems } from '../diagnostic.ts';
import { type Located, TaskKeys } from '../load/located.ts';
import type { RoleReference } from '../load/playbook.ts';
import { loadTaskFile, type TaskDocument, type TaskNode } from '../load/playbook-tasks.ts';
import type { RoleFiles } from '../load/role.ts';
import type { Vault } from '../load/vault/vault.ts';
import { findFlowWord } from '../modules/controller/flow.ts';
import type { ControllerModule, Entry } from '../modules/module.ts';
import { checkNotify } from './check-notify.ts';
import { checkIncludeKeys, importedEntry, splitApply } from './include-arguments.ts';
import { type Inherited, inherit } from './inherited.ts';
import { checkModuleDefaults } from './module-defaults.ts';
import { OwnModules } from './own-modules/own-modules.ts';
import type { ResolvedRole } from './resolved-role.ts';
import { type IncludeSite, type ResolvedTask, resolveTask } from './resolved-task.ts';
import { RoleLibrary } from './role-library.ts';
import { RoleVariables } from './role-variables.ts';
import { isSelected, type TagSelection } from './tags.ts';
import { findTaskFile } from './task-files.ts';
import { type TaskList, TaskListBuilder } from './task-list.ts';
import { variablesSite } from './variables-site.ts';

/** Where documents stand. */
export interface Site {
  /** Of the file that they are from. */
  readonly folder: string;
  /** Files and roles around them, the outermost first. */
  readonly chain: readonly string[];
  readonly problems: Problems;
}

/** Of one play. What includes bring in at run time adds to its roles and handlers. */
export class ListResolver {
  /** Whose variables all tasks of the play see, in the order they run. */
  readonly roles: ResolvedRole[] = [];
  readonly handlers: ResolvedTask[] = [];
  readonly #playbookFolder: string;
  readonly #tags: TagSelection;
  readonly #vault: Vault | undefined;
  readonly #library: RoleLibrary;
  readonly #ownModules: OwnModules;
  readonly #added = new Set<string>();
  readonly #handlersAdded = new Set<string>();

  constructor(playbookFolder: string, tags: TagSelection, vault?: Vault) {
    this.#playbookFolder = playbookFolder;
    this.#tags = tags;
    this.#vault = vault;
    this.#library = new RoleLibrary(playbookFolder, vault);
    this.#ownModules = new OwnModules(playbookFolder);
  }

  /** That module_defaults among the keys names modules and arguments that there are. */
  checkDefaults(keys: TaskKeys, problems: Problems): void {
    checkModuleDefaults(keys, this.#ownModules, problems);
  }

  addTasks(nodes: readonly TaskNode[], inherited: Inherited, list: TaskListBuilder, site: Site): void {
    for (const node of nodes) {
      if (node.kind === 'block') {
        const own = inherit(inherited, node.keys, site.problems);
        this.checkDefaults(node.keys, site.problems);
        const part = (inner: readonly TaskNode[]) => (): void => this.addTasks(inner, own, list, site);
        const parts = { body: part(node.block), rescue: part(node.rescue), always: part(node.always) };
        list.addBlock(parts, { name: node.keys.get<string>('name')?.value, origin: node.origin });
      } else if (isImport(node)) {
        this.#addImport(node, inherited, list, site);
      } else {
        const task = this.#task(node, inherited, site);
        if (task !== undefined && isSelected(task.tags, this.#tags)) list.add(task);
      }
    }
  }

  /** Makes known the modules in the roles of the play and in those they need, which all its tasks may name. */
  addModulesOf(references: readonly RoleReference[], problems: Problems): void {
    const seen = new Set<string>();
    const add = ({ name }: RoleReference): void => {
      if (seen.has(name.value)) return;
      seen.add(name.value);
      const role = this.#library.load(name, {}, problems);
      if (role === undefined) return;
      this.#ownModules.addFrom(role.folder);
      role.dependencies.forEach(add);
    };
    references.forEach(add);
  }

  /**
   * The role behind what it depends on, unless it has been added already with the same parameters.
   * `outer`: what it takes over from the play, or the role that needs it.
   */
  addRole(
    reference: RoleReference,
    outer: Inherited,
    list: TaskListBuilder,
    site: Site,
    how: RoleOptions = { files: {}, isPublic: true, again: false },
  ): void {
    const { name, parameters, keys } = reference;
    const role = this.#library.load(name, how.files, site.problems);
    const key = JSON.stringify([name.value, [...parameters].map(([each, { value }]) => [each, value])]);
    if (role === undefined || (this.#added.has(key) && !how.again && !role.allowDuplicates)) return;
    this.#ownModules.addFrom(role.folder);
    // Its `vars` are parameters.
    const inherited = { ...inherit(outer, keys, site.problems), vars: outer.vars };
    const within = { ...site, chain: [...site.chain, roleKey(name.value, how.files)] };
    for (const dependency of role.dependencies) {
      if (within.chain.includes(roleKey(dependency.name.value, {}))) {
        site.problems.add(dependsOnItself(dependency.name, within.chain));
      } else
        this.addRole(dependency, inherited, list, within, {
          files: {},
          isPublic: how.isPublic,
          again: false,
          isDependency: true,
        });
    }
    this.#added.add(key);
    const resolved = {
      role,
      origin: name.origin,
      parameters,
      variables: RoleVariables.of(role),
      isNamedByPlay: how.isDependency !== true,
      parents: outer.role === undefined ? [] : [outer.role, ...outer.role.parents],
    };
    if (how.isPublic) this.roles.push(resolved);
    this.#addRoleTasks(resolved, { ...inherited, role: resolved }, list, within);
  }

  /** Tags leave all handlers: whoever notifies one has been selected. */
  addHandlers(nodes: readonly TaskNode[], inherited: Inherited, site: Site): void {
    for (const node of nodes) {
      if (node.kind === 'block') site.problems.add(blockAsHandler(node.origin.span()));
      else if (isImport(node)) {
        const list = new TaskListBuilder();
        this.#addImport(node, inherited, list, site);
        this.handlers.push(...list.build().tasks);
      } else {
        const task = this.#task(node, inherited, site);
        if (task !== undefined) this.handlers.push(task);
      }
    }
  }

  #addRoleTasks({ role }: ResolvedRole, own: Inherited, list: TaskListBuilder, site: Site): void {
    const once = JSON.stringify([role.folder, role.handlers.length, role.handlers[0]?.origin.span()]);
    if (!this.#handlersAdded.has(once)) {
      this.#handlersAdded.add(once);
      this.addHandlers(role.handlers, own, { ...site, folder: join(role.folder, 'handlers') });
    }
    this.addTasks(role.tasks, own, list, { ...site, folder: join(role.folder, 'tasks') });
  }

  #addImport(document: TaskDocument, inherited: Inherited, list: TaskListBuilder, site: Site): void {
    const { problems } = site;
    checkIncludeKeys(document, problems);
    const module = findFlowWord(document.module.value) as ControllerModule;
    const entry = importedEntry(document, module, problems);
    const own = inherit(inherited, document.keys, problems);
    this.checkDefaults(document.keys, problems);
    if (entry !== undefined) this.#addEntry(entry, own, list, { ...site, at: entryPlace(document) });
  }

  #task(document: TaskDocument, inherited: Inherited, site: Site): ResolvedTask | undefined {
    if (!isInclude(document)) {
      const plain = resolveTask(document, inherited, site.problems, this.#ownModules);
      return (
        plain && withVariables(plain, { ...site, playbookFolder: this.#playbookFolder, vault: this.#vault })
      );
    }
    checkIncludeKeys(document, site.problems);
    const { apply, document: plain } = splitApply(document, site.problems);
    const task = resolveTask(plain, inherited, site.problems, this.#ownModules);
    if (task === undefined) return undefined;
    const vars = document.keys.mapping('vars');
    const includeVars = vars.size === 0 ? inherited.includeVars : [vars, ...inherited.includeVars];
    const inner = { ...inherit(inherited, apply, site.problems), includeVars };
    this.checkDefaults(apply, site.problems);
    return { ...task, includeVars, include: this.#includeSite(document, inner, site) };
  }

  #includeSite(document: TaskDocument, inner: Inherited, site: Site): IncludeSite {
    const loaded = new Map<string, { entry: Entry; list: TaskList; diagnostics: readonly Diagnostic[] }>();
    return {
      load: (entry) => {
        const key = JSON.stringify(entry);
        const before = loaded.get(key);
        if (before !== undefined) return before;
        const problems = new Problems();
        const builder = new TaskListBuilder();
        this.#addEntry(entry, inner, builder, { ...site, problems, at: entryPlace(document) });
        const list = builder.build();
        checkNotify(list.tasks, this.handlers, problems);
        const result = { entry, list, diagnostics: problems.list };
        loaded.set(key, result);
        return result;
      },
      isWithin: (entry) => site.chain.includes(this.#keyOf(entry, inner, site)),
      loaded: () => [...loaded.values()].map(({ list }) => list),
      entries: () => [...loaded.values()],
    };
  }

  #addEntry(
    entry: Entry,
    inherited: Inherited,
    list: TaskListBuilder,
    site: Site & { readonly at: Located<unknown>['origin'] },
  ): void {
    const { at, ...outer } = site;
    const key = this.#keyOf(entry, inherited, site);
    if (site.chain.includes(key) && site.chain.length > MAX_DEPTH) {
      site.problems.add(includesItself(at.span()));
    } else if (entry.kind === 'role') {
      const reference = {
        name: { value: entry.name, origin: at },
        parameters: new Map(),
        keys: new TaskKeys({}, at),
      };
      this.addRole(reference, inherited, list, outer, entry);
    } else {
      const path = findTaskFile(entry.file, this.#folders(inherited, site), at.span(), site.problems);
      if (path === undefined) return;
      const nodes = loadTaskFile(path, site.problems, at.span(), this.#vault);
      this.addTasks(nodes, inherited, list, { ...outer, folder: dirname(path), chain: [...site.chain, key] });
    }
  }

  /** What stands for an entry in a chain. */
  #keyOf(entry: Entry, inherited: Inherited, site: Site): string {
    if (entry.kind === 'role') return roleKey(entry.name, entry.files);
    return findTaskFile(entry.file, this.#folders(inherited, site)) ?? entry.file;
  }

  /** Where files of tasks are looked for. */
  #folders({ role }: Inherited, { folder }: Site): readonly string[] {
    const ofRole = role === undefined ? [] : [join(role.role.folder, 'tasks'), role.role.folder];
    return [folder, ...ofRole, join(this.#playbookFolder, 'tasks'), this.#playbookFolder];
  }
}

function withVariables(
  task: ResolvedTask,
  site: Site & { readonly playbookFolder: string; readonly vault: Vault | undefined },
): ResolvedTask {
  if (task.module.name !== 'include_vars') return task;
  const roleFolder = task.role?.role.folder;
  return { ...task, variables: variablesSite({ ...site, roleFolder, origin: task.args.origin }) };
}

interface RoleOptions {
  readonly files: RoleFiles;
  readonly isPublic: boolean;
  /** Also where it has been added before. */
  readonly again: boolean;
  /** Another role needs it. */
  readonly isDependency?: true;
}

/** Deeper nesting of a file in itself is taken for one that never ends. */
const MAX_DEPTH = 50;

function isImport({ module }: TaskDocument): boolean {
  return module.value === 'import_tasks' || module.value === 'import_role';
}

function isInclude({ module }: TaskDocument): boolean {
  return module.value === 'include_tasks' || module.value === 'include_role';
}

function roleKey(name: string, files: RoleFiles): string {
  return `role ${name} ${files.tasks ?? 'main'}`;
}

/** Where the file or role is named. */
function entryPlace({ args }: TaskDocument): Located<unknown>['origin'] {
  if (typeof args.value === 'string') return args.origin;
  return args.origin.child(args.value !== null && 'file' in Object(args.value) ? 'file' : 'name');
}

function dependsOnItself({ value, origin }: Located<string>, chain: readonly string[]): Diagnostic {
  const roles = chain.flatMap((each) => /^role (\S+) main$/.exec(each)?.[1] ?? []);
  return {
    code: 'role-unknown',
    summary: 'role depends on itself',
    at: origin.span(),
    details: [[...roles.slice(roles.indexOf(value)), value].join(' needs ')],
  };
}

function includesItself(at: Diagnostic['at']): Diagnostic {
  return {
    code: 'file-unreadable',
    summary: 'file includes itself without end',
    ...(at !== undefined && { at }),
    details: [`it is ${MAX_DEPTH} levels deep in itself`],
  };
}

function blockAsHandler(at: Diagnostic['at']): Diagnostic {
  return {
    code: 'key-unsupported',
    summary: 'a block cannot stand here',
    ...(at !== undefined && { at }),
    details: ['a handler is a single task, as in Ansible'],
    hint: 'write a handler for each task, all with the same "listen"',
  };
}
