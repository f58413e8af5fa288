// From a value of a YAML document back to its place in the file.
// yaml-document.ts builds the tree this walks; nothing here reads values.
import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { Span } from '../diagnostic.ts';
import type { Origin, SourceFile } from './source.ts';

/** One key of a mapping, with where its value stands. `value` is null where nothing was written. */
export interface YamlEntry {
  readonly key: Node | null;
  readonly value: Node | null;
}

/** The nodes of a document, with what only a walk in document order can know. */
export interface YamlTree {
  readonly source: SourceFile;
  /** Keys as the document's data has them, merged ones included. */
  readonly entries: ReadonlyMap<Node, ReadonlyMap<string, YamlEntry>>;
  /** What each alias stands for. */
  readonly targets: ReadonlyMap<Node, Node>;
}

/** The origin of `node`; `fallback` (an offset) is where to point when there is no node. */
export function nodeOrigin(tree: YamlTree, node: Node | null, fallback = 0): Origin {
  return new NodeOrigin(tree, node, fallback);
}

/** A class, because a large inventory holds one per value. */
class NodeOrigin implements Origin {
  readonly #tree: YamlTree;
  readonly #node: Node | null;
  readonly #fallback: number;

  constructor(tree: YamlTree, node: Node | null, fallback: number) {
    this.#tree = tree;
    this.#node = node;
    this.#fallback = fallback;
  }

  get isVaulted(): boolean {
    return this.#tree.source.kind === 'vaulted';
  }

  span(part?: { readonly offset: number; readonly length: number }): Span {
    if (part === undefined) return nodeSpan(this.#tree, this.#node, this.#fallback);
    return partSpan(this.#tree, this.#node, this.#fallback, part);
  }

  child(key: string | number): Origin {
    const start = this.#node?.range?.[0] ?? this.#fallback;
    const target = resolved(this.#tree, this.#node);
    if (isSeq(target)) {
      const item = target.items[Number(key)] as Node | null | undefined;
      return new NodeOrigin(this.#tree, item ?? this.#node, start);
    }
    const entry = entriesOf(this.#tree, this.#node)?.get(String(key));
    if (entry === undefined) return this;
    // An empty value has no place of its own: its key stands for it.
    const shown = isEmpty(entry.value) ? (entry.key ?? entry.value) : entry.value;
    return new NodeOrigin(this.#tree, shown, entry.key?.range?.[0] ?? start);
  }

  key(key: string): Origin {
    const keyNode = entriesOf(this.#tree, this.#node)?.get(key)?.key;
    return keyNode ? new NodeOrigin(this.#tree, keyNode, this.#fallback) : this;
  }
}

function nodeSpan(tree: YamlTree, node: Node | null, fallback: number): Span {
  const [start, end] = node?.range ?? [fallback, fallback + 1];
  return tree.source.span(start, end - start);
}

function partSpan(
  tree: YamlTree,
  node: Node | null,
  fallback: number,
  part: { readonly offset: number; readonly length: number },
): Span {
  const scalar = resolved(tree, node);
  const start = isScalar(scalar) ? fileOffset(tree.source, scalar, part.offset) : undefined;
  if (start === undefined) return nodeSpan(tree, node, fallback);
  return tree.source.span(start, part.length);
}

/**
 * Where the character at `offset` of a scalar's text stands in the file. Exact for literal blocks; elsewhere text and
 * source are walked side by side, and where they part ways (a rare escape) the answer is undefined.
 */
function fileOffset(source: SourceFile, scalar: Scalar, offset: number): number | undefined {
  if (typeof scalar.source !== 'string' || !scalar.range) return undefined;
  const [start, end] = scalar.range;
  switch (scalar.type) {
    case 'BLOCK_LITERAL':
      return literalOffset(source, scalar.source, start, offset);
    case 'BLOCK_FOLDED':
      return alignedOffset(source.text, scalar.source, nextLine(source.text, start), end, offset, '');
    case 'QUOTE_SINGLE':
    case 'QUOTE_DOUBLE':
      return alignedOffset(source.text, scalar.source, start + 1, end, offset, scalar.type);
    default:
      return alignedOffset(source.text, scalar.source, start, end, offset, '');
  }
}

/** Line n of a literal block's text is line n below its header, less the indentation. */
function literalOffset(source: SourceFile, text: string, start: number, offset: number): number {
  const before = text.slice(0, offset).split('\n');
  const index = before.length - 1;
  const fileLine = source.span(start).line + 1 + index;
  const fileText = source.lineText(fileLine);
  const indentation = fileText.length - (text.split('\n')[index] ?? '').length;
  return source.lineStart(fileLine) + Math.max(0, indentation) + (before[index] ?? '').length;
}

function alignedOffset(
  file: string,
  text: string,
  start: number,
  end: number,
  offset: number,
  quotes: 'QUOTE_SINGLE' | 'QUOTE_DOUBLE' | '',
): number | undefined {
  if (file.startsWith(text, start)) return start + offset;
  let at = start;
  let i = 0;
  while (/\s/.test(file[at] ?? '') && !/\s/.test(text[0] ?? '')) at++; // a block's indentation
  while (i < offset) {
    const want = text[i] ?? '';
    const have = file[at] ?? '';
    if (at >= end) return undefined;
    if (quotes === 'QUOTE_DOUBLE' && have === '\\' && /[\r\n]/.test(file[at + 1] ?? '')) {
      at++; // an escaped line end and the indentation behind it are no text
      while (/\s/.test(file[at] ?? '')) at++;
    } else if (quotes === 'QUOTE_DOUBLE' && have === '\\') {
      at += escapeLength(file[at + 1] ?? '');
      i++;
    } else if (/\s/.test(have) && /\s/.test(want)) {
      while (/\s/.test(file[at] ?? '')) at++;
      while (i < offset && /\s/.test(text[i] ?? '')) i++;
    } else if (have === want) {
      at += quotes === 'QUOTE_SINGLE' && have === "'" ? 2 : 1;
      i++;
    } else return undefined;
  }
  return at;
}

function escapeLength(letter: string): number {
  if (letter === 'x') return 4;
  if (letter === 'u') return 6;
  return letter === 'U' ? 10 : 2;
}

function nextLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.source === '' && node.type === 'PLAIN');
}

function resolved(tree: YamlTree, node: Node | null): Node | null {
  return node !== null && isAlias(node) ? (tree.targets.get(node) ?? node) : node;
}

function entriesOf(tree: YamlTree, node: Node | null): ReadonlyMap<string, YamlEntry> | undefined {
  const target = resolved(tree, node);
  return isMap(target) ? tree.entries.get(target) : undefined;
}
