// Values of INI inventories: Ansible hands each to Python's `ast.literal_eval` and keeps the text where that fails.
// So `True`, `0x1F` and `['a', 'b']` are values, `true`, `0644` and `1.2.3` are text.

/**
 * The value that a Python literal denotes, or the text itself where it is none. Tuples and sets become lists. Whole
 * numbers beyond 2^53 and complex numbers stay text: JavaScript has no number for them.
 */
export function pythonValue(text: string): unknown {
  const reader = new LiteralReader(text);
  try {
    return reader.read();
  } catch (error) {
    if (error === NO_LITERAL) return text;
    throw error;
  }
}

/** Made once: most values are plain text, and a stack trace for each would cost more than all the reading. */
const NO_LITERAL = new Error('not a Python literal');

const MAX_DEPTH = 100;
const INTEGER =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)$/;
const FLOAT = /^(?:[0-9](?:_?[0-9])*)?(?:\.(?:[0-9](?:_?[0-9])*)?)?(?:[eE][-+]?[0-9](?:_?[0-9])*)?$/;
const NOT_ASCII = /[^\x00-\x7f]/;
const STRING_START = /([rRuUbB]|[bB][rR]|[rR][bB])?('''|"""|'|")/y;

/** A recursive descent over the grammar of literals; anything else throws NO_LITERAL. */
class LiteralReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const first = this.#value();
    const value = this.#skip() === ',' ? this.#items('', [first]) : first;
    if (this.#skip() !== '') throw NO_LITERAL;
    return value;
  }

  #value(): unknown {
    if (++this.#depth > MAX_DEPTH) throw NO_LITERAL;
    const letter = this.#skip();
    const value = this.#oneValue(letter);
    this.#depth--;
    return value;
  }

  #oneValue(letter: string): unknown {
    if (letter === '[') return this.#collection(']');
    if (letter === '(') return this.#parenthesised();
    if (letter === '{') return this.#braces();
    if (letter === '-' || letter === '+') return this.#signed(letter);
    STRING_START.lastIndex = this.#at;
    if (STRING_START.test(this.#text)) return this.#strings();
    if (/[0-9.]/.test(letter)) return this.#number();
    return this.#constant();
  }

  /** Blanks, and a comment to the end of the text: the next letter, or '' at the end. */
  #skip(): string {
    while (/[ \t\f]/.test(this.#text[this.#at] ?? '')) this.#at++;
    if (this.#text[this.#at] === '#') this.#at = this.#text.length;
    return this.#text[this.#at] ?? '';
  }

  #take(letter: string): boolean {
    if (this.#skip() !== letter) return false;
    this.#at++;
    return true;
  }

  /** The items behind a comma, up to `close` (not taken) or the end of the text. */
  #items(close: string, items: unknown[]): unknown[] {
    while (this.#take(',')) {
      if (this.#skip() === close) break;
      items.push(this.#value());
    }
    return items;
  }

  #collection(close: string): unknown[] {
    this.#at++;
    const items = this.#skip() === close ? [] : this.#items(close, [this.#value()]);
    if (!this.#take(close)) throw NO_LITERAL;
    return items;
  }

  #parenthesised(): unknown {
    this.#at++;
    if (this.#take(')')) return [];
    const first = this.#value();
    const value = this.#skip() === ',' ? this.#items(')', [first]) : first;
    if (!this.#take(')')) throw NO_LITERAL;
    return value;
  }

  /** A dict, or a set. */
  #braces(): unknown {
    this.#at++;
    const dict: Record<string, unknown> = Object.create(null);
    if (this.#take('}')) return dict;
    const first = this.#value();
    if (this.#skip() !== ':') {
      const items = this.#items('}', [first]);
      if (!this.#take('}') || items.some(isCollection)) throw NO_LITERAL;
      return items;
    }
    for (let key = first; ; key = this.#value()) {
      if (isCollection(key) || !this.#take(':')) throw NO_LITERAL;
      dict[String(key)] = this.#value();
      if (!this.#take(',')) break;
      if (this.#skip() === '}') break;
    }
    if (!this.#take('}')) throw NO_LITERAL;
    return dict;
  }

  #signed(sign: string): number | string {
    const start = this.#at++;
    this.#skip();
    const value = this.#number();
    if (typeof value === 'string') return this.#text.slice(start, this.#at);
    return sign === '-' ? 0 - value : value;
  }

  #number(): number | string {
    const rest = this.#text.slice(this.#at);
    const token = /^[0-9_.]+[eE][-+][0-9_]+/.exec(rest)?.[0] ?? /^[0-9a-zA-Z_.]+/.exec(rest)?.[0] ?? '';
    this.#at += token.length;
    const digits = token.replaceAll('_', '');
    if (INTEGER.test(token)) return Number.isSafeInteger(Number(digits)) ? Number(digits) : token;
    // A whole number with leading zeros is no Python literal; with a point or an exponent it is.
    if (/[.eE]/.test(token) && /[0-9]/.test(token) && FLOAT.test(token)) return Number(digits);
    throw NO_LITERAL;
  }

  #constant(): unknown {
    const word = /^(?:None|True|False)(?![\p{L}\p{N}_])/u.exec(this.#text.slice(this.#at))?.[0];
    if (word === undefined) throw NO_LITERAL;
    this.#at += word.length;
    return word === 'None' ? null : word === 'True';
  }

  /** One or more strings side by side, which Python joins; bytes join only bytes. */
  #strings(): string {
    let joined = '';
    let kind: 'text' | 'bytes' | undefined;
    for (;;) {
      this.#skip();
      STRING_START.lastIndex = this.#at;
      const match = STRING_START.exec(this.#text);
      if (!match) return joined;
      this.#at = STRING_START.lastIndex;
      const start = this.#at;
      const own = /b/i.test(match[1] ?? '') ? 'bytes' : 'text';
      joined += this.#string(match[2] ?? '', /r/i.test(match[1] ?? ''));
      kind ??= own;
      if (kind !== own || (own === 'bytes' && NOT_ASCII.test(this.#text.slice(start, this.#at))))
        throw NO_LITERAL;
    }
  }

  #string(quote: string, raw: boolean): string {
    let value = '';
    while (!this.#text.startsWith(quote, this.#at)) {
      const letter = this.#text[this.#at];
      if (letter === undefined) throw NO_LITERAL;
      if (letter !== '\\') {
        value += letter;
        this.#at++;
      } else if (raw) {
        value += this.#text.slice(this.#at, this.#at + 2);
        this.#at += 2;
      } else value += this.#escape();
    }
    this.#at += quote.length;
    return value;
  }

  #escape(): string {
    const match = ESCAPE.exec(this.#text.slice(this.#at));
    if (!match) throw NO_LITERAL;
    this.#at += match[0].length;
    const [whole, octal, x, u, U, letter = ''] = match;
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const hexadecimal = x ?? u ?? U;
    if (hexadecimal !== undefined) {
      const code = Number.parseInt(hexadecimal, 16);
      if (code > 0x10ffff) throw NO_LITERAL;
      return String.fromCodePoint(code);
    }
    if (/[xuUN]/.test(letter)) throw NO_LITERAL;
    return SINGLE_ESCAPES[letter] ?? whole;
  }
}

const ESCAPE = /^\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/s;
const SINGLE_ESCAPES: Readonly<Record<string, string | undefined>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function isCollection(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
