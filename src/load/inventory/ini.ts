// Reads an inventory in Ansible's INI format. Values of host lines are split like shell words and then read as Python
// literals; values of :vars sections are Python literals only (see python-literal.ts).
import { didYouMean, type Problems } from '../../diagnostic.ts';
import { fixedOrigin, type Origin, type SourceFile } from '../source.ts';
import { type InventoryBuilder, whyNoChild } from './builder.ts';
import { expandHostNames } from './host-name.ts';
import { splitWords, type Word } from './ini-line.ts';
import type { Variable, VariableLayer } from './model.ts';
import { pythonValue } from './python-literal.ts';

/** Adds everything a file says; each line that makes no sense is a problem, and the next line is read. */
export function readIni(source: SourceFile, builder: InventoryBuilder, problems: Problems): void {
  if (isYamlByLooks(source)) {
    problems.add({
      ...SYNTAX,
      at: source.span(source.text.search(/^[^\s#;]/m), 1),
      details: ['this is YAML, and is read as INI because of the name of the file'],
      hint: `give it a name that ends in .yml, or in nothing: ${source.name.replace(/\.[^./]*$/, '')}.yml`,
    });
    return;
  }
  const reader = new IniReader(source, builder, problems);
  let start = 0;
  for (const end of source.text.matchAll(LINE_END)) {
    reader.line(source.text.slice(start, end.index), start);
    start = end.index + end[0].length;
  }
  reader.finish();
}

/** What Python's `splitlines` takes for the end of a line, and the end of the text. */
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|$/g;

/** No section, and a first line that is a mapping's key with nothing behind it: `all:`. */
function isYamlByLooks({ text }: SourceFile): boolean {
  const first = /^[^\s#;].*$/m.exec(text.replace(/^---.*$/m, ''))?.[0] ?? '';
  return (
    /^["']?[\w.-]+["']?:\s*(?:#.*)?$/.test(first) && /^\s+\S+:(?:\s|$)/m.test(text) && !/^\[/m.test(text)
  );
}

const SECTION = /^\[([^:\]\s]+)(?::([\p{L}\p{N}_]+))?\]\s*(?:#.*)?$/u;
const GROUP_NAME = /^([^:\]\s]+)\s*(?:#.*)?$/;

const TRAILER = /^(\[[^\]]*\])\s+([^#\s].*)$/;

/** Whether a line is a section header: enough to know an INI inventory from a YAML one. */
export function isSectionHeader(line: string): boolean {
  return SECTION.test(line.trim());
}

/** Blanks that come with text from web pages; to Ansible they are letters of the host's name. */
const ODD_BLANK = /[\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]/;

type SectionKind = 'hosts' | 'children' | 'vars';

/** A group that was used before it was declared. */
interface Pending {
  readonly kind: 'children' | 'vars';
  readonly offset: number;
  readonly parents: string[];
}

class IniReader {
  readonly #source: SourceFile;
  readonly #builder: InventoryBuilder;
  readonly #problems: Problems;
  readonly #pending = new Map<string, Pending>();
  #group = 'ungrouped';
  #kind: SectionKind | 'skipped' = 'hosts';

  constructor(source: SourceFile, builder: InventoryBuilder, problems: Problems) {
    this.#source = source;
    this.#builder = builder;
    this.#problems = problems;
  }

  line(raw: string, lineStart: number): void {
    const line = raw.trim();
    const offset = lineStart + raw.indexOf(line);
    if (line === '' || line.startsWith('#') || line.startsWith(';')) return;
    const section = SECTION.exec(this.#withoutTrailer(line, offset));
    if (section) this.#section(section[1] ?? '', section[2] ?? 'hosts', offset);
    else if (line.startsWith('[') && line.endsWith(']')) {
      this.#kind = 'skipped';
      this.#refuse(
        offset,
        line.length,
        `${line} is no section: write [group], [group:children] or [group:vars]`,
      );
    } else if (this.#kind === 'hosts') this.#hosts(line, offset);
    else if (this.#kind === 'children') this.#child(line, offset);
    else if (this.#kind === 'vars') this.#variable(line, offset);
  }

  /** A section's header alone: behind it, only a comment with # makes sense. */
  #withoutTrailer(line: string, offset: number): string {
    const trailer = TRAILER.exec(line);
    if (trailer === null) return line;
    const [, header = '', behind = ''] = trailer;
    if (!isSectionHeader(header)) return line;
    this.#refuse(
      offset + line.length - behind.length,
      behind.length,
      'only a comment with # can follow a section',
    );
    return header;
  }

  /** What was used must have been declared by now. */
  finish(): void {
    for (const [name, { kind, offset, parents }] of this.#pending) {
      const detail =
        kind === 'vars'
          ? `[${name}:vars] sets variables of a group that is nowhere declared`
          : `[${parents.at(-1)}:children] includes "${name}", a group that is nowhere declared`;
      const length = kind === 'vars' ? name.length + 7 : name.length;
      const near = didYouMean(
        name,
        [...this.#builder.groupNames()].filter((each) => each !== name && !this.#pending.has(each)),
      );
      this.#refuse(offset, length, detail, near ?? `declare it with [${name}]`);
    }
  }

  #section(name: string, kind: string, offset: number): void {
    if (kind !== 'hosts' && kind !== 'children' && kind !== 'vars') {
      this.#kind = 'skipped';
      this.#refuse(
        offset,
        name.length + kind.length + 3,
        `[${name}:${kind}] is no section: only :children and :vars can follow a group`,
      );
      return;
    }
    this.#group = name;
    this.#kind = kind;
    const pending = this.#pending.get(name);
    if (!this.#builder.hasGroup(name)) {
      if (kind === 'vars' && pending === undefined) this.#pending.set(name, { kind, offset, parents: [] });
      this.#builder.addGroup(name);
    }
    if (kind === 'vars' || pending === undefined) return;
    if (pending.kind === 'children') this.#adopt(name, pending, offset);
    else this.#pending.delete(name);
  }

  #adopt(name: string, pending: Pending, offset: number): void {
    this.#pending.delete(name);
    for (const parent of pending.parents) this.#addChild(parent, name, offset);
  }

  #child(line: string, offset: number): void {
    const name = GROUP_NAME.exec(line)?.[1];
    if (name === undefined) {
      this.#refuse(offset, line.length, `[${this.#group}:children] takes one group name per line`);
      return;
    }
    const pending = this.#pending.get(name);
    if (this.#builder.hasGroup(name)) this.#addChild(this.#group, name, offset);
    else if (pending) pending.parents.push(this.#group);
    else this.#pending.set(name, { kind: 'children', offset, parents: [this.#group] });
  }

  #addChild(parent: string, child: string, offset: number): void {
    if (this.#builder.addChild(parent, child)) return;
    this.#refuse(offset, child.length, whyNoChild(parent, child));
  }

  #variable(line: string, offset: number): void {
    const equals = line.indexOf('=');
    if (equals < 0) {
      this.#refuse(offset, line.length, `[${this.#group}:vars] takes name=value, one per line`);
      return;
    }
    const raw = line.slice(equals + 1);
    const text = raw.trim();
    const start = offset + equals + 1 + raw.indexOf(text);
    const variable = this.#read(text, start, text.length, 'inventory group');
    if (!this.#builder.setGroupVariable(this.#group, line.slice(0, equals).trim(), variable)) {
      this.#refuse(start, text.length, 'ansible_group_priority takes a whole number');
    }
  }

  #hosts(line: string, offset: number): void {
    const split = splitWords(line);
    if (split.kind === 'error') {
      this.#refuse(offset + split.start, 1, split.reason);
      return;
    }
    const [host, ...assignments] = split.words;
    if (host === undefined) return;
    const end = offset + host.end;
    const start = offset + host.start;
    if (/^\[[^[\]:]+(?::\w*)?$/.test(line)) {
      this.#refuse(offset, line.length, 'a section is not closed', `write ${line}]`);
      return;
    }
    const expanded = this.#expand(host.text);
    if (expanded.kind === 'error') this.#refuse(start, end - start, expanded.reason);
    const variables = this.#assignments(assignments, offset);
    if (expanded.kind === 'error') return;
    if (/^[a-z_]\w*=/i.test(host.text)) this.#doubtHost(host, start);
    const origin = fixedOrigin(this.#source.span(start, end - start));
    const port: Variable | undefined =
      expanded.port === undefined ? undefined : { value: expanded.port, origin, layer: 'inventory host' };
    for (const name of expanded.names) {
      this.#builder.addHost(name, {
        group: this.#group,
        origin,
        source: this.#source.path,
        ...(port && { port }),
      });
      for (const [key, variable] of variables) {
        if (this.#builder.setHostVariable(name, key, variable)) continue;
        const at = variable.origin.span();
        this.#problems.add({ ...SYNTAX, at, details: ['ansible_group_priority takes a whole number'] });
      }
    }
  }

  /** To Ansible it is a host. */
  #doubtHost({ text, start, end }: Word, offset: number): void {
    this.#problems.warn({
      ...SYNTAX,
      at: this.#source.span(offset, end - start),
      details: [`"${text}" is taken for the name of a host`],
      hint: `variables of a group stand below [${this.#group}:vars]`,
    });
  }

  #expand(text: string): ReturnType<typeof expandHostNames> {
    const expanded = expandHostNames(text);
    if (expanded.kind === 'error') return expanded;
    if (text.endsWith(':') && expanded.port === undefined) {
      return { kind: 'error', reason: `no port stands behind the colon of "${text}"` };
    }
    if (expanded.names.includes('---'))
      return { kind: 'error', reason: 'a line of --- belongs to YAML, not to INI' };
    const blank = ODD_BLANK.exec(text)?.[0];
    if (blank !== undefined) {
      const code = (blank.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      const reason = `what looks like a blank is the letter U+${code}: type the blank anew`;
      return { kind: 'error', reason };
    }
    return expanded;
  }

  /** The variables of a host line, up to the first word that is none: more would be said about one mistake. */
  #assignments(words: readonly Word[], offset: number): readonly (readonly [string, Variable])[] {
    const variables: (readonly [string, Variable])[] = [];
    for (const [index, word] of words.entries()) {
      const equals = word.text.indexOf('=');
      if (equals < 0) {
        const { detail, hint } = noVariable(word.text, words[index + 1]?.text ?? '', words[index + 2]?.text);
        this.#refuse(offset + word.start, word.end - word.start, detail, hint);
        break;
      }
      const text = word.text.slice(equals + 1);
      const inLine = this.#source.text.slice(offset + word.start, offset + word.end).indexOf('=') + 1;
      const start = offset + word.start + Math.max(0, inLine);
      const variable = this.#read(text, start, offset + word.end - start, 'inventory host');
      variables.push([word.text.slice(0, equals), variable]);
    }
    return variables;
  }

  #read(text: string, start: number, length: number, layer: VariableLayer): Variable {
    const value = pythonValue(text);
    if (this.#source.kind === 'vaulted') this.#source.vault.secrets.addValue(value);
    return { value, origin: valueOrigin(this.#source, start, length), layer };
  }

  #refuse(offset: number, length: number, detail: string, hint?: string): void {
    this.#problems.add({
      ...SYNTAX,
      at: this.#source.span(offset, length),
      details: [detail],
      ...(hint && { hint }),
    });
  }
}

const SYNTAX = { code: 'inventory-syntax', summary: 'inventory is not well formed' } as const;

/** What a word is that stands where name=value is wanted, by what comes behind it. */
function noVariable(word: string, next: string, value = ''): { detail: string; hint?: string } {
  if (word.startsWith(';')) return { detail: 'a comment behind a host starts with #, not with ;' };
  const detail = `"${word}" is no variable: a host line takes name=value behind the host`;
  if (next === '=') return { detail, hint: `write ${word}=${value}, without blanks` };
  if (next.startsWith('=')) return { detail, hint: `write ${word}${next}, without blanks` };
  if (word.endsWith(':')) return { detail, hint: `write ${word.slice(0, -1)}=${next}` };
  return { detail };
}

/** An offset into the value is exact but for quotes in front of it. */
function valueOrigin(source: SourceFile, start: number, length: number): Origin {
  const quotes = /^["']*/.exec(source.text.slice(start, start + length))?.[0].length ?? 0;
  const origin: Origin = {
    span: (part) =>
      part === undefined
        ? source.span(start, length)
        : source.span(start + quotes + part.offset, part.length),
    child: () => fixedOrigin(source.span(start, length)),
    key: () => fixedOrigin(source.span(start, length)),
  };
  return origin;
}
