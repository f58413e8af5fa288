// A value from the user's YAML in which any text may be a template: arguments, variables, environments.
// Compiled once, evaluated for each host; what is not a template stays the very same value.
import type { Diagnostic, Problems, Span } from '../diagnostic.ts';
import type { Origin } from '../load/source.ts';
import { TaggedText, VaultedText } from '../load/tagged-text.ts';
import { Unanswered } from '../load/vars-prompt.ts';
import { closedDiagnostic, closedReason } from '../load/vault/closed.ts';
import { type HostReads, merged, NO_READS } from './host-reads.ts';
import { known, type Names, NotYetError, type Shape, type Values } from './shape.ts';
import { hasTemplate, RenderError, Template } from './template.ts';
import { checkTemplateNames } from './template-names.ts';

type Node =
  | { readonly kind: 'constant'; readonly value: unknown }
  /** Vaulted text that no key opens. */
  | { readonly kind: 'closed'; readonly diagnostic: Diagnostic; readonly reason: string; readonly at: Span }
  /** Somebody is still to be asked. */
  | { readonly kind: 'unanswered'; readonly name: string }
  | { readonly kind: 'template'; readonly template: Template }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'mapping'; readonly fields: ReadonlyMap<string, Node> };

export class ValueTemplate {
  readonly origin: Origin;
  /** As it stands in the file. */
  readonly written: unknown;
  /** The play's variables that the value names directly. */
  readonly references: ReadonlySet<string>;
  readonly #node: Node;
  #hostReads: HostReads | undefined;

  private constructor(origin: Origin, written: unknown, node: Node) {
    this.origin = origin;
    this.written = written;
    this.#node = node;
    this.references = new Set(templatesIn(node).flatMap((template) => [...template.references]));
  }

  /** What is not a template in it goes to `problems`; the value is then used as if that text were constant. */
  static compile(raw: unknown, origin: Origin, problems: Problems): ValueTemplate {
    return new ValueTemplate(origin, raw, compileNode(raw, origin, problems));
  }

  get isConstant(): boolean {
    return this.#node.kind === 'constant';
  }

  /** What it may ask of other hosts. */
  get hostReads(): HostReads {
    this.#hostReads ??= this.references.has('hostvars')
      ? merged(templatesIn(this.#node).map((template) => template.hostReads))
      : NO_READS;
    return this.#hostReads;
  }

  /** Throws RenderError for what could not be known before. */
  evaluate(values: Values): unknown {
    return evaluateNode(this.#node, values);
  }

  /** What is known of the value now. */
  shape(names: Names): Shape {
    return shapeOf(this.#node, names);
  }

  /** Adds a diagnostic for each unknown name in it. */
  checkNames(names: Names, problems: Problems): void {
    for (const template of templatesIn(this.#node)) checkTemplateNames(template, names, problems);
  }
}

/** The value if everything in `references` is known, for whoever has names but no values yet. */
export function valuesOf(references: ReadonlySet<string>, names: Names): Values | undefined {
  const values = new Map<string, unknown>();
  for (const name of references) {
    const shape = names.shape(name);
    if (shape?.kind === 'known') values.set(name, shape.value);
    else if (shape?.kind === 'record' && shape.values !== undefined) values.set(name, shape.values);
    else return undefined;
  }
  return { has: (name) => values.has(name), get: (name) => values.get(name) };
}

function compileNode(raw: unknown, origin: Origin, problems: Problems): Node {
  if (typeof raw === 'string') {
    if (!hasTemplate(raw)) return { kind: 'constant', value: raw };
    const template = Template.parse(raw, origin, problems);
    return template === undefined ? { kind: 'constant', value: raw } : { kind: 'template', template };
  }
  if (raw instanceof VaultedText) return vaulted(raw, origin, problems);
  if (raw instanceof Unanswered) return { kind: 'unanswered', name: raw.name };
  if (raw instanceof TaggedText) return { kind: 'constant', value: raw.text };
  if (Array.isArray(raw)) {
    const items = raw.map((item, index) => compileNode(item, origin.child(index), problems));
    return items.every(isUnchanged(raw)) ? { kind: 'constant', value: raw } : { kind: 'list', items };
  }
  if (raw !== null && typeof raw === 'object') {
    const entries = Object.entries(raw);
    const nodes = entries.map(([key, value]) => compileNode(value, origin.child(key), problems));
    if (nodes.every(isUnchanged(Object.values(raw)))) return { kind: 'constant', value: raw };
    return { kind: 'mapping', fields: new Map(entries.map(([key], index) => [key, nodes[index] as Node])) };
  }
  return { kind: 'constant', value: raw };
}

/** What was vaulted is data: braces in it are no template. */
function vaulted(raw: VaultedText, origin: Origin, problems: Problems): Node {
  const opened = raw.open();
  if (opened.kind === 'open') return { kind: 'constant', value: opened.text };
  const at = origin.span();
  const diagnostic = closedDiagnostic(opened, at);
  problems.add(diagnostic);
  return { kind: 'closed', diagnostic, reason: closedReason(opened), at };
}

function isUnchanged(originals: readonly unknown[]): (node: Node, index: number) => boolean {
  return (node, index) => node.kind === 'constant' && node.value === originals[index];
}

function templatesIn(node: Node): readonly Template[] {
  switch (node.kind) {
    case 'constant':
    case 'closed':
    case 'unanswered':
      return [];
    case 'template':
      return [node.template];
    case 'list':
      return node.items.flatMap(templatesIn);
    case 'mapping':
      return [...node.fields.values()].flatMap(templatesIn);
  }
}

function evaluateNode(node: Node, values: Values): unknown {
  switch (node.kind) {
    case 'constant':
      return node.value;
    case 'closed':
      throw new RenderError(node.reason, node.at, node.diagnostic);
    case 'unanswered':
      throw new NotYetError(node.name);
    case 'template':
      return node.template.value(values);
    case 'list':
      return node.items.map((item) => evaluateNode(item, values));
    case 'mapping':
      return mapping([...node.fields].map(([key, field]) => [key, evaluateNode(field, values)]));
  }
}

function shapeOf(node: Node, names: Names): Shape {
  switch (node.kind) {
    case 'constant':
      return known(node.value);
    case 'closed':
    case 'unanswered':
      return { kind: 'any' };
    case 'template': {
      const values = valuesOf(node.template.references, names);
      if (values === undefined) return { kind: 'any' };
      try {
        return known(node.template.value(values));
      } catch (error) {
        // Names are checked elsewhere; a value that cannot be rendered is told when its task is.
        if (error instanceof RenderError || error instanceof NotYetError) return { kind: 'any' };
        throw error;
      }
    }
    case 'list': {
      const items = node.items.map((item) => shapeOf(item, names));
      const values = items.flatMap((item) => (item.kind === 'known' ? [item.value] : []));
      return values.length === items.length ? known(values) : { kind: 'tuple', items };
    }
    case 'mapping': {
      const fields = new Map([...node.fields].map(([key, field]) => [key, shapeOf(field, names)]));
      const entries = [...fields].flatMap(([key, field]) =>
        field.kind === 'known' ? [[key, field.value] as const] : [],
      );
      return entries.length === fields.size ? known(mapping(entries)) : { kind: 'record', fields };
    }
  }
}

/** An object that no key, `__proto__` among them, can make into something else. */
function mapping(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}
