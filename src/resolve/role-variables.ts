// A role's own schema over its variables: wrong ones are diagnostics at the place they were written,
// right ones get the schema's defaults, so that a role's templates find every key.
import { type Diagnostic, didYouMean } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import type { Role } from '../load/role.ts';
import { type SchemaCodes, schemaDiagnostics, validate } from '../load/schema.ts';

const CODES: SchemaCodes = {
  unknown: { code: 'role-variable', summary: 'variable does not fit the role' },
  missing: { code: 'role-variable', summary: 'variable does not fit the role' },
  value: { code: 'role-variable', summary: 'variable does not fit the role' },
};

interface Refined {
  /** With defaults filled in. */
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

interface RoleSchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

export class RoleVariables {
  readonly role: Role;
  /** `split_access_` for split-access: names that start so belong to the role. */
  readonly prefix: string;
  readonly #schema: RoleSchema;
  readonly #cache = new WeakMap<Located<unknown>, Refined>();

  private constructor(role: Role, schema: RoleSchema) {
    this.role = role;
    this.prefix = `${role.name.replaceAll('-', '_')}_`;
    this.#schema = schema;
  }

  /** Undefined for a role without a schema. */
  static of(role: Role): RoleVariables | undefined {
    return role.variablesSchema === undefined ? undefined : new RoleVariables(role, role.variablesSchema);
  }

  get names(): readonly string[] {
    return Object.keys(this.#schema.properties ?? {});
  }

  get required(): readonly string[] {
    return this.#schema.required ?? [];
  }

  /** The value with the schema's defaults in it. A name that is none of the role's comes back as it is. */
  refine(name: string, variable: Located<unknown>, value: unknown): Refined {
    if (!this.#has(name)) return { value, diagnostics: [] };
    const isConstant = variable.value === value;
    const before = isConstant ? this.#cache.get(variable) : undefined;
    if (before !== undefined) return before;
    // One variable at a time: what the schema says of the others, or of all together, is not asked here.
    const copy = { [name]: structuredClone(value) };
    const own = validate(this.#schema, copy).filter((problem) => problem.path[0] === name);
    const below = own.map((problem) => ({ ...problem, path: problem.path.slice(1) }));
    const refined = { value: copy[name], diagnostics: schemaDiagnostics(below, variable.origin, CODES) };
    if (isConstant) this.#cache.set(variable, refined);
    return refined;
  }

  /** A diagnostic for a variable with the role's prefix that the role does not have. */
  unknownName(name: string, variable: Located<unknown>): Diagnostic | undefined {
    if (!name.startsWith(this.prefix) || this.#has(name)) return undefined;
    const hint = didYouMean(name, this.names);
    return {
      code: 'role-variable',
      summary: 'variable does not fit the role',
      at: (variable.keyOrigin ?? variable.origin).span(),
      details: [`the role ${this.role.name} has no variable "${name}"`],
      ...(hint !== undefined && { hint }),
    };
  }

  #has(name: string): boolean {
    return Object.hasOwn(this.#schema.properties ?? {}, name);
  }
}
