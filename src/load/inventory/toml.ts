// Reads an inventory in Ansible's TOML format: a table per group, each with `hosts`, `vars` and `children`.
// Where Ansible goes on without a part that somebody may have meant, this reports a problem.
import { didYouMean, type Problems } from '../../diagnostic.ts';
import type { Origin, SourceFile } from '../source.ts';
import { type InventoryBuilder, whyNoChild } from './builder.ts';
import { expandHostNames } from './host-name.ts';
import { isSectionHeader } from './ini.ts';
import type { Variable, VariableLayer } from './model.ts';
import { parseToml } from './toml-document.ts';
import { isMapping } from './yaml.ts';

type Mapping = Readonly<Record<string, unknown>>;

const SECTIONS = ['hosts', 'vars', 'children'];

/** Adds every group of a TOML file. */
export function readTomlInventory(source: SourceFile, builder: InventoryBuilder, problems: Problems): void {
  const document = parseToml(source, problems);
  if (document === undefined) return;
  const { data, origin } = document;
  if (typeof data.plugin === 'string') {
    problems.add({
      code: 'key-unsupported',
      summary: 'inventory plugins are not supported',
      at: origin.key('plugin').span(),
      details: [`this file is a configuration for the plugin ${data.plugin}`],
    });
    return;
  }
  addLeadingTables(source.text, builder);
  const reader = new TomlReader(source, builder, problems);
  for (const [name, body] of Object.entries(data)) reader.group(name, body, origin);
}

/**
 * Ansible tries INI before it tries TOML, and what it has read before it gives up stays: an empty group per table, such as
 * `web.hosts`, up to the first line that is something else.
 */
function addLeadingTables(text: string, builder: InventoryBuilder): void {
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const name = isSectionHeader(line) ? /^\[([^:\]\s]+)\]/.exec(line)?.[1] : undefined;
    if (name === undefined) return;
    builder.addGroup(name);
  }
}

class TomlReader {
  readonly #source: SourceFile;
  readonly #builder: InventoryBuilder;
  readonly #problems: Problems;

  constructor(source: SourceFile, builder: InventoryBuilder, problems: Problems) {
    this.#source = source;
    this.#builder = builder;
    this.#problems = problems;
  }

  group(name: string, body: unknown, document: Origin): void {
    const key = document.key(name);
    if (name === '') this.#refuse(key, 'a group name cannot be empty');
    else if (!isMapping(body)) {
      const hint = SECTIONS.includes(name) ? `write it below a group: [web.${name}]` : undefined;
      this.#refuseType(key, `the group "${name}" takes a table with hosts, vars or children`, hint);
    } else {
      this.#builder.addGroup(name);
      const origin = document.child(name);
      for (const [section, content] of Object.entries(body)) this.#section(section, content, name, origin);
    }
  }

  #section(section: string, content: unknown, group: string, origin: Origin): void {
    const key = origin.key(section);
    if (section === 'children') {
      if (Array.isArray(content)) this.#children(content, group, origin.child(section));
      else this.#refuseType(key, `"children" of the group "${group}" takes a list of names`);
    } else if (section === 'hosts' || section === 'vars') {
      if (!isMapping(content)) {
        this.#refuseType(key, `"${section}" of the group "${group}" takes a table`);
      } else if (section === 'hosts') this.#hosts(content, group, origin.child(section));
      else {
        for (const [name, variable] of variables(content, origin.child(section), 'inventory group')) {
          if (!this.#builder.setGroupVariable(group, name, variable)) this.#refusePriority(variable);
        }
      }
    } else this.#unknownSection(section, content, group, key);
  }

  #children(names: readonly unknown[], parent: string, origin: Origin): void {
    names.forEach((name, index) => {
      const at = origin.child(index);
      if (typeof name !== 'string' || name === '') {
        this.#refuseType(at, `"children" of the group "${parent}" takes a list of names`);
        return;
      }
      this.#builder.addGroup(name);
      if (!this.#builder.addChild(parent, name)) this.#refuse(at, whyNoChild(parent, name));
    });
  }

  #hosts(hosts: Mapping, group: string, origin: Origin): void {
    for (const [text, content] of Object.entries(hosts)) {
      const key = origin.key(text);
      const expanded = expandHostNames(text);
      if (/\s/.test(text)) this.#refuse(key, 'there is a blank in the name of a host');
      else if (expanded.kind === 'error') this.#refuse(key, expanded.reason);
      else if (!isMapping(content)) {
        this.#refuseType(key, `the host "${text}" takes a table of variables`, `write "${text} = {}"`);
      } else {
        const { port } = expanded;
        const given = variables(content, origin.child(text), 'inventory host');
        for (const name of expanded.names) {
          this.#builder.addHost(name, {
            group,
            origin: key,
            source: this.#source.path,
            ...(port !== undefined && { port: { value: port, origin: key, layer: 'inventory host' } }),
          });
          for (const [variable, value] of given) {
            if (!this.#builder.setHostVariable(name, variable, value)) this.#refusePriority(value);
          }
        }
      }
    }
  }

  #unknownSection(section: string, content: unknown, group: string, key: Origin): void {
    const detail = `the group "${group}" can have hosts, vars and children, not "${section}"`;
    const isGroup = isMapping(content) && Object.keys(content).some((name) => SECTIONS.includes(name));
    const where = isGroup
      ? `write "[${section}.…]", and children = ["${section}"] in [${group}]`
      : `put "${section}" below [${group}.${isMapping(content) ? 'hosts' : 'vars'}]`;
    this.#problems.add({
      code: 'key-unknown',
      summary: 'key is not known here',
      at: key.span(),
      details: [detail],
      hint: didYouMean(section, SECTIONS) ?? where,
    });
  }

  #refusePriority(variable: Variable): void {
    this.#refuse(variable.origin, 'ansible_group_priority takes a whole number');
  }

  #refuse(origin: Origin, detail: string): void {
    const summary = 'inventory is not well formed';
    this.#problems.add({ code: 'inventory-syntax', summary, at: origin.span(), details: [detail] });
  }

  #refuseType(origin: Origin, detail: string, hint?: string): void {
    this.#problems.add({
      code: 'key-type',
      summary: 'value has the wrong type',
      at: origin.span(),
      details: [detail],
      ...(hint !== undefined && { hint }),
    });
  }
}

function variables(
  content: Mapping,
  origin: Origin,
  layer: VariableLayer,
): readonly (readonly [string, Variable])[] {
  return Object.entries(content).map(([name, value]) => [name, { value, origin: origin.child(name), layer }]);
}
