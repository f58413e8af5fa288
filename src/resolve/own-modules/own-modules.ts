// Modules of the user's own: library/NAME.js or .mjs beside the playbook or in a role, in the shape of module.ts. Found
// and loaded when a task names them, so before the check; they win over ours, as in Ansible.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, extname, join, resolve } from 'node:path';
import type { Problems } from '../../diagnostic.ts';
import { displayPath, type Origin } from '../../load/source.ts';
import type { Module } from '../../modules/module.ts';
import { guarded } from './guarded.ts';
import { shapeFaults } from './shape-faults.ts';

/** With type-stripping where Node has it. */
const ENDINGS = ['.js', '.mjs', ...(isStripping() ? ['.ts', '.mts'] : [])];

// Loads ES modules too, and at once: a playbook is prepared in one go.
const load = createRequire(import.meta.url);

const loaded = new Map<string, Module | readonly string[]>();

export class OwnModules {
  readonly #files = new Map<string, string>();

  constructor(playbookFolder: string) {
    this.addFrom(playbookFolder);
  }

  /** Adds what `library/` in a folder holds (a role's, say). Of two with one name the first that was added stays. */
  addFrom(owner: string): void {
    const folder = resolve(owner, 'library');
    const files = existsSync(folder) ? readdirSync(folder).sort() : [];
    const found = files
      .filter((file) => ENDINGS.includes(extname(file)))
      .map((file) => [basename(file, extname(file)), join(folder, file)] as const);
    for (const [name, path] of new Map(found)) if (!this.#files.has(name)) this.#files.set(name, path);
  }

  names(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** `none`: there is no such file. `broken`: what is wrong with it went to `problems`, at the place that names it. */
  find(name: string, at: Origin | undefined, problems: Problems): Module | 'none' | 'broken' {
    const file = this.#files.get(name);
    if (file === undefined) return 'none';
    const found = loaded.get(file) ?? loadModule(file, name);
    loaded.set(file, found);
    if ('kind' in found) return found;
    problems.add({
      code: 'module-broken',
      summary: 'module of your own cannot be used',
      ...(at && { at: at.span() }),
      details: found.map((fault) => `${displayPath(file)}: ${fault}`),
    });
    return 'broken';
  }
}

/** The module, or what is wrong with it. */
function loadModule(file: string, name: string): Module | readonly string[] {
  try {
    const exported: unknown = load(file);
    const own = (exported as { default?: unknown } | null)?.default ?? exported;
    const faults = shapeFaults(own, name);
    return faults.length > 0 ? faults : guarded(own as Module);
  } catch (error) {
    return [`it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function isStripping(): boolean {
  return Boolean((process.features as { readonly typescript?: unknown }).typescript);
}
