// A role in a play: its files found, its variables as layers, its parameters.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Role } from '../load/role.ts';
import type { Origin, SourceFile } from '../load/source.ts';
import type { Partials } from '../render/template.ts';
import type { VariableLayer } from './host-scope.ts';
import type { RoleVariables } from './role-variables.ts';

export interface ResolvedRole {
  readonly role: Role;
  /** Where the role is named: in the play, or as a dependency. */
  readonly origin: Origin;
  readonly parameters: VariableLayer;
  readonly variables: RoleVariables | undefined;
  /** False where another role needs it. */
  readonly isNamedByPlay: boolean;
  /** Roles that it is included or imported in, the innermost first. */
  readonly parents: readonly ResolvedRole[];
}

const TEMPLATE_ENDING = /\.(hbs|handlebars)$/;

/** The partials under these folders (later ones win), by their path without ending: `init-script/header`. */
export function partialsIn(
  folders: readonly string[],
  read: (path: string) => SourceFile | undefined,
): Partials {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !TEMPLATE_ENDING.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      paths.set(relative(folder, path).replace(TEMPLATE_ENDING, ''), path);
    }
  }
  return {
    names: () => [...paths.keys()].sort(),
    find: (name) => {
      const path = paths.get(name);
      const source = path === undefined ? undefined : read(path);
      return source && { text: source.text, origin: fileOrigin(source) };
    },
  };
}

/** The origin of a whole file as one text. */
export function fileOrigin(source: SourceFile): Origin {
  const origin: Origin = {
    span: (part) => source.span(part?.offset ?? 0, part?.length ?? 1),
    child: () => origin,
    key: () => origin,
  };
  return origin;
}
