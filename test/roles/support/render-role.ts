// A role's template as it would land on a host: the role's defaults and schema, the shared partials, no host.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Problems } from '../../../src/diagnostic.ts';
import { validate } from '../../../src/load/schema.ts';
import { SourceFile } from '../../../src/load/source.ts';
import { parseYaml } from '../../../src/load/yaml-document.ts';
import { Template } from '../../../src/render/template.ts';
import { fileOrigin, partialsIn } from '../../../src/resolve/resolved-role.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export type Variables = Readonly<Record<string, unknown>>;

/** What the role's schema says against the variables, one text each; empty: nothing. */
export function schemaErrors(role: string, variables: Variables): readonly string[] {
  return checked(role, variables).errors;
}

/** The rendered text. Throws where the schema or the template does not take the variables. */
export function renderRole(role: string, template: string, variables: Variables): string {
  const { errors, values } = checked(role, variables);
  if (errors.length > 0) throw new Error(errors.join('\n'));
  const all = new Map<string, unknown>([
    ...Object.entries(values),
    ['fairlead_header', `Made by fairlead: role ${role}, template ${template}, input 0123456789ab`],
    ['inventory_hostname', 'host-1'],
  ]);
  const source = read(`${ROOT}/roles/${role}/templates/${template}.hbs`);
  const problems = new Problems();
  const partials = partialsIn([`${ROOT}/templates`, `${ROOT}/roles/${role}/templates`], read);
  const parsed = Template.parse(source.text, fileOrigin(source), problems, partials);
  problems.throwIfAny();
  if (parsed === undefined) throw new Error(`${template} is not a template`);
  const get = (name: string) => {
    if (!all.has(name)) throw new Error(`unknown name ${name}`);
    return all.get(name);
  };
  return String(parsed.value({ has: (name) => all.has(name), get }));
}

function checked(role: string, variables: Variables) {
  const folder = `${ROOT}/roles/${role}`;
  const schema = JSON.parse(readFileSync(`${folder}/meta/variables.schema.json`, 'utf8')) as object;
  const problems = new Problems();
  const defaults = parseYaml(read(`${folder}/defaults/main.yml`), problems)?.data as Variables;
  problems.throwIfAny();
  const values = structuredClone({ ...defaults, ...variables }) as Record<string, unknown>;
  const errors = validate(schema, values).map(({ path, detail }) => `${path.join('.')}: ${detail}`);
  return { errors, values };
}

function read(path: string): SourceFile {
  return new SourceFile(path, readFileSync(path, 'utf8'));
}
