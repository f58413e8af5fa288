// A YAML file as plain data that still knows where each value stands.
// What the data should look like (its schema) is the business of whoever asked for it.
import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type Scalar, type YAMLMap } from 'yaml';
import type { Problems } from '../diagnostic.ts';
import type { Origin, SourceFile } from './source.ts';
import { fromAnsibleJson, TaggedText, VaultedText } from './tagged-text.ts';
import { nodeOrigin, type YamlEntry } from './yaml-origin.ts';
import { resolvePlain, type YamlSchema } from './yaml-scalar.ts';
import { addSyntaxProblem, addUnquotedTemplate, isUnquotedTemplate } from './yaml-syntax.ts';

export { TaggedText } from './tagged-text.ts';
export type { YamlSchema } from './yaml-scalar.ts';

export interface YamlDocument {
  readonly source: SourceFile;
  /** Mappings are objects without a prototype; their keys are text. An empty file is null. */
  readonly data: unknown;
  readonly origin: Origin;
  /** Whether a key of a mapping in `data` was written as text: false for `80:`, `yes:` (1.1), `null:`. */
  keyIsText(mapping: object, key: string): boolean;
  /** Whether a mapping or list of `data` was written with an anchor: it may be there for aliases only. */
  isAnchored(value: unknown): boolean;
}

/**
 * Reads one YAML document. Undefined where the text is not YAML; duplicate keys, unquoted templates, unknown tags and
 * alias bombs are problems too, but leave a document, so that whoever reads it can find more.
 */
export function parseYaml(
  source: SourceFile,
  problems: Problems,
  options: {
    readonly schema: YamlSchema;
    /** A key that is there twice, the last one of which counts. Default: a problem. */
    readonly duplicates?: 'refuse' | 'warn';
  } = { schema: 'core' },
): YamlDocument | undefined {
  const document = parseDocument(source.text, {
    schema: 'failsafe', // scalars stay text; the reader below gives them their values
    uniqueKeys: false, // quadratic, and without the place of the first key
    prettyErrors: false,
    logLevel: 'error', // 'silent' would also let a second document pass
  });
  const error = document.errors[0];
  if (error) {
    addSyntaxProblem(source, error, problems);
    return undefined;
  }
  const form = options.schema === '1.1' && isJson(source.text) ? 'json' : options.schema;
  const reader = new Reader(source, { form, duplicates: options.duplicates ?? 'refuse' }, problems);
  const data = document.contents === null ? null : reader.value(document.contents);
  if (source.kind === 'vaulted') noteSecrets(source, data);
  const tree = { source, entries: reader.entries, targets: reader.targets };
  return {
    source,
    data,
    origin: nodeOrigin(tree, document.contents),
    keyIsText: (mapping, key) => !(reader.otherKeys.get(mapping)?.has(key) ?? false),
    isAnchored: (value) => typeof value === 'object' && value !== null && reader.anchored.has(value),
  };
}

/** How many values aliases may add to a document before it counts as a bomb. */
const MAX_ALIASED_VALUES = 100_000;
const STANDARD_TAG = 'tag:yaml.org,2002:';

/** Turns nodes into values, in document order, so that anchors and aliases mean what YAML says they do. */
class Reader {
  readonly entries = new Map<Node, ReadonlyMap<string, YamlEntry>>();
  readonly targets = new Map<Node, Node>();
  readonly otherKeys = new WeakMap<object, ReadonlySet<string>>();
  readonly anchored = new WeakSet<object>();
  readonly #source: SourceFile;
  readonly #schema: YamlSchema;
  readonly #isJson: boolean;
  readonly #duplicates: 'refuse' | 'warn';
  readonly #problems: Problems;
  readonly #anchors = new Map<string, { node: Node; value: unknown; size: number; state: 'open' | 'read' }>();
  #size = 0;
  #aliasedSize = 0;
  #unsafeDepth = 0;

