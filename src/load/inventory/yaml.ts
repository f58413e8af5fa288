// Reads an inventory in Ansible's YAML format: groups at the top, each with `hosts`, `vars` and `children`.
// Where Ansible goes on without a part that somebody may have meant, this reports a problem.
import { didYouMean, type Problems } from '../../diagnostic.ts';
import type { Origin } from '../source.ts';
import { TaggedText } from '../tagged-text.ts';
import type { YamlDocument } from '../yaml-document.ts';
import { type InventoryBuilder, whyNoChild } from './builder.ts';
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
      hint: `run "ansible-inventory -i ${document.source.name} --list >fleet.json", and use fleet.json`,
    });
    return;
  }
  const reader = new YamlReader(document, builder, problems);
  if (isForeign(data)) reader.passOverAll(data, origin);
  else reader.groups(data, origin);
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
      if (name === '') {
        this.#refuse('inventory-syntax', key, 'a group name cannot be empty');
        continue;
      }
      this.#group(name, body, origin.child(name), key);
      if (parent === undefined || !this.#builder.hasGroup(name) || this.#builder.addChild(parent, name))
        continue;
      this.#refuse('inventory-syntax', key, whyNoChild(parent, name));
    }
  }

  #group(name: string, body: unknown, origin: Origin, key: Origin): void {
    if (body !== null && !isMapping(body)) {
      const first = Array.isArray(body) && typeof body[0] === 'string' ? body[0] : 'NAME';
      const hint = isSection(name)
        ? 'put it below a group, "all" for instance'
        : `write "hosts:" below it, and below that each host with a colon: "${first}:"`;
      this.#refuse('key-type', key, `the group "${name}" takes a mapping with hosts, vars or children`, hint);
      return;
    }
    this.#builder.addGroup(name);
    if (body === null) return;
    const isBare = !Object.keys(body).some(isSection);
    if (isBare && this.#isForAliases(body)) return;
    const contents = Object.values(body);
    if (isBare && contents.length > 0 && contents.every((content) => content === null)) {
      this.#refuseBareNames(name, Object.keys(body), origin);
      return;
    }
    for (const [section, content] of Object.entries(body)) {
      if (!isSection(section)) this.#unknownSection(section, content, name, origin.key(section));
      else {
        const mapping = this.#section(section, content, name, origin);
        if (mapping) this.#fill(section, mapping, name, origin.child(section));
      }
    }
  }

  /** A place for anchors (`.defaults: &defaults {…}`) is no group with a line missing. */
  #isForAliases(body: Mapping): boolean {
    const contents = Object.values(body);
    return (
      this.#document.isAnchored(body) ||
      (contents.length > 0 && contents.every((content) => this.#document.isAnchored(content)))
    );
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

  /** Names with nothing behind them are hosts whose `hosts:` is missing, or groups without their `children:`. */
  #refuseBareNames(group: string, names: readonly string[], origin: Origin): void {
    const [first = ''] = names;
    const near = names.length === 1 ? didYouMean(first, SECTIONS) : undefined;
    const shown = names.length > 3 ? `"${first}" and ${names.length - 1} more` : `"${names.join('", "')}"`;
    const parent = group === 'all' ? 'children' : 'hosts';
    this.#problems.add({
      code: 'key-unknown',
      summary: 'key is not known here',
      at: origin.key(first).span(),
      details: [`the group "${group}" can have hosts, vars and children, not ${shown}`],
      hint: near ?? `write "${parent}:" above, and indent ${names.length === 1 ? 'it' : 'them'} below it`,
    });
  }

  #unknownSection(section: string, content: unknown, group: string, key: Origin): void {
    const detail = `the group "${group}" can have hosts, vars and children, not "${section}"`;
    const near = didYouMean(section, SECTIONS);
    if (near === undefined && (content === null || isEmpty(content))) {
      this.#passOver(key, detail);
      return;
    }
    const hint = near ?? `put "${section}" below ${sectionFor(content)} of the group`;
    const summary = 'key is not known here';
    this.#problems.add({ code: 'key-unknown', summary, at: key.span(), details: [detail], hint });
  }

  /** A file with another use: its keys are groups without anything to Ansible, or none at all. */
  passOverAll(data: Mapping, origin: Origin): void {
    for (const [name, body] of Object.entries(data)) {
      if (isMapping(body)) this.#builder.addGroup(name);
      const what = isMapping(body) ? 'has neither hosts nor vars nor children' : 'is a list, and no group';
      this.#passOver(origin.key(name), `"${name}" ${what}: it is not used`);
    }
  }

  #passOver(key: Origin, detail: string): void {
    const summary = 'key is not known here';
    this.#problems.warn({ code: 'key-unknown', summary, at: key.span(), details: [detail] });
  }

  #hosts(hosts: Mapping, origin: Origin, group: string): void {
    for (const [text, content] of Object.entries(hosts)) {
      const key = origin.key(text);
      if (!this.#isText(hosts, text, key, 'a host name')) continue;
      if (/\s/.test(text)) {
        const first = text.split(/\s+/)[0];
        const hint = `write each with a colon, on a line of its own: "${first}:"`;
        this.#refuse('inventory-syntax', key, 'there is a blank in the name of a host', hint);
        continue;
      }
      const expanded = expandHostNames(text);
      if (expanded.kind === 'error') {
        this.#refuse('inventory-syntax', key, expanded.reason);
        continue;
      }
      if (content !== null && content !== '' && !isMapping(content) && !isEmpty(content)) {
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

/**
 * Whether a document is some other program's, like a `clouds.yml` in a folder of inventories, and not a set of groups in
 * which a line is missing: nothing in it could be a section, a host or a variable of Ansible's, and something is deeper
 * than a group's variables would be.
 */
function isForeign(data: Mapping): boolean {
  const bodies = Object.values(data);
  return bodies.every(isNoGroup) && bodies.some(isDeep);
}

function isNoGroup(body: unknown): boolean {
  if (Array.isArray(body)) return body.some(isMapping);
  return isMapping(body) && !Object.entries(body).some(isLikeGroup);
}

function isLikeGroup([name, content]: readonly [string, unknown]): boolean {
  if (content === null || name.startsWith('ansible_') || didYouMean(name, SECTIONS) !== undefined)
    return true;
  return (
    isMapping(content) && Object.entries(content).some(([key, value]) => value === null || isSection(key))
  );
}

function isDeep(body: unknown): boolean {
  const contents = Array.isArray(body) ? [body] : Object.values(body as Mapping);
  return contents.some(
    (content) => isMapping(content) || (Array.isArray(content) && content.some(isMapping)),
  );
}

/** Where something belongs that stands in a group itself. */
function sectionFor(content: unknown): string {
  if (!isMapping(content)) return '"vars"';
  return Object.keys(content).some(isSection) ? '"children"' : '"vars" or "children"';
}

function isEmpty(content: unknown): boolean {
  return typeof content === 'object' && content !== null && Object.keys(content).length === 0;
}

function isSection(name: string): name is (typeof SECTIONS)[number] {
  return (SECTIONS as readonly string[]).includes(name);
}
