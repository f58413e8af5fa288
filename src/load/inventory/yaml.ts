// Reads an inventory in Ansible's YAML format: groups at the top, each with `hosts`, `vars` and `children`.
// Where Ansible warns and goes on without a part, this reports a problem.
import { didYouMean, type Problems } from '../../diagnostic.ts';
import type { Origin } from '../source.ts';
import { TaggedText } from '../tagged-text.ts';
import type { YamlDocument } from '../yaml-document.ts';
import type { InventoryBuilder } from './builder.ts';
import { expandHostNames } from './host-name.ts';
import type { Variable } from './model.ts';

type Mapping = Readonly<Record<string, unknown>>;

const SECTIONS = ['hosts', 'vars', 'children'] as const;

/** Whether a document can be an inventory at all; anything else with this file ending may still be INI. */
export function isMapping(data: unknown): data is Mapping {
  return typeof data === 'object' && data !== null && !Array.isArray(data) && !(data instanceof TaggedText);
}

/** Adds every group of a document whose data `isMapping`. */
export function readYamlInventory(
  document: YamlDocument,
  builder: InventoryBuilder,
  problems: Problems,
): void {
  const { data, origin } = document;
  if (!isMapping(data)) return;
  if (typeof data.plugin === 'string') {
    problems.add({
      code: 'key-unsupported',
      summary: 'inventory plugins are not supported',
      at: origin.key('plugin').span(),
      details: [`this file is a configuration for the plugin ${data.plugin}`],
      hint: 'write its answer to a file with "ansible-inventory --list" and use that file',
    });
    return;
  }
  const reader = new YamlReader(document, builder, problems);
  reader.groups(data, origin);
}

class YamlReader {
  readonly #document: YamlDocument;
  readonly #builder: InventoryBuilder;
  readonly #problems: Problems;

  constructor(document: YamlDocument, builder: InventoryBuilder, problems: Problems) {
    this.#document = document;
    this.#builder = builder;
    this.#problems = problems;
  }

  /** The groups that are keys of a mapping; with `parent`, they are its children. */
  groups(groups: Mapping, origin: Origin, parent?: string): void {
    for (const [name, body] of Object.entries(groups)) {
      const key = origin.key(name);
      if (!this.#isText(groups, name, key, 'a group name')) continue;
      this.#group(name, body, origin.child(name), key);
      if (parent === undefined || !this.#builder.hasGroup(name) || this.#builder.addChild(parent, name))
        continue;
      this.#refuse(
        'inventory-syntax',
        key,
        `"${name}" cannot be a child of "${parent}": it already holds it`,
      );
    }
  }

  #group(name: string, body: unknown, origin: Origin, key: Origin): void {
    if (body !== null && !isMapping(body)) {
      const hint = isSection(name) ? 'put it below a group, "all" for instance' : undefined;
      this.#refuse('key-type', key, `the group "${name}" takes a mapping with hosts, vars or children`, hint);
      return;
    }
    this.#builder.addGroup(name);
    if (body === null) return;
    for (const [section, content] of Object.entries(body)) {
      if (!isSection(section)) this.#unknownSection(section, content, name, origin.key(section));
      else {
        const mapping = this.#section(section, content, name, origin);
        if (mapping) this.#fill(section, mapping, name, origin.child(section));
      }
    }
  }

  #fill(section: (typeof SECTIONS)[number], content: Mapping, group: string, origin: Origin): void {
    if (section === 'children') this.groups(content, origin, group);
    else if (section === 'hosts') this.#hosts(content, origin, group);
    else {
      for (const [name, value] of Object.entries(content)) {
        const variable: Variable = { value, origin: origin.child(name), layer: 'inventory group' };
        if (!this.#builder.setGroupVariable(group, name, variable)) this.#refusePriority(variable);
      }
    }
  }

  /** A section as a mapping: a text alone names one host or group, and nothing at all is an empty section. */
  #section(section: string, content: unknown, group: string, origin: Origin): Mapping | undefined {
    if (content === null) return undefined;
    if (isMapping(content)) return content;
    if (typeof content === 'string') return { [content]: null };
    const first = Array.isArray(content) && typeof content[0] === 'string' ? content[0] : undefined;
    this.#refuse(
      'key-type',
      origin.key(section),
      `"${section}" of the group "${group}" takes a mapping`,
      first === undefined || section === 'vars' ? undefined : `write "${first}:" rather than "- ${first}"`,
    );
    return undefined;
  }

  #unknownSection(section: string, content: unknown, group: string, key: Origin): void {
    if (content === null) return;
    this.#problems.add({
      code: 'key-unknown',
      summary: 'key is not known here',
      at: key.span(),
      details: [`the group "${group}" can have hosts, vars and children, not "${section}"`],
      hint: didYouMean(section, SECTIONS) ?? `put "${section}" below "vars" or "children" of the group`,
    });
  }

  #hosts(hosts: Mapping, origin: Origin, group: string): void {
    for (const [text, content] of Object.entries(hosts)) {
      const key = origin.key(text);
      if (!this.#isText(hosts, text, key, 'a host name')) continue;
      const expanded = expandHostNames(text);
      if (expanded.kind === 'error') {
        this.#refuse('inventory-syntax', key, expanded.reason);
        continue;
      }
      if (content !== null && content !== '' && !isMapping(content)) {
        this.#refuse('key-type', key, `the host "${text}" takes a mapping of variables`);
        continue;
      }
      const port: Variable | undefined =
        expanded.port === undefined
          ? undefined
          : { value: expanded.port, origin: key, layer: 'inventory host' };
      const variables = this.#hostVariables(content, origin.child(text));
      for (const name of expanded.names) {
        const source = this.#document.source.path;
        this.#builder.addHost(name, { group, origin: key, source, ...(port && { port }) });
        for (const [key, variable] of variables) {
          if (!this.#builder.setHostVariable(name, key, variable)) this.#refusePriority(variable);
        }
      }
    }
  }

  #hostVariables(content: unknown, origin: Origin): readonly (readonly [string, Variable])[] {
    if (!isMapping(content)) return [];
    return Object.entries(content).map(([name, value]) => [
      name,
      { value, origin: origin.child(name), layer: 'inventory host' },
    ]);
  }

  #isText(mapping: Mapping, key: string, origin: Origin, what: string): boolean {
    if (this.#document.keyIsText(mapping, key)) return true;
    const { lineText, column, length } = origin.span();
    const written = lineText.slice(column - 1, column - 1 + length);
    this.#refuse(
      'key-type',
      origin,
      `${what} is text, and YAML takes ${written} for something else`,
      `write "${written}"`,
    );
    return false;
  }

  #refusePriority(variable: Variable): void {
    this.#refuse('inventory-syntax', variable.origin, 'ansible_group_priority takes a whole number');
  }

  #refuse(code: 'inventory-syntax' | 'key-type', origin: Origin, detail: string, hint?: string): void {
    const summary = code === 'key-type' ? 'value has the wrong type' : 'inventory is not well formed';
    this.#problems.add({ code, summary, at: origin.span(), details: [detail], ...(hint && { hint }) });
  }
}

function isSection(name: string): name is (typeof SECTIONS)[number] {
  return (SECTIONS as readonly string[]).includes(name);
}
