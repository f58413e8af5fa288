// Texts that must not be seen, and what is left of a text once they are taken out of it: for all that is printed,
// whatever way the secret took to get there. What counts as secret is said by whoever opened it.
import { Buffer } from 'node:buffer';
import { MASK } from './secret.ts';
import { quote } from './shell.ts';

/** Shorter ones are a part of too many harmless words. */
const LEAST_LENGTH = 4;
/** Stretches of base64 shorter than this turn up by chance. */
const LEAST_BASE64_LENGTH = 8;
const HARMLESS = /^(?:true|false|null|none)$/i;

export interface RevealedTexts {
  readonly texts: readonly string[];
  readonly needles: readonly string[];
}

export class SecretTexts {
  readonly #texts = new Set<string>();
  readonly #needles = new Set<string>();
  #pattern: RegExp | undefined;

  get isEmpty(): boolean {
    return this.#needles.size === 0;
  }

  /** A text of its own: also as base64, and as shells, JSON and URLs write it. Of several lines, each is secret. */
  add(text: string): void {
    this.#addLines(text);
    if (text.length < LEAST_LENGTH || HARMLESS.test(text) || this.#texts.has(text)) return;
    this.#texts.add(text);
    for (const form of formsOf(text)) this.#addNeedle(form);
  }

  /** Every text and number in a value; keys of mappings are no secrets. */
  addValue(value: unknown): void {
    if (typeof value === 'string' || typeof value === 'number') this.add(String(value));
    else if (value !== null && typeof value === 'object') {
      for (const each of Object.values(value)) this.addValue(each);
    }
  }

  /** A file: whole, by its lines, and by what stands around the templates in them. */
  addFile(text: string): void {
    this.add(text);
    for (const part of text.split(/\{\{.*?\}\}|\n/)) this.#addLine(part);
  }

  /** All of it, in the clear: for a file that is sealed itself. */
  reveal(): RevealedTexts {
    return { texts: [...this.#texts], needles: [...this.#needles] };
  }

  /** What another one has revealed is secret here, too. */
  take({ texts, needles }: RevealedTexts): void {
    for (const text of texts) this.#texts.add(text);
    for (const needle of needles) this.#addNeedle(needle);
  }

  mask(text: string): string {
    if (this.isEmpty) return text;
    this.#pattern ??= patternOf(this.#needles);
    return text.replace(this.#pattern, MASK);
  }

  /** A copy of plain data with all texts in it masked, keys too; the same value where nothing is secret. */
  maskValue(value: unknown): unknown {
    if (this.isEmpty) return value;
    if (typeof value === 'string') return this.mask(value);
    if (typeof value === 'number') return this.#texts.has(String(value)) ? MASK : value;
    if (Array.isArray(value)) return value.map((each) => this.maskValue(each));
    if (value === null || typeof value !== 'object') return value;
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, each] of Object.entries(value)) copy[this.mask(key)] = this.maskValue(each);
    return copy;
  }

  #addLines(text: string): void {
    if (text.trimEnd().includes('\n')) for (const line of text.split('\n')) this.#addLine(line);
    else if (text.endsWith('\n')) this.add(text.trimEnd());
  }

  #addLine(line: string): void {
    const text = line.trim();
    if (text.length >= LEAST_LENGTH && /[\p{L}\p{N}]/u.test(text) && !HARMLESS.test(text)) {
      this.#addNeedle(text);
    }
  }

  #addNeedle(needle: string): void {
    if (this.#needles.has(needle)) return;
    this.#needles.add(needle);
    this.#pattern = undefined;
  }
}

function formsOf(text: string): readonly string[] {
  const forms = [text, JSON.stringify(text).slice(1, -1), ...base64Forms(text)];
  // Neither a shell word nor a URL can hold everything.
  if (!text.includes('\0')) forms.push(quote(text).replace(/^'|'$/g, ''));
  if (!/\p{Surrogate}/u.test(text)) forms.push(encodeURIComponent(text));
  return forms;
}

/** Alone, with a newline behind it, and what is sure of it inside of something longer, wherever it begins there. */
function base64Forms(text: string): readonly string[] {
  const inside = [0, 1, 2].map((offset) => {
    const bytes = Buffer.from('\0'.repeat(offset) + text);
    const start = offset === 0 ? 0 : 4;
    return bytes.toString('base64').slice(start, Math.floor(bytes.length / 3) * 4);
  });
  const long = inside.filter((each) => each.length >= LEAST_BASE64_LENGTH);
  return [Buffer.from(text).toString('base64'), Buffer.from(`${text}\n`).toString('base64'), ...long];
}

/** Longer ones first: of two that begin at the same place, the longer one is taken out. */
function patternOf(needles: Iterable<string>): RegExp {
  const escaped = [...needles]
    .sort((a, b) => b.length - a.length)
    .map((needle) => needle.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(escaped.join('|'), 'g');
}
