// The roles of a play in the order they run: each after those it depends on, and once for each set of parameters.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { didYouMean, type Problems } from '../diagnostic.ts';
import type { RoleReference } from '../load/playbook.ts';
import { findRole, loadRole, type Role } from '../load/role.ts';
import { PACKAGE_FOLDER, type ResolvedRole } from './resolved-role.ts';
import { becomeOf, type Inherited, type ResolvedTask, resolveTask, testsOf } from './resolved-task.ts';
import { RoleVariables } from './role-variables.ts';

export class RoleSequence {
  readonly roles: ResolvedRole[] = [];
  readonly tasks: ResolvedTask[] = [];
  readonly handlers: ResolvedTask[] = [];
  readonly #folders: readonly string[];
  readonly #problems: Problems;
  readonly #loaded = new Map<string, Role>();
  readonly #added = new Set<string>();

  constructor(playbookFolder: string, problems: Problems) {
    this.#folders = [join(playbookFolder, 'roles'), resolve('roles'), join(PACKAGE_FOLDER, 'roles')];
    this.#problems = problems;
  }

  /** The role behind what it depends on. `outer`: what it takes over from the play, or the role that needs it. */
  add(reference: RoleReference, outer: Inherited, dependents: readonly string[] = []): void {
    const name = reference.name.value;
    const key = JSON.stringify([name, [...reference.parameters].map(([key, { value }]) => [key, value])]);
    const role = this.#added.has(key) ? undefined : this.#load(reference);
    if (role === undefined) return;
    const { keys } = reference;
    const inherited: Inherited = {
      ...outer,
      when: [...outer.when, ...testsOf(keys.list<string | boolean>('when'), this.#problems)],
      tags: new Set([...outer.tags, ...keys.list('tags').map((each) => each.value)]),
      become: becomeOf(keys, outer.become),
    };
    for (const dependency of role.dependencies) {
      const path = [...dependents, name];
      if (path.includes(dependency.name.value)) {
        this.#problems.add({
          code: 'role-unknown',
          summary: 'role depends on itself',
          at: dependency.name.origin.span(),
          details: [[...path, dependency.name.value].join(' needs ')],
        });
      } else this.add(dependency, inherited, path);
    }
    this.#added.add(key);
    this.#append(role, reference, inherited);
  }

  #append(role: Role, { name, parameters }: RoleReference, inherited: Inherited): void {
    const resolved: ResolvedRole = {
      role,
      origin: name.origin,
      parameters,
      variables: RoleVariables.of(role),
    };
    const own: Inherited = { ...inherited, role: resolved };
    this.roles.push(resolved);
    this.tasks.push(...role.tasks.flatMap((task) => resolveTask(task, own, this.#problems) ?? []));
    this.handlers.push(...role.handlers.flatMap((task) => resolveTask(task, own, this.#problems) ?? []));
  }

  #load(reference: RoleReference): Role | undefined {
    const name = reference.name.value;
    const before = this.#loaded.get(name);
    if (before !== undefined) return before;
    const folder = findRole(name, this.#folders);
    if (folder === undefined) {
      const hint = didYouMean(name, this.#folders.flatMap(foldersIn));
      this.#problems.add({
        code: 'role-unknown',
        summary: 'role is not there',
        at: reference.name.origin.span(),
        details: [
          `"${name}" is no folder in roles beside the playbook, in the working directory or in fairlead's own`,
        ],
        ...(hint !== undefined && { hint }),
      });
      return undefined;
    }
    const role = loadRole(name, folder, this.#problems);
    this.#loaded.set(name, role);
    return role;
  }
}

function foldersIn(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  );
}
