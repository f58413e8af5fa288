// A text file of the user's, and the way from an offset in it to line and column.
// Reading and parsing belong to the loaders.
import { Buffer, isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative } from 'node:path';
import { didYouMean, type Problems, type Span } from '../diagnostic.ts';
import { MASK } from '../secret.ts';
import { closedDiagnostic } from './vault/closed.ts';
import { isVaulted } from './vault/envelope.ts';
import { Vault } from './vault/vault.ts';

/** Where a text stands, so that an offset in it becomes a place in a file. */
export interface TextOrigin {
  /** The file is vaulted: nobody is shown what stands there. */
  readonly isVaulted?: boolean;
  /** The place; with `part` (offset and length in UTF-16 units), a part of the text. */
  span(part?: { readonly offset: number; readonly length: number }): Span;
}

/** Where a value came from. `child` goes down into it, `span` says where to point. */
export interface Origin extends TextOrigin {
  /** The origin of a list's item or of a mapping's value. */
  child(key: string | number): Origin;
  /** The origin of the mapping's key itself (falls back to the mapping). */
  key(key: string): Origin;
}

export class SourceFile {
  /** As shown to people: relative to the working directory where it lies below it. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
  /** Opens what is vaulted inside of the text. */
  readonly vault: Vault;
  /** `vaulted`: the file holds it encrypted, so nobody is shown its lines. */
  readonly kind: 'plain' | 'vaulted';
  readonly #lineStarts: readonly number[];

  constructor(path: string, text: string, vault: Vault = new Vault(), kind: 'plain' | 'vaulted' = 'plain') {
    this.path = path;
    this.name = displayPath(path);
    this.text = text;
    this.vault = vault;
    this.kind = kind;
    const starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
  }

  /** The span that starts at `offset`; cut at the end of its line, at least one column wide. */
  span(offset: number, length = 1): Span {
    const line = this.#lineAt(Math.min(offset, this.text.length));
    const start = this.#lineStarts[line] ?? 0;
    const lineText = this.#shownLine(line + 1);
    const column = Math.min(offset - start, lineText.length);
    return {
      file: this.name,
      line: line + 1,
      column: column + 1,
      length: Math.max(1, Math.min(length, lineText.length - column)),
      lineText,
    };
  }

  /** Of a vaulted file, no more than the name that a line gives to a value. */
  #shownLine(line: number): string {
    const text = this.lineText(line);
    if (this.kind === 'plain' || text === '') return text;
    const name = /^[\s-]*[A-Za-z_]\w*(?::(?=\s|$)\s?|\s*=\s*)/.exec(text)?.[0] ?? '';
    return name.length === text.length ? name : name + MASK;
  }

  /** The text of a line that counts from 1, without its ending; empty past the end. */
  lineText(line: number): string {
    const start = this.#lineStarts[line - 1];
    if (start === undefined) return '';
    const end = this.#lineStarts[line];
    return this.text.slice(start, end).replace(/\r?\n$/, '');
  }

  /** The offset at which a line (from 1) starts. */
  lineStart(line: number): number {
    return this.#lineStarts[line - 1] ?? this.text.length;
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** An origin that always points at the same place: for values whose inside has no positions of its own. */
export function fixedOrigin(span: Span): Origin {
  const origin: Origin = { span: () => span, child: () => origin, key: () => origin };
  return origin;
}

/** A path as shown to people. */
export function displayPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}

/**
 * Reads a file, and opens it where all of it is vaulted. What goes wrong becomes a diagnostic (at `from`, the place
 * that names the file).
 */
export function readSource(
  path: string,
  problems: Problems,
  from?: Span,
  vault: Vault = new Vault(),
): SourceFile | undefined {
  try {
    const bytes = readFileSync(path);
    const source = new SourceFile(path, bytes.toString('utf8').replace(/^\ufeff/, ''), vault);
    if (!isUtf8(bytes)) refuseOtherEncoding(source, problems);
    return openSource(source, problems);
  } catch (error) {
    const hint = didYouMean(basename(path), neighboursOf(path));
    problems.add({
      code: 'file-unreadable',
      summary: 'file cannot be read',
      ...(from && { at: from }),
      details: [`${displayPath(path)}: ${systemErrorText(error)}`],
      ...(hint !== undefined && { hint }),
    });
    return undefined;
  }
}

/** What else there is in a file's folder. */
function neighboursOf(path: string): readonly string[] {
  try {
    return readdirSync(dirname(path)).filter((name) => name !== basename(path) && !name.startsWith('.'));
  } catch {
    return [];
  }
}

/** Letters that are not UTF-8 would reach hosts as question marks. In comments nobody minds, programs are run as they are. */
function refuseOtherEncoding(source: SourceFile, problems: Problems): void {
  if (/^(?:#!|\x7fELF)/.test(source.text)) return;
  const wrong = /^(?![ \t]*[#;])(?:(?!\ufffd|[ \t]#).)*(\ufffd+)/mu.exec(source.text);
  if (wrong === null) return;
  const [all, letters = ''] = wrong;
  problems.add({
    code: 'file-unreadable',
    summary: 'file is not UTF-8',
    at: source.span(wrong.index + all.length - letters.length, letters.length),
    details: ['the bytes that are shown as \ufffd are of another encoding, most likely Latin-1'],
    hint: 'save it as UTF-8',
  });
}

/** The same file in plain text; undefined where its vaulted text stays closed, which is a problem. */
function openSource(source: SourceFile, problems: Problems): SourceFile | undefined {
  if (!isVaulted(source.text)) return source;
  const opened = source.vault.open(source.text);
  if (opened.kind === 'open') {
    return new SourceFile(source.path, Buffer.from(opened.bytes).toString('utf8'), source.vault, 'vaulted');
  }
  problems.add(closedDiagnostic(opened, source.span(0, source.lineText(1).length)));
  return undefined;
}

/** `no such file or directory` and its like, from a Node system error. */
export function systemErrorText(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'EISDIR') return 'it is a folder, not a file';
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^[A-Z0-9]+: /, '').replace(/, \w+( '.*')?$/, '');
}
