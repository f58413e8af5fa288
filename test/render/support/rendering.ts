// Templates and conditions out of thin air, for tests: text in, values or messages out.
import { Problems } from '../../../src/diagnostic.ts';
import type { TextOrigin } from '../../../src/load/source.ts';
import { fixedOrigin, SourceFile } from '../../../src/load/source.ts';
import { Condition } from '../../../src/render/condition.ts';
import { known, NameError, type Names, type Shape, type Values } from '../../../src/render/shape.ts';
import { NO_PARTIALS, type Partials, Template } from '../../../src/render/template.ts';
import { checkTemplateNames } from '../../../src/render/template-names.ts';

export type Variables = Readonly<Record<string, unknown>>;

/** Values as a task sees them, and their shapes: what is given as a `Shape` is only known by its shape. */
export function scopeOf(variables: Variables, shapes: Readonly<Record<string, Shape>> = {}): Names & Values {
  const all = new Map(Object.entries(variables));
  return {
    has: (name) => all.has(name),
    get: (name) => {
      if (!all.has(name)) throw new NameError(name);
      return all.get(name);
    },
    shape: (name) => shapes[name] ?? (all.has(name) ? known(all.get(name)) : undefined),
    names: () => [...all.keys(), ...Object.keys(shapes)],
  };
}

export function partialsOf(texts: Readonly<Record<string, string>>): Partials {
  return {
    names: () => Object.keys(texts),
    find: (name) => {
      const text = texts[name];
      return text === undefined ? undefined : { text, origin: originOf(text, `${name}.hbs`) };
    },
  };
}

/** A template that must be one. */
export function template(text: string, partials: Partials = NO_PARTIALS): Template {
  const problems = new Problems();
  const parsed = Template.parse(text, originOf(text), problems, partials);
  problems.throwIfAny();
  if (parsed === undefined) throw new Error('no template and no problem');
  return parsed;
}

export function render(text: string, variables: Variables = {}, partials?: Partials): string {
  return template(text, partials).render(scopeOf(variables));
}

/** What the check before the run says, each as `line:column marked text: detail`. */
export function nameProblems(
  text: string,
  variables: Variables = {},
  more: { readonly shapes?: Readonly<Record<string, Shape>>; readonly partials?: Partials } = {},
): readonly string[] {
  const problems = new Problems();
  checkTemplateNames(template(text, more.partials), scopeOf(variables, more.shapes), problems);
  return messages(problems);
}

/** What is said about a text that is no template. */
export function syntaxProblems(text: string): readonly string[] {
  const problems = new Problems();
  Template.parse(text, originOf(text), problems);
  return messages(problems);
}

/** A condition that must be one. */
export function condition(text: string): Condition {
  const problems = new Problems();
  const parsed = Condition.parse(text, originOf(text), problems);
  problems.throwIfAny();
  if (parsed === undefined) throw new Error('no condition and no problem');
  return parsed;
}

export function conditionProblems(
  text: string,
  variables: Variables = {},
  shapes: Readonly<Record<string, Shape>> = {},
): readonly string[] {
  const problems = new Problems();
  Condition.parse(text, originOf(text), problems)?.checkNames(scopeOf(variables, shapes), problems);
  return messages(problems);
}

function messages(problems: Problems): readonly string[] {
  return problems.list.map(({ at, details, summary, hint }) => {
    const marked = at?.lineText.slice(at.column - 1, at.column - 1 + at.length);
    const said = [details?.join(' ') ?? summary, ...(hint === undefined ? [] : [hint])].join('; ');
    return `${at?.file === 'text' ? '' : `${at?.file} `}${at?.line}:${at?.column} ${marked}: ${said}`;
  });
}

function originOf(text: string, name = 'text'): TextOrigin {
  const source = new SourceFile(name, text);
  return { span: (part) => source.span(part?.offset ?? 0, part?.length ?? text.length) };
}

/** Where a value comes from does not matter. */
export const NOWHERE = fixedOrigin({ file: 'nowhere', line: 1, column: 1, length: 1, lineText: '' });
