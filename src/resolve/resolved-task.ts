// A task with everything found that does not depend on the host: its module, its templates and conditions compiled.
import { type Diagnostic, didYouMean, type Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import type { TaskDocument } from '../load/playbook-tasks.ts';
import type { Origin } from '../load/source.ts';
import { TaggedText } from '../load/tagged-text.ts';
import { findFlowWord, flowWords } from '../modules/controller/flow.ts';
import type { Entry, Module } from '../modules/module.ts';
import { findModule, moduleNames } from '../modules/registry.ts';
import { Condition } from '../render/condition.ts';
import { ValueTemplate } from '../render/value-template.ts';
import { type Inherited, inherit, type Test, testsOf } from './inherited.ts';
import { type Loop, loopOf } from './loop.ts';
import { checkModuleDefaults, withDefaults, withOwnDefaults } from './module-defaults.ts';
import type { OwnModules } from './own-modules/own-modules.ts';
import type { TaskList } from './task-list.ts';
import type { VariablesSite } from './variables-site.ts';

/** Its keywords are its own and those it takes over: `when` of the play come first, `vars` of its own. */
export interface ResolvedTask extends Inherited {
  /** Unique in the run. */
  readonly id: number;
  readonly origin: Origin;
  /** `name` with its templates, or undefined: the module's name stands for it. */
  readonly name: ValueTemplate | undefined;
  /** The same as it was written: what --start-at-task and listings go by. */
  readonly writtenName: string | undefined;
  readonly module: Module;
  /** Where the module is named. */
  readonly moduleOrigin: Origin;
  readonly args: ValueTemplate;
  /** Arguments that are conditions, by their name; `single` where the argument is one and not a list. */
  readonly conditionArgs: ReadonlyMap<
    string,
    { readonly conditions: readonly Condition[]; readonly single: boolean }
  >;
  readonly changedWhen: readonly Test[] | undefined;
  readonly failedWhen: readonly Test[] | undefined;
  readonly loop: Loop | undefined;
  /** The task is run again until all hold. */
  readonly until: readonly Test[] | undefined;
  readonly retries: ValueTemplate | undefined;
  /** In seconds. */
  readonly delay: ValueTemplate | undefined;
  /** Seconds after which a job that makes the changes is ended; undefined or 0: there is none. */
  readonly async: ValueTemplate | undefined;
  /** Seconds between two looks at it; 0: nobody waits for it. */
  readonly poll: ValueTemplate | undefined;
  readonly register: string | undefined;
  /** Names that a handler answers to. */
  readonly answersTo: readonly string[];
  /** The way to the tasks that it includes. */
  readonly include: IncludeSite | undefined;
  /** The way to files of variables (include_vars). */
  readonly variables?: VariablesSite;
}

/** Where a task includes others: finds and reads what its arguments name, once for the whole run. */
export interface IncludeSite {
  load(entry: Entry): { readonly list: TaskList; readonly diagnostics: readonly Diagnostic[] };
  /** Whether the site itself stands in what the entry names. */
  isWithin(entry: Entry): boolean;
  /** Everything that has been loaded so far. */
  loaded(): readonly TaskList[];
  /** The same, with what named each. */
  entries(): readonly { readonly entry: Entry; readonly list: TaskList }[];
}

let lastId = 0;

/** Undefined where the module is not known; all problems go to `problems`. */
export function resolveTask(
  document: TaskDocument,
  inherited: Inherited,
  problems: Problems,
  ownModules: OwnModules,
): ResolvedTask | undefined {
  const { keys } = document;
  const { value: moduleName, origin: moduleOrigin } = document.module;
  const own = ownModules.find(moduleName, moduleOrigin, problems);
  if (own === 'broken') return undefined;
  const module = own !== 'none' ? own : (findModule(moduleName) ?? findFlowWord(moduleName));
  if (module === undefined) {
    problems.add(unknownModule(document.module, ownModules));
    return undefined;
  }
  checkModuleDefaults(keys, ownModules, problems);
  const moduleDefaults = withOwnDefaults(inherited.moduleDefaults, keys);
  const args = withDefaults(module, document.args, moduleDefaults, problems);
  const { plain, conditionArgs } = splitArguments(module, args, problems);
  const compileKey = (key: string): ValueTemplate | undefined => {
    const found = keys.get(key);
    return found && ValueTemplate.compile(found.value, found.origin, problems);
  };
  lastId += 1;
  return {
    ...inherit(inherited, keys, problems),
    id: lastId,
    origin: document.origin,
    name: document.name && ValueTemplate.compile(document.name.value, document.name.origin, problems),
    writtenName: document.name?.value,
    module,
    moduleOrigin: document.module.origin,
    args: plain,
    conditionArgs,
    changedWhen: optionalTests(keys.list<string | boolean>('changed_when'), problems),
    failedWhen: optionalTests(keys.list<string | boolean>('failed_when'), problems),
    loop: loopOf(keys, problems),
    until: optionalTests(keys.list<string | boolean>('until'), problems),
    retries: compileKey('retries'),
    delay: compileKey('delay'),
    async: asyncOf(module, keys, compileKey, problems),
    poll: compileKey('poll'),
    register: keys.get<string>('register')?.value,
    answersTo: [document.name?.value, ...keys.list('listen').map((each) => each.value)].filter(
      (name) => name !== undefined,
    ),
    include: undefined,
    ...(isForAll(document) && { runOnce: true }),
  };
}

function asyncOf(
  module: Module,
  keys: TaskDocument['keys'],
  compileKey: (key: string) => ValueTemplate | undefined,
  problems: Problems,
): ValueTemplate | undefined {
  const found = keys.get('async');
  const reason = module.kind === 'controller' ? 'it runs on the controller' : module.noJob;
  if (found === undefined || reason === undefined || Number(found.value) === 0) return compileKey('async');
  problems.add({
    code: 'key-unsupported',
    summary: 'module cannot be a job',
    at: found.origin.span(),
    details: [`async is not for ${module.name}: ${reason}`],
    hint: 'leave out "async"',
  });
  return undefined;
}

/** Done by one host for all: what asks a person, ends the play, or tells what the inventory is from then on. */
function isForAll({ module, args }: TaskDocument): boolean {
  if (module.value === 'pause' || module.value === 'add_host') return true;
  return module.value === 'meta' && FOR_ALL.includes(String(args.value));
}

const FOR_ALL: readonly string[] = ['end_play', 'end_batch', 'refresh_inventory'];

/** Modules of Ansible's whose work one of ours does. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['apk', 'package'],
  ['apt', 'package'],
  ['dnf', 'package'],
  ['include', 'include_tasks'],
  ['iptables', 'iptables_restore'],
  ['iptables_state', 'iptables_restore'],
  ['setup', 'debug'],
  ['sysvinit', 'service'],
  ['yum', 'package'],
]);

function unknownModule({ value, origin }: Located<string>, ownModules: OwnModules): Diagnostic {
  const standIn = STAND_INS.get(value);
  const hint =
    standIn === undefined
      ? (didYouMean(value, [...ownModules.names(), ...moduleNames(), ...flowWords()]) ??
        '"fairlead doc" lists the modules that there are')
      : `use the module "${standIn}"`;
  return {
    code: 'module-unknown',
    summary: 'module is not known',
    at: origin.span(),
    details: [`there is no module "${value}"`],
    hint,
  };
}

function optionalTests(
  list: readonly Located<string | boolean>[],
  problems: Problems,
): readonly Test[] | undefined {
  return list.length === 0 ? undefined : testsOf(list, problems);
}

/** For Ansible's `module: key=value` on one line. */
function argumentsHint(value: unknown, { schema }: Module): { hint?: string } {
  if (typeof value !== 'string') return {};
  const usual = ['name', 'msg', 'path'].find((argument) => Object.hasOwn(schema.properties, argument));
  if (usual !== undefined && /^[\w.@/ -]+$/.test(value)) return { hint: `write {${usual}: ${value}}` };
  const [, name, colon, text] = /^(\w+)(:[\u00a0\u2000-\u200b]?)(\S.*)$/u.exec(value) ?? [];
  if (name !== undefined) {
    return {
      hint:
        colon === ':'
          ? `write a blank behind the colon: ${name}: ${text}`
          : 'type the blank behind the colon anew: it is a letter that looks like one',
    };
  }
  const words = value.trim().split(/\s+/);
  const pairs = words.flatMap((word) => {
    const [, key, rest] = /^(\w+)=([^\s"'{}[\],]*)$/.exec(word) ?? [];
    return key === undefined ? [] : [`${key}: ${/^0\d+$/.test(rest ?? '') ? `"${rest}"` : rest}`];
  });
  return pairs.length === words.length ? { hint: `write {${pairs.join(', ')}}` } : {};
}

/** Conditions among the arguments are compiled as such; a bare string becomes the module's free-form argument. */
function splitArguments(
  module: Module,
  { value, origin }: Located<unknown>,
  problems: Problems,
): { plain: ValueTemplate; conditionArgs: ResolvedTask['conditionArgs'] } {
  const conditionArgs = new Map<string, { conditions: readonly Condition[]; single: boolean }>();
  const isText = typeof value === 'string' || value instanceof TaggedText;
  if (isText && module.freeForm !== undefined) {
    const { freeForm } = module;
    // The argument is the whole value: places in it are places in the text.
    const whole = { span: origin.span.bind(origin), child: () => origin, key: () => origin };
    return { plain: ValueTemplate.compile({ [freeForm]: value }, whole, problems), conditionArgs };
  }
  if (value === null || value === undefined) {
    return { plain: ValueTemplate.compile({}, origin, problems), conditionArgs };
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    problems.add({
      code: 'argument-type',
      summary: 'argument is of the wrong type',
      at: origin.span(),
      details: [`${module.name} takes a mapping of arguments`],
      ...argumentsHint(value, module),
    });
    return { plain: ValueTemplate.compile({}, origin, problems), conditionArgs };
  }
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, argument] of Object.entries(value)) {
    const name = key === '_raw' && module.freeForm !== undefined ? module.freeForm : key;
    if (module.schema.properties[name]?.condition !== true) {
      plain[name] = argument;
      continue;
    }
    const list = Array.isArray(argument) ? argument : [argument];
    const conditions = list.flatMap((text: unknown, index) => {
      const at = Array.isArray(argument) ? origin.child(name).child(index) : origin.child(name);
      if (typeof text !== 'string' && typeof text !== 'boolean') {
        problems.add({
          code: 'argument-type',
          summary: 'argument is of the wrong type',
          at: at.span(),
          details: ['a condition is text, true or false'],
        });
        return [];
      }
      const condition = Condition.parse(String(text), at, problems);
      return condition === undefined ? [] : [condition];
    });
    conditionArgs.set(name, { conditions, single: !Array.isArray(argument) });
  }
  return { plain: ValueTemplate.compile(plain, origin, problems), conditionArgs };
}
