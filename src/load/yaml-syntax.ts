// Turns what the YAML parser complains about into diagnostics that say what to do,
// and recognises the mistake everybody makes: a template that is not in quotes.
import { isMap, isSeq, type YAMLMap } from 'yaml';
import type { Problems } from '../diagnostic.ts';
import type { SourceFile } from './source.ts';

/** The first error of the parser; the others are mostly its echo. */
export function addSyntaxProblem(
  source: SourceFile,
  error: { readonly code: string; readonly message: string; readonly pos: readonly [number, number] },
  problems: Problems,
): void {
  const [start, end] = error.pos;
  const template = templateBefore(source, start);
  if (template !== undefined) {
    addUnquotedTemplate(source, template.start, problems, template.end);
    return;
  }
  const known = byMessage(source, error) ?? KNOWN_ERRORS[error.code];
  // An error at the end of the text is best shown on its last line that holds something.
  const shown = Math.min(start, Math.max(0, source.text.trimEnd().length - 1));
  problems.add({
    code: 'yaml-syntax',
    summary: 'not valid YAML',
    at: source.span(shown, error.code === 'MULTIPLE_DOCS' ? 3 : end - start),
    details: [known?.detail ?? error.message.charAt(0).toLowerCase() + error.message.slice(1)],
    ...(known?.hint && { hint: known.hint }),
  });
}

const KNOWN_ERRORS: Readonly<
  Record<string, { readonly detail?: string; readonly hint?: string } | undefined>
> = {
  MULTIPLE_DOCS: { detail: 'the file holds more than one document', hint: 'keep one document per file' },
  RESOURCE_EXHAUSTION: { detail: 'lists or mappings are nested too deeply' },
  TAB_AS_INDENT: { detail: 'a tab cannot indent', hint: 'indent with spaces' },
  BLOCK_AS_IMPLICIT_KEY: {
    detail: 'a value that holds ": " needs quotes, or a key is indented wrongly',
  },
};

/** Errors that the parser has one code for, and that are different mistakes to whoever wrote the text. */
function byMessage(
  source: SourceFile,
  { message, pos: [start] }: { readonly message: string; readonly pos: readonly [number, number] },
): { readonly detail?: string; readonly hint?: string } | undefined {
  const { lineText, column } = source.span(start);
  if (/^(?:<{7}|={7}|>{7})(?:\s|$)/.test(lineText)) {
    return { detail: 'this is the mark of a merge that is not done', hint: 'take one of the two versions' };
  }
  const before = lineText.slice(0, column - 1);
  if (/at node end/.test(message) && /["']\s*$/.test(before)) {
    return {
      detail: 'the value ends at its closing quote, and something follows',
      hint: 'put all of it into quotes',
    };
  }
  if (/^Plain value cannot start with/.test(message)) {
    const letter = lineText[column - 1] ?? '';
    return { detail: `a value that starts with ${letter} needs quotes`, hint: 'put it into quotes' };
  }
  if (/^Invalid escape sequence/.test(message)) {
    const detail = 'a backslash in double quotes starts an escape such as \\n or \\t';
    return { detail, hint: 'use single quotes, in which a backslash is nothing special' };
  }
  return undefined;
}

/** Whether a flow mapping is `{{ x }}`: its only key is itself a mapping (or a list, in `{[ x ]}`). */
export function isUnquotedTemplate(source: SourceFile, map: YAMLMap): boolean {
  const start = map.range?.[0];
  if (!map.flow || start === undefined || !source.text.startsWith('{{', start)) return false;
  return map.items.some(({ key }) => isMap(key) || isSeq(key));
}

/** Adds the problem for the template at `start`, and returns its text: up to `end`, or the end of the line. */
export function addUnquotedTemplate(
  source: SourceFile,
  start: number,
  problems: Problems,
  end = Number.POSITIVE_INFINITY,
): string {
  const at = source.span(start);
  const text = at.lineText
    .slice(at.column - 1, at.column - 1 + end - start)
    .replace(/\s+#.*$/, '')
    .trimEnd();
  problems.add({
    code: 'unquoted-template',
    summary: 'template is not in quotes',
    at: source.span(start, text.length),
    details: ['YAML takes an opening brace for a mapping'],
    hint: `write ${quoted(text)}`,
  });
  return text;
}

function quoted(text: string): string {
  if (!text.includes('"')) return `"${text}"`;
  return `'${text.replaceAll("'", "''")}'`;
}

/** Where a value that starts with `{{` stands on the line of `offset`, if the error may be because of it. */
function templateBefore(
  source: SourceFile,
  offset: number,
): { readonly start: number; readonly end?: number } | undefined {
  const { line, lineText } = source.span(offset);
  let previous = '';
  for (let i = 0; i < lineText.length; i++) {
    const letter = lineText[i] ?? '';
    if (letter === '#' && /^$|\s/.test(lineText[i - 1] ?? '')) return undefined;
    if ((letter === '"' || letter === "'") && /^$|[-:,[{]/.test(previous)) {
      i = lineText.indexOf(letter, i + 1);
      if (i < 0) return undefined;
    } else if (lineText.startsWith('{{', i) && /^$|[-:,[]/.test(previous)) {
      const start = source.lineStart(line) + i;
      const inList = previous === '[' || previous === ',';
      const end = inList ? lineText.indexOf('}}', i) + 2 : 0;
      return { start, ...(end > i && { end: source.lineStart(line) + end }) };
    }
    if (letter.trim() !== '') previous = letter;
  }
  return undefined;
}
