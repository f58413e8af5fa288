// Text to Handlebars' syntax tree, and what to say where that fails.
// Handlebars' own messages name parser tokens and the line where it gave up; here the tag to blame is looked for.
import Handlebars from 'handlebars';
import type { Problems } from '../diagnostic.ts';
import type { TextOrigin } from '../load/source.ts';
import { BLOCK_HELPERS, isHelper } from './helpers.ts';
import { forbiddenForms, type SyntaxProblem } from './template-forms.ts';

/** Undefined where the text is not a template that we take; the reasons went to `problems`. */
export function parseTemplate(
  text: string,
  origin: TextOrigin,
  problems: Problems,
): hbs.AST.Program | undefined {
  const parsed = jinjaBlock(text) ?? parseOrExplain(text);
  const found = 'place' in parsed ? [parsed] : forbiddenForms(parsed, text);
  for (const { place, summary = 'not a valid template', detail, hint } of found) {
    problems.add({
      code: 'template-syntax',
      summary,
      at: origin.span(place),
      ...(detail !== undefined && { details: [detail] }),
      ...(hint !== undefined && { hint }),
    });
  }
  return 'place' in parsed || found.length > 0 ? undefined : parsed;
}

function parseOrExplain(text: string): hbs.AST.Program | SyntaxProblem {
  try {
    return Handlebars.parse(text);
  } catch (error) {
    return misspelledTag(text) ?? unbalancedBlock(text) ?? fallback(text, error);
  }
}

