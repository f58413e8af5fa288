// A role's own schema over its variables: wrong ones are diagnostics at the place they were written,
// right ones get the schema's defaults, so that a role's templates find every key.
import { type Diagnostic, didYouMean } from '../diagnostic.ts';
import type { Located } from '../load/playbook.ts';
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
  readonly definitions?: Readonly<Record<string, object>>;
}

export class RoleVariables {
  readonly role: Role;
  /** `split_access_` for split-access: names that start so belong to the role. */
  readonly prefix: string;
  /** A schema per variable, over an object that holds the variable as `value`. */
  readonly #schemas: ReadonlyMap<string, object>;
  readonly #required: readonly string[];
  readonly #cache = new WeakMap<Located<unknown>, Refined>();

  private constructor(role: Role, schema: RoleSchema) {
    this.role = role;
    this.prefix = `${role.name.replaceAll('-', '_')}_`;
    const definitions = schema.definitions ?? {};
    this.#schemas = new Map(
      Object.entries(schema.properties ?? {}).map(([name, value]) => [
        name,
        { type: 'object', properties: { value }, definitions },
      ]),
    );
    this.#required = schema.required ?? [];
  }

  /** Undefined for a role without a schema. */
  static of(role: Role): RoleVariables | undefined {
    return role.variablesSchema === undefined ? undefined : new RoleVariables(role, role.variablesSchema);
  }

  get names(): readonly string[] {
    return [...this.#schemas.keys()];
  }

  get required(): readonly string[] {
    return this.#required;
  }

  /** The value with the schema's defaults in it. A name that is none of the role's comes back as it is. */
  refine(name: string, variable: Located<unknown>, value: unknown): Refined {
    const schema = this.#schemas.get(name);
    if (schema === undefined) return { value, diagnostics: [] };
    const isConstant = variable.value === value;
    const before = isConstant ? this.#cache.get(variable) : undefined;
    if (before !== undefined) return before;
    const copy = { value: structuredClone(value) };
    const problems = validate(schema, copy);
    const below = problems.map((problem) => ({ ...problem, path: problem.path.slice(1) }));
    const refined = { value: copy.value, diagnostics: schemaDiagnostics(below, variable.origin, CODES) };
    if (isConstant) this.#cache.set(variable, refined);
    return refined;
  }

  /** A diagnostic for a variable with the role's prefix that the role does not have. */
  unknownName(name: string, variable: Located<unknown>): Diagnostic | undefined {
    if (!name.startsWith(this.prefix) || this.#schemas.has(name)) return undefined;
    const hint = didYouMean(name, this.names);
    return {
      code: 'role-variable',
      summary: 'variable does not fit the role',
      at: (variable.keyOrigin ?? variable.origin).span(),
      details: [`the role ${this.role.name} has no variable "${name}"`],
      ...(hint !== undefined && { hint }),
    };
  }
}
