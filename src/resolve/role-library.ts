// The roles that a play names, found in their folders and read once.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { didYouMean, type Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import { findRole, loadRole, type Role, type RoleFiles } from '../load/role.ts';
import type { Vault } from '../load/vault/vault.ts';
import { PACKAGE_FOLDER } from '../package.ts';

export class RoleLibrary {
  readonly #folders: readonly string[];
  readonly #loaded = new Map<string, Role>();
  readonly #vault: Vault | undefined;

  constructor(playbookFolder: string, vault?: Vault) {
    this.#vault = vault;
    this.#folders = [join(playbookFolder, 'roles'), resolve('roles'), join(PACKAGE_FOLDER, 'roles')];
  }

  /** Undefined where there is no such role, which is told at the name. */
  load({ value: name, origin }: Located<string>, files: RoleFiles, problems: Problems): Role | undefined {
    const key = JSON.stringify([name, files]);
    const before = this.#loaded.get(key);
    if (before !== undefined) return before;
    const folder = findRole(name, this.#folders);
    if (folder === undefined) {
      const known = this.#folders.flatMap(foldersIn);
      const hint = didYouMean(name, known) ?? didYouMean(basename(name).replace(/\.ya?ml$/, ''), known);
      problems.add({
        code: 'role-unknown',
        summary: 'role is not there',
        at: origin.span(),
        details: [
          `"${name}" is no folder in roles beside the playbook, in the working directory or in fairlead's own`,
        ],
        ...(hint !== undefined && { hint }),
      });
      return undefined;
    }
    const role = loadRole(name, folder, problems, {
      files,
      from: origin.span(),
      ...(this.#vault && { vault: this.#vault }),
    });
    this.#loaded.set(key, role);
    return role;
  }
}

function foldersIn(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  );
}
