// Where the keys and values of a TOML text stand. The library that reads TOML does not tell; it has read the text before,
// so that nothing here needs to find mistakes.
import type { Origin, SourceFile } from '../source.ts';

/** The origin of everything in a TOML file that can be read. `unescaped`: the name that a quoted key stands for. */
export function tomlOrigin(source: SourceFile, unescaped: (quoted: string) => string): Origin {
  return new PlaceOrigin(source, new TomlScan(source.text, unescaped).document());
}

interface Stretch {
  readonly offset: number;
  readonly length: number;
  /** Where the text of a string starts, if each of its letters is one letter of the file. */
  readonly textOffset?: number;
}

/** A key with its value; `key` is where it is named first, and the document itself has none. */
interface Place {
  key?: Stretch;
  value?: Stretch;
  /** Of a table, or, by their numbers, of a list. */
  readonly children: Map<string, Place>;
  /** Tables of the form `[[name]]`: further keys are about the last one. */
  isTableList?: true;
}

interface Key extends Stretch {
  readonly name: string;
}

class PlaceOrigin implements Origin {
  readonly #source: SourceFile;
  readonly #place: Place;

  constructor(source: SourceFile, place: Place) {
    this.#source = source;
    this.#place = place;
  }

  get isVaulted(): boolean {
    return this.#source.kind === 'vaulted';
  }

  span(part?: { readonly offset: number; readonly length: number }) {
    const { key, value } = this.#place;
    const { offset, length, textOffset } = value ?? key ?? { offset: 0, length: 1 };
    if (part === undefined || textOffset === undefined) return this.#source.span(offset, length);
    return this.#source.span(textOffset + part.offset, part.length);
  }

  child(key: string | number): Origin {
    const place = this.#place.children.get(String(key));
    return place === undefined ? this : new PlaceOrigin(this.#source, place);
  }

  key(key: string): Origin {
    const place = this.#place.children.get(key);
    return place?.key === undefined
      ? this
      : new PlaceOrigin(this.#source, { key: place.key, children: new Map() });
  }
}

const BARE_KEY = /[A-Za-z0-9_-]+/y;
/** Blanks, line breaks and comments. */
const GAP = /(?:[ \t\r\n]+|#[^\n]*)*/y;
const BLANKS = /[ \t]*/y;
const LITERAL = /[^,\]}#\r\n]*/y;
const STRINGS = [
  /"""(?:[^\\]|\\[\s\S])*?"{3,5}/y,
  /'''[\s\S]*?'{3,5}/y,
  /"(?:[^"\\\n]|\\.)*"/y,
  /'[^'\n]*'/y,
];

class TomlScan {
  readonly #text: string;
  readonly #unescaped: (quoted: string) => string;
  #at = 0;

  constructor(text: string, unescaped: (quoted: string) => string) {
    this.#text = text;
    this.#unescaped = unescaped;
  }

  document(): Place {
    const document: Place = { children: new Map() };
    let table = document;
    for (this.#take(GAP); this.#at < this.#text.length; this.#take(GAP)) {
      if (this.#skip('[[')) {
        table = nextItem(descend(document, this.#keys()));
        this.#skip(']]');
      } else if (this.#skip('[')) {
        table = descend(document, this.#keys());
        this.#skip(']');
      } else this.#keyAndValue(table);
    }
    return document;
  }

  #keyAndValue(table: Place): void {
    const place = descend(table, this.#keys());
    this.#skip('=');
    this.#take(BLANKS);
    this.#value(place);
  }

  /** `a."b".c`, with blanks around. */
  #keys(): readonly Key[] {
    const keys: Key[] = [];
    do {
      this.#take(BLANKS);
      const offset = this.#at;
      const text = this.#take(BARE_KEY) || this.#string();
      // What cannot be a key would be met again and again.
      if (text === '') this.#at += 1;
      keys.push({ name: this.#name(text), offset, length: text.length });
      this.#take(BLANKS);
    } while (this.#skip('.'));
    return keys;
  }

  #name(text: string): string {
    if (!/^["']/.test(text)) return text;
    return text.includes('\\') ? this.#unescaped(text) : text.slice(1, -1);
  }

  #value(place: Place): void {
    const offset = this.#at;
    if (this.#skip('{')) this.#members('}', () => this.#keyAndValue(place));
    else if (this.#skip('[')) {
      this.#members(']', () => {
        const item: Place = { children: new Map() };
        place.children.set(String(place.children.size), item);
        this.#value(item);
      });
    } else {
      const string = this.#string();
      const length = string === '' ? this.#take(LITERAL).trimEnd().length : string.length;
      place.value = { offset, length, ...textOffset(string, offset) };
      return;
    }
    place.value = { offset, length: this.#at - offset };
  }

  #members(end: string, readMember: () => void): void {
    for (this.#take(GAP); this.#at < this.#text.length && !this.#skip(end); this.#take(GAP)) {
      const before = this.#at;
      readMember();
      this.#take(GAP);
      // What is neither a member nor a comma cannot be, and must not be met for ever.
      if (!this.#skip(',') && this.#at === before) this.#at += 1;
    }
  }

  #string(): string {
    for (const form of STRINGS) {
      const text = this.#take(form);
      if (text !== '') return text;
    }
    return '';
  }

  #skip(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #take(form: RegExp): string {
    form.lastIndex = this.#at;
    const [text = ''] = form.exec(this.#text) ?? [];
    this.#at += text.length;
    return text;
  }
}

function descend(from: Place, keys: readonly Key[]): Place {
  return keys.reduce((above, { name, offset, length }) => {
    const place = above.isTableList ? lastItem(above) : above;
    let next = place.children.get(name);
    if (next === undefined) {
      next = { key: { offset, length }, children: new Map() };
      place.children.set(name, next);
    }
    return next;
  }, openList(from));
}

function openList(place: Place): Place {
  return place.isTableList ? lastItem(place) : place;
}

function nextItem(list: Place): Place {
  list.isTableList = true;
  const item: Place = { ...(list.key && { key: list.key }), children: new Map() };
  list.children.set(String(list.children.size), item);
  return item;
}

function lastItem(list: Place): Place {
  return list.children.get(String(list.children.size - 1)) ?? list;
}

function textOffset(string: string, offset: number): { readonly textOffset?: number } {
  const isExact =
    string !== '' && !/^("""|''')/.test(string) && (string[0] === "'" || !string.includes('\\'));
  return isExact ? { textOffset: offset + 1 } : {};
}