function jinjaBlock(text: string): SyntaxProblem | undefined {
  const jinja = /\{%[-+]?\s*(if|for|set|include|import|macro|block|raw|filter|extends|with)\b/.exec(text);
  if (jinja === null || !text.includes('%}', jinja.index)) return undefined;
  const hint = JINJA_BLOCKS.get(jinja[1] ?? '');
  return {
    place: { offset: jinja.index, length: jinja[0].length },
    summary: 'this is Jinja, templates are Handlebars',
    ...(hint !== undefined && { hint }),
  };
}

const JINJA_BLOCKS: ReadonlyMap<string, string> = new Map([
  ['if', 'write {{#if x}} … {{else}} … {{/if}}'],
  ['for', 'write {{#each list as |item|}} … {{/each}}'],
  ['include', 'write {{> name}}'],
  ['set', 'give the task or play the variable under vars'],
]);

interface Tag {
  readonly offset: number;
  /** From the braces on, to the braces. */
  readonly text: string;
  readonly isClosed: boolean;
}

/** Every `{{…}}` but comments. */
function tagsIn(text: string): readonly Tag[] {
  const tags: Tag[] = [];
  for (const { 0: tag, index } of text.matchAll(
    /\{\{!--[\s\S]*?--\}\}|\{\{(?:(?!\{\{(?!\{))[\s\S])*?\}\}+|\{\{/g,
  )) {
    if (!tag.startsWith('{{!')) tags.push({ offset: index, text: tag, isClosed: tag.endsWith('}}') });
  }
  return tags;
}

/** What people bring along from Jinja and Python, inside of braces. */
const MISSPELLINGS: readonly {
  readonly pattern: RegExp;
  readonly detail: string;
  readonly hint: (match: RegExpExecArray) => string;
}[] = [
  {
    pattern: /(?<=[^|\s]\s*)\|\s*(\w+)/,
    detail: 'Handlebars has helpers instead of filters, and they come first',
    hint: (m) =>
      isHelper(m[1] ?? '') ? `write {{${m[1]} x …}}` : 'docs/templates.md lists the helpers there are',
  },
  {
    pattern: /\[\s*(['"]?)([\w-]+)\1\s*\]/,
    detail: 'what is in a list or mapping comes after a dot',
    hint: (m) => `write .[${m[2]}]`,
  },
  {
    pattern: /\.(\d+)(?=[\s~)}])/,
    detail: 'a number at the end of a name stands in brackets',
    hint: (m) => `write .[${m[1]}]`,
  },
  {
    pattern: /\w+\(/,
    detail: 'arguments follow a helper without parentheses around them',
    hint: (m) => `write {{${m[0].slice(0, -1)} x y}}`,
  },
  {
    pattern: /^\{\{+~?\s*~?\}\}+$/,
    detail: 'nothing stands between the braces',
    hint: () => 'write a name there',
  },
  {
    pattern: /(?<=\s)~(?=\s)/,
    detail: 'texts are joined by standing side by side',
    hint: () => 'write {{x}}{{y}}',
  },
  {
    pattern: /(?<=\s)(==|!=|<=|>=|<|>|\+)(?=\s)/,
    detail: 'Handlebars has helpers instead of operators, and they come first',
    hint: (m) => `write (${OPERATORS[m[1] ?? ''] ?? 'eq'} x y)`,
  },
];

const OPERATORS: Readonly<Record<string, string>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
  '+': 'add',
};

function misspelledTag(text: string): SyntaxProblem | undefined {
  for (const tag of tagsIn(text)) {
    if (!tag.isClosed) {
      const rest = text.slice(tag.offset).split('\n', 1)[0] ?? '';
      return {
        place: { offset: tag.offset, length: rest.length },
        detail: 'the braces are not closed',
        hint: 'close them with }}',
      };
    }
    const blanked = withoutLiterals(tag.text);
    for (const { pattern, detail, hint } of MISSPELLINGS) {
      const match = pattern.exec(blanked);
      if (match === null || /\bas\s+\|/.test(blanked.slice(0, match.index + 1))) continue;
      const place = { offset: tag.offset + match.index, length: match[0].length };
      return { place, detail, hint: hint(match) };
    }
  }
  return undefined;
}

/** The same length, with what stands in quotes made harmless; a key in brackets keeps its quotes and letters. */
function withoutLiterals(tag: string): string {
  return tag.replace(/(\[\s*)?(?:'[^']*'|"[^"]*")/g, (literal, bracket?: string) =>
    bracket === undefined ? '_'.repeat(literal.length) : literal,
  );
}

function unbalancedBlock(text: string): SyntaxProblem | undefined {
  const open: { readonly name: string; readonly tag: Tag }[] = [];
  for (const tag of tagsIn(text)) {
    const [, sign, name = ''] = /^\{\{+~?\s*([#/])\s*[*>]?\s*([^\s}~]*)/.exec(tag.text) ?? [];
    if (sign === '#') open.push({ name, tag });
    if (sign !== '/') continue;
    const last = open.pop();
    if (last?.name === name) continue;
    return {
      place: placeOf(tag),
      detail:
        last === undefined
          ? `no {{#${name}}} stands before it`
          : `{{#${last.name}}} on line ${lineOf(text, last.tag.offset)} is still open`,
      ...(last?.name === 'else' && { hint: 'write {{else}}, without #: it is closed with its block' }),
    };
  }
  const last = open.at(-1);
  if (last === undefined) return undefined;
  return {
    place: placeOf(last.tag),
    detail: 'the block is not closed',
    hint: BLOCK_HELPERS.has(last.name)
      ? `close it with {{/${last.name}}}`
      : `blocks are ${[...BLOCK_HELPERS].join(', ')}`,
  };
}

/** The line where Handlebars gave up. */
function fallback(text: string, error: unknown): SyntaxProblem {
  const message = error instanceof Error ? error.message : String(error);
  const line = Number(/Parse error on line (\d+)/.exec(message)?.[1] ?? '1');
  const lines = text.split('\n');
  const offset = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return {
    place: { offset, length: lines[line - 1]?.length ?? 1 },
    ...(!message.startsWith('Parse error') && { detail: message.replace(/ - \d+:\d+$/, '') }),
  };
}

function placeOf(tag: Tag): { offset: number; length: number } {
  return { offset: tag.offset, length: tag.text.length };
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
