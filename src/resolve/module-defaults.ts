// module_defaults of plays, blocks and tasks: arguments that tasks of a module have where they do not say them themselves.
// As in Ansible, what an inner level says of a module replaces all that an outer one says of it.
import { type Diagnostic, didYouMean, type Problems } from '../diagnostic.ts';
import { type Located, locatedEntries, type TaskKeys } from '../load/located.ts';
import { isMapping, plainName } from '../load/playbook-tasks.ts';
import { schemaDiagnostics, validate } from '../load/schema.ts';
import type { Origin } from '../load/source.ts';
import { TaggedText } from '../load/tagged-text.ts';
import { findFlowWord, flowWords } from '../modules/controller/flow.ts';
import type { Module } from '../modules/module.ts';
import { findModule, moduleNames } from '../modules/registry.ts';
import { ValueTemplate } from '../render/value-template.ts';
import { withRealNames } from './argument-aliases.ts';
import type { OwnModules } from './own-modules/own-modules.ts';
import { ARGUMENT_CODES } from './task-arguments.ts';

/** Arguments by module, under the name that it has here. */
export type ModuleDefaults = ReadonlyMap<string, Located<unknown>>;

/** With those of one more level. */
export function withOwnDefaults(outer: ModuleDefaults, keys: TaskKeys): ModuleDefaults {
  const own = entriesOf(keys);
  if (own.length === 0) return outer;
  return new Map([...outer, ...own.map(([name, args]) => [realName(name), args] as const)]);
}

/** Tells modules that are not there, and arguments that they do not take. */
export function checkModuleDefaults(keys: TaskKeys, ownModules: OwnModules, problems: Problems): void {
  for (const [name, args] of entriesOf(keys)) {
    const at = args.keyOrigin ?? args.origin;
    if (name.startsWith('group/')) {
      problems.add(groupOfModules(name, at));
      continue;
    }
    const own = ownModules.find(plainName(name), at, problems);
    if (own === 'broken') continue;
    const module = own !== 'none' ? own : (findModule(plainName(name)) ?? findFlowWord(plainName(name)));
    if (module === undefined) problems.add(unknownModule(name, at, ownModules));
    else checkArguments(module, args, problems);
  }
}

/** A task's own arguments with those that it leaves to the defaults; each keeps its place. */
export function withDefaults(
  module: Module,
  own: Located<unknown>,
  defaults: ModuleDefaults,
  problems: Problems,
): Located<unknown> {
  const found = defaults.get(module.name);
  const given = withRealNames(module, own, problems);
  if (found === undefined || !isMapping(found.value)) return given;
  const base = withRealNames(module, found, problems);
  const [mine, theirs] = [mappingOf(module, given), mappingOf(module, base)];
  if (mine === undefined || theirs === undefined) return given;
  const isMine = (name: string | number): boolean => Object.hasOwn(mine.value, String(name));
  const origin: Origin = {
    span: (part) => given.origin.span(part),
    child: (name) =>
      (isMine(name) ? mine : Object.hasOwn(theirs.value, String(name)) ? theirs : mine).origin.child(name),
    key: (name) => (isMine(name) || !Object.hasOwn(theirs.value, name) ? mine : theirs).origin.key(name),
  };
  const value: Record<string, unknown> = Object.create(null);
  for (const each of [theirs.value, mine.value])
    for (const [name, arg] of Object.entries(each)) value[name] = arg;
  return { ...given, value, origin };
}

/** Arguments as a mapping, also where they are nothing or one text. Undefined: they are wrong, which is told elsewhere. */
function mappingOf(
  { freeForm }: Module,
  { value, origin }: Located<unknown>,
): { readonly value: Readonly<Record<string, unknown>>; readonly origin: Origin } | undefined {
  if (value === null || value === undefined) return { value: {}, origin };
  if (isMapping(value)) {
    const { _raw, ...others } = value;
    if (_raw === undefined || freeForm === undefined) return { value, origin };
    return { value: { ...others, [freeForm]: _raw }, origin };
  }
  const isText = typeof value === 'string' || value instanceof TaggedText;
  if (!isText || freeForm === undefined) return undefined;
  // The argument is the whole text: places in it are places in the text.
  return {
    value: { [freeForm]: value },
    origin: { span: (part) => origin.span(part), child: () => origin, key: () => origin },
  };
}

/** A mapping by module, or a list of such mappings of which later ones win. */
function entriesOf(keys: TaskKeys): readonly (readonly [string, Located<unknown>])[] {
  return keys
    .list<unknown>('module_defaults')
    .flatMap(({ value, origin }) => [...locatedEntries(value, origin)]);
}

/** Of a module that has older names, too. */
function realName(name: string): string {
  return findModule(plainName(name))?.name ?? plainName(name);
}

/** What is known of the arguments before any variable is. */
function checkArguments(module: Module, args: Located<unknown>, problems: Problems): void {
  if (args.value === null) return;
  if (!isMapping(args.value)) {
    problems.add({
      code: 'argument-type',
      summary: 'argument is of the wrong type',
      at: args.origin.span(),
      details: [`${module.name} takes a mapping of arguments`],
    });
    return;
  }
  const { value, origin } = withRealNames(module, args, problems);
  const known: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value as object)) {
    const isCondition = module.schema.properties[name]?.condition === true;
    const template = isCondition ? undefined : ValueTemplate.compile(each, origin.child(name), problems);
    known[name] = template?.isConstant === true ? each : LATER;
  }
  const { required: _, ...open } = module.schema;
  const found = validate(open, known, (each) => each === LATER);
  for (const each of schemaDiagnostics(found, origin, ARGUMENT_CODES, args.keyOrigin)) problems.add(each);
}

const LATER = Symbol('known later');

function unknownModule(name: string, at: Origin, ownModules: OwnModules): Diagnostic {
  const hint = didYouMean(plainName(name), [...ownModules.names(), ...moduleNames(), ...flowWords()]);
  return {
    code: 'module-unknown',
    summary: 'module is not known',
    at: at.span(),
    details: [`there is no module "${name}"`],
    ...(hint !== undefined && { hint }),
  };
}

function groupOfModules(name: string, at: Origin): Diagnostic {
  return {
    code: 'key-unsupported',
    summary: 'groups of modules are not known',
    at: at.span(),
    details: [`"${name}" stands for modules of collections that are not there`],
    hint: 'name each module by itself',
  };
}