  constructor(
    source: SourceFile,
    options: { readonly form: YamlSchema | 'json'; readonly duplicates: 'refuse' | 'warn' },
    problems: Problems,
  ) {
    const { form, duplicates } = options;
    this.#source = source;
    this.#duplicates = duplicates;
    this.#schema = form === 'json' ? 'core' : form;
    this.#isJson = form === 'json';
    this.#problems = problems;
  }

  value(node: Node | null): unknown {
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor === undefined) return this.#content(node);
    const record = { node, value: undefined as unknown, size: 0, state: 'open' as 'open' | 'read' };
    this.#anchors.set(anchor, record);
    const before = this.#size;
    record.value = this.#content(node);
    record.size = this.#size - before;
    record.state = 'read';
    if (typeof record.value === 'object' && record.value !== null) this.anchored.add(record.value);
    return record.value;
  }

  #alias(node: Node & { source: string }): unknown {
    const record = this.#anchors.get(node.source);
    if (record === undefined) return this.#refuse(node, `no anchor &${node.source} stands before this alias`);
    if (record.state === 'open') return this.#refuse(node, `&${node.source} contains itself`);
    this.targets.set(node, record.node);
    this.#size += record.size;
    const before = this.#aliasedSize;
    this.#aliasedSize += record.size;
    if (this.#aliasedSize > MAX_ALIASED_VALUES) {
      if (before > MAX_ALIASED_VALUES) return null;
      return this.#refuse(node, `aliases repeat more than ${MAX_ALIASED_VALUES} values`);
    }
    return record.value;
  }

  #content(node: Node): unknown {
    this.#size++;
    const tag = (node as { tag?: string }).tag;
    const unsafe = tag === '!unsafe';
    if (unsafe) this.#unsafeDepth++;
    try {
      if (isScalar(node)) return this.#scalar(node as Scalar<string>, tag);
      if (isSeq(node)) {
        this.#checkTag(node, tag, ['seq', 'omap', 'pairs']);
        return node.items.map((item) => this.value(item as Node | null));
      }
      if (!isMap(node)) return null;
      if (isUnquotedTemplate(this.#source, node)) {
        return addUnquotedTemplate(this.#source, node.range?.[0] ?? 0, this.#problems, node.range?.[1]);
      }
      this.#checkTag(node, tag, ['map', 'omap', 'set']);
      return this.#mapping(node as YAMLMap<Node, Node | null>);
    } finally {
      if (unsafe) this.#unsafeDepth--;
    }
  }

  #scalar(node: Scalar<string>, tag: string | undefined): unknown {
    const text = node.source ?? '';
    if (tag === '!vault' || tag === '!vault-encrypted') return new VaultedText(text, this.#source.vault);
    const value = this.#scalarValue(node, text, tag);
    return this.#unsafeDepth > 0 && typeof value === 'string' ? new TaggedText('unsafe', value) : value;
  }

  #scalarValue(node: Scalar<string>, text: string, tag: string | undefined): unknown {
    if (tag === undefined) return node.type === 'PLAIN' ? resolvePlain(text, this.#schema) : text;
    if (!this.#checkTag(node, tag, ['str', 'int', 'float', 'bool', 'null', 'timestamp', 'binary'])) {
      return `${tag} ${text}`.trim();
    }
    const isText = tag === '!' || tag === '!unsafe' || /:(?:str|binary|timestamp)$/.test(tag);
    if (isText) return text;
    return tag.endsWith(':null') ? null : resolvePlain(text, this.#schema);
  }

  /** False where the tag means nothing, which is then told. */
  #checkTag(node: Node, tag: string | undefined, known: readonly string[]): boolean {
    if (tag === undefined || tag === '!' || tag === '!unsafe') return true;
    if (tag.startsWith(STANDARD_TAG) && known.includes(tag.slice(STANDARD_TAG.length))) return true;
    const written = tag.replace(STANDARD_TAG, '!!');
    const start = this.#source.text.lastIndexOf(written, node.range?.[0] ?? 0);
    this.#problems.add({
      code: 'yaml-syntax',
      summary: 'not valid YAML',
      at: this.#source.span(start < 0 ? (node.range?.[0] ?? 0) : start, written.length),
      details: [`YAML takes ${written} for a tag, and it has no meaning here`],
      hint: 'put the whole value into quotes, if it is one',
    });
    return false;
  }

  #mapping(node: YAMLMap<Node, Node | null>): unknown {
    const merged = new Map<string, YamlEntry>();
    const base: Record<string, unknown> = Object.create(null);
    const own = new Map<string, YamlEntry>();
    const data: Record<string, unknown> = Object.create(null);
    const others = new Set<string>();
    for (const pair of node.items) {
      if (isMergeKey(pair.key)) {
        this.#merge(pair.value, merged, base);
        continue;
      }
      const name = this.#keyText(pair.key, others);
      this.#checkDuplicate(pair.key, name, own.get(name));
      own.set(name, pair);
      data[name] = this.value(pair.value);
    }
    const whole = merged.size === 0 ? data : Object.assign(base, data);
    this.entries.set(node, merged.size === 0 ? own : new Map([...merged, ...own]));
    if (others.size > 0) this.otherKeys.set(whole, others);
    return (this.#isJson && fromAnsibleJson(whole, this.#source.vault)) || whole;
  }

  /** `<<: *base` or `<<: [*a, *b]`: the first that has a key wins, and the mapping's own keys win over all. */
  #merge(value: Node | null, entries: Map<string, YamlEntry>, data: Record<string, unknown>): void {
    const resolved = value !== null && isAlias(value) ? this.#anchors.get(value.source)?.node : value;
    const bases = isSeq(resolved) ? (resolved.items as (Node | null)[]) : [value];
    if (isSeq(resolved) && isAlias(value)) this.value(value);
    for (const base of bases) {
      const baseData = this.value(base);
      const baseNode = base !== null && isAlias(base) ? this.targets.get(base) : base;
      if (!isMap(baseNode)) {
        if (base !== null) this.#refuse(base, '<< takes a mapping, or a list of mappings');
        continue;
      }
      for (const [name, entry] of this.entries.get(baseNode) ?? []) {
        if (entries.has(name)) continue;
        entries.set(name, entry);
        data[name] = (baseData as Record<string, unknown>)[name];
      }
    }
  }

  #keyText(key: Node | null, others: Set<string>): string {
    const value = this.value(key);
    if (typeof value === 'string') return value;
    const text =
      value instanceof TaggedText
        ? value.text
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);
    others.add(text);
    return text;
  }

  #checkDuplicate(key: Node | null, name: string, first: YamlEntry | undefined): void {
    if (first === undefined) return;
    const [start, end] = key?.range ?? [0, 1];
    const line = this.#source.span(first.key?.range?.[0] ?? 0).line;
    const at = this.#source.span(start, end - start);
    const found = { code: 'duplicate-key', summary: 'key is there twice', at } as const;
    const detail = `"${name}" stands on line ${line} already`;
    if (this.#duplicates === 'warn') {
      this.#problems.warn({ ...found, details: [`${detail}; what stands here counts`] });
    } else this.#problems.add({ ...found, details: [detail], hint: 'remove one of the two' });
  }

  #refuse(node: Node, detail: string): null {
    const [start, end] = node.range ?? [0, 1];
    this.#problems.add({
      code: 'yaml-syntax',
      summary: 'not valid YAML',
      at: this.#source.span(start, end - start),
      details: [detail],
    });
    return null;
  }
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<' && key.tag === undefined;
}

/** Whatever a vaulted file holds, but for the names in it. */
function noteSecrets({ vault }: SourceFile, data: unknown): void {
  vault.secrets.addValue(JSON.parse(JSON.stringify(data)));
}

/** Ansible tries JSON first: there `1e3` is a number and no word is a boolean but true and false. */
function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
