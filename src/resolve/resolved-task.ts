// A task with everything found that does not depend on the host: its module, its templates and conditions compiled.
import { type Diagnostic, didYouMean, type Problems } from '../diagnostic.ts';
import type { Located, TaskDocument, TaskKeys } from '../load/playbook.ts';
import type { Origin } from '../load/source.ts';
import type { Module } from '../modules/module.ts';
import { findModule, moduleNames } from '../modules/registry.ts';
import { Condition } from '../render/condition.ts';
import { ValueTemplate } from '../render/value-template.ts';
import type { VariableLayer } from './host-scope.ts';
import type { ResolvedRole } from './resolved-role.ts';

/** A condition, or a plain true or false. */
export type Test = Condition | boolean;

export interface BecomeSettings {
  readonly become: boolean | undefined;
  readonly user: string | undefined;
  readonly method: 'sudo' | 'su' | 'doas' | undefined;
  readonly flags: string | undefined;
}

export interface ResolvedTask {
  /** Unique in the run. */
  readonly id: number;
  readonly origin: Origin;
  /** `name` with its templates, or undefined: the module's name stands for it. */
  readonly name: ValueTemplate | undefined;
  readonly module: Module;
  /** Where the module is named. */
  readonly moduleOrigin: Origin;
  readonly args: ValueTemplate;
  /** Arguments that are conditions, by their name; `single` where the argument is one and not a list. */
  readonly conditionArgs: ReadonlyMap<
    string,
    { readonly conditions: readonly Condition[]; readonly single: boolean }
  >;
  /** All must hold; those of the play and of the role come first. */
  readonly when: readonly Test[];
  readonly changedWhen: readonly Test[] | undefined;
  readonly failedWhen: readonly Test[] | undefined;
  readonly loop: ValueTemplate | undefined;
  readonly register: string | undefined;
  readonly notify: readonly Located<string>[];
  /** Names that a handler answers to. */
  readonly answersTo: readonly string[];
  readonly onFailure: 'stop-host' | 'continue';
  readonly noLog: boolean;
  readonly checkMode: boolean | undefined;
  readonly become: BecomeSettings;
  readonly environment: readonly ValueTemplate[];
  readonly timeoutMs: number | undefined;
  readonly tags: ReadonlySet<string>;
  readonly vars: VariableLayer;
  readonly role: ResolvedRole | undefined;
}

/** What a task takes over from its play and role. */
export interface Inherited {
  readonly when: readonly Test[];
  readonly tags: ReadonlySet<string>;
  readonly become: BecomeSettings;
  readonly environment: readonly ValueTemplate[];
  readonly onFailure: 'stop-host' | 'continue';
  readonly noLog: boolean;
  readonly checkMode: boolean | undefined;
  readonly timeoutMs: number | undefined;
  readonly role: ResolvedRole | undefined;
}

let lastId = 0;

/** Undefined where the module is not known; all problems go to `problems`. */
export function resolveTask(
  document: TaskDocument,
  inherited: Inherited,
  problems: Problems,
): ResolvedTask | undefined {
  const { keys } = document;
  const module = findModule(document.module.value);
  if (module === undefined) {
    problems.add(unknownModule(document.module));
    return undefined;
  }
  const { plain, conditionArgs } = splitArguments(module, document, problems);
  const compileKey = (key: string): ValueTemplate | undefined => {
    const found = keys.get(key);
    return found && ValueTemplate.compile(found.value, found.origin, problems);
  };
  const environment = compileKey('environment');
  const vars = keys.get<Record<string, unknown>>('vars');
  const register = keys.get<string>('register')?.value;
  lastId += 1;
  return {
    id: lastId,
    origin: document.origin,
    name: document.name && ValueTemplate.compile(document.name.value, document.name.origin, problems),
    module,
    moduleOrigin: document.module.origin,
    args: plain,
    conditionArgs,
    when: [...inherited.when, ...testsOf(keys.list<string | boolean>('when'), problems)],
    changedWhen: optionalTests(keys.list<string | boolean>('changed_when'), problems),
    failedWhen: optionalTests(keys.list<string | boolean>('failed_when'), problems),
    loop: compileKey('loop'),
    register,
    notify: keys.list('notify'),
    answersTo: [document.name?.value, ...keys.list('listen').map((each) => each.value)].filter(
      (name) => name !== undefined,
    ),
    onFailure: onFailure(keys.get<boolean>('ignore_errors')?.value) ?? inherited.onFailure,
    noLog: keys.get<boolean>('no_log')?.value ?? inherited.noLog,
    checkMode: keys.get<boolean>('check_mode')?.value ?? inherited.checkMode,
    become: becomeOf(document.keys, inherited.become),
    environment: [...inherited.environment, ...(environment === undefined ? [] : [environment])],
    timeoutMs: timeoutOf(keys) ?? inherited.timeoutMs,
    tags: new Set([...inherited.tags, ...keys.list('tags').map((each) => each.value)]),
    vars: new Map(
      Object.entries(vars?.value ?? {}).map(([name, value]) => [
        name,
        { value, origin: vars?.origin.child(name) ?? document.origin },
      ]),
    ),
    role: inherited.role,
  };
}

