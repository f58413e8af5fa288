// Which names of other hosts a template or condition may ask for through `hostvars`: rather too many than too few.
import type { ASTNode } from '@marcbachmann/cel-js';
import { isPath, rootName } from './template-scope.ts';

const HOSTVARS = 'hostvars';

export interface HostReads {
  readonly names: ReadonlySet<string>;
  /** It may ask for names that only the run can tell, or for all there are. */
  readonly isOpen: boolean;
}

export const NO_READS: HostReads = { names: new Set(), isOpen: false };

export function isEmpty({ names, isOpen }: HostReads): boolean {
  return names.size === 0 && !isOpen;
}

export function merged(all: Iterable<HostReads>): HostReads {
  const names = new Set<string>();
  let isOpen = false;
  for (const each of all) {
    for (const name of each.names) names.add(name);
    isOpen ||= each.isOpen;
  }
  return { names, isOpen };
}

/** Of a program whose names have been scoped. */
export function templateReads(program: hbs.AST.Program): HostReads {
  const found = { words: new Set<string>(), isOpen: false, isThere: false };
  walkTemplate(program, 'whole', found);
  return found.isThere ? { names: found.words, isOpen: found.isOpen } : NO_READS;
}

export function conditionReads(ast: ASTNode): HostReads {
  const found = { words: new Set<string>(), isOpen: false, isThere: false };
  walkCondition(ast, 'whole', found);
  return found.isThere ? { names: found.words, isOpen: found.isOpen } : NO_READS;
}

interface Found {
  readonly words: Set<string>;
  isOpen: boolean;
  isThere: boolean;
}

/** How an expression is used: `whole`, or to go down into it by names that are written somewhere. */
type Use = 'whole' | 'by-name';

function walkTemplate(node: unknown, use: Use, found: Found): void {
  if (Array.isArray(node)) {
    for (const each of node) walkTemplate(each, 'whole', found);
    return;
  }
  if (node === null || typeof node !== 'object') return;
  const { type } = node as hbs.AST.Node;
  if (type === 'StringLiteral') {
    found.words.add((node as hbs.AST.StringLiteral).value);
  } else if (type === 'PathExpression') {
    walkPath(node as hbs.AST.PathExpression, use, found);
  } else if (type === 'SubExpression' || type === 'MustacheStatement') {
    const { path, params } = node as hbs.AST.SubExpression;
    const isLookup = isPath(path) && path.original === 'lookup' && params.length > 0;
    if (isLookup) walkLookup(params, use, found);
    else walkTemplate([path, ...params, (node as hbs.AST.SubExpression).hash], 'whole', found);
  } else if (type === 'BlockStatement') {
    const block = node as hbs.AST.BlockStatement;
    const goesDown = isPath(block.path) && ['with', 'each', 'if', 'unless'].includes(block.path.original);
    for (const each of block.params) walkTemplate(each, goesDown ? 'by-name' : 'whole', found);
    walkTemplate([block.program, block.inverse], 'whole', found);
  } else {
    for (const [key, value] of Object.entries(node)) if (key !== 'loc') walkTemplate(value, 'whole', found);
  }
}

function walkPath(path: hbs.AST.PathExpression, use: Use, found: Found): void {
  for (const part of path.parts) found.words.add(part);
  if (rootName(path) !== HOSTVARS) return;
  found.isThere = true;
  // @root, hostvars, the host, a name of it
  if (path.parts.length < 4 && use === 'whole') found.isOpen = true;
}

function walkLookup(params: readonly hbs.AST.Expression[], use: Use, found: Found): void {
  const [subject, key] = params;
  if (subject === undefined) return;
  const givesHost = isPath(subject) && rootName(subject) === HOSTVARS && subject.parts.length === 2;
  if (givesHost && use === 'whole') found.isOpen = true;
  if (!givesHost && key?.type !== 'StringLiteral' && key?.type !== 'NumberLiteral') found.isOpen = true;
  walkTemplate(subject, 'by-name', found);
  walkTemplate(key, 'whole', found);
}

function walkCondition(node: ASTNode, use: Use, found: Found): void {
  const { op, args } = node;
  if (op === 'value') {
    if (typeof args === 'string') found.words.add(args);
  } else if (op === 'id') {
    if (args !== HOSTVARS) return;
    found.isThere = true;
    if (use === 'whole') found.isOpen = true;
  } else if (op === '.' || op === '[]') {
    const [object, key] = args as [ASTNode, ASTNode | string];
    const givesHost = object.op === 'id' && object.args === HOSTVARS;
    if (givesHost && use === 'whole') found.isOpen = true;
    if (typeof key === 'string') found.words.add(key);
    else {
      if (!givesHost && key.op !== 'value') found.isOpen = true;
      walkCondition(key, 'whole', found);
    }
    walkCondition(object, 'by-name', found);
  } else if (op === 'call' && args[0] === 'has') {
    for (const each of args[1]) walkCondition(each, 'by-name', found);
  } else if (op === 'rcall') {
    const [, receiver, parameters] = args as [string, ASTNode, ASTNode[]];
    walkCondition(receiver, 'by-name', found);
    for (const each of parameters) walkCondition(each, 'whole', found);
  } else {
    for (const each of nodesIn(args)) walkCondition(each, 'whole', found);
  }
}

function nodesIn(value: unknown): readonly ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return value !== null && typeof value === 'object' && 'op' in value ? [value as ASTNode] : [];
}