/** Modules of Ansible's whose work one of ours does. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['apk', 'package'],
  ['apt', 'package'],
  ['blockinfile', 'template'],
  ['dnf', 'package'],
  ['iptables', 'iptables_restore'],
  ['iptables_state', 'iptables_restore'],
  ['pause', 'wait_for'],
  ['raw', 'shell'],
  ['setup', 'debug'],
  ['systemd', 'service'],
  ['systemd_service', 'service'],
  ['sysvinit', 'service'],
  ['yum', 'package'],
]);

function unknownModule({ value, origin }: Located<string>): Diagnostic {
  const standIn = STAND_INS.get(value);
  const hint = standIn === undefined ? didYouMean(value, moduleNames()) : `use the module "${standIn}"`;
  return {
    code: 'module-unknown',
    summary: 'module is not known',
    at: origin.span(),
    details: [
      hint === undefined
        ? `"${value}" is none of ${moduleNames().join(', ')}`
        : `there is no module "${value}"`,
    ],
    ...(hint !== undefined && { hint }),
  };
}

export function onFailure(ignoreErrors: boolean | undefined): 'stop-host' | 'continue' | undefined {
  if (ignoreErrors === undefined) return undefined;
  return ignoreErrors ? 'continue' : 'stop-host';
}

export function timeoutOf(keys: TaskKeys): number | undefined {
  const seconds = keys.get<number>('timeout')?.value;
  return seconds === undefined ? undefined : seconds * 1000;
}

export function becomeOf(keys: TaskKeys, outer: BecomeSettings): BecomeSettings {
  return {
    become: keys.get<boolean>('become')?.value ?? outer.become,
    user: keys.get<string>('become_user')?.value ?? outer.user,
    method: keys.get<'sudo' | 'su' | 'doas'>('become_method')?.value ?? outer.method,
    flags: keys.get<string>('become_flags')?.value ?? outer.flags,
  };
}

export function testsOf(list: readonly Located<string | boolean>[], problems: Problems): readonly Test[] {
  return list.flatMap(({ value, origin }): readonly Test[] => {
    if (typeof value === 'boolean') return [value];
    const condition = Condition.parse(value, origin, problems);
    return condition === undefined ? [] : [condition];
  });
}

function optionalTests(
  list: readonly Located<string | boolean>[],
  problems: Problems,
): readonly Test[] | undefined {
  return list.length === 0 ? undefined : testsOf(list, problems);
}

/** For Ansible's `module: key=value` on one line. */
function argumentsHint(value: unknown): { hint?: string } {
  const [, key, rest] = (typeof value === 'string' && /^(\w+)=(\S*)$/.exec(value)) || [];
  return key === undefined ? {} : { hint: `write {${key}: ${rest}}` };
}

/** Conditions among the arguments are compiled as such; a bare string becomes the module's free-form argument. */
function splitArguments(
  module: Module,
  document: TaskDocument,
  problems: Problems,
): { plain: ValueTemplate; conditionArgs: ResolvedTask['conditionArgs'] } {
  const { value, origin } = document.args;
  const conditionArgs = new Map<string, { conditions: readonly Condition[]; single: boolean }>();
  if (typeof value === 'string' && module.freeForm !== undefined) {
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
      ...argumentsHint(value),
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
