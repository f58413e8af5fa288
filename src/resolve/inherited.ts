// What tasks take over from the play, role, block or import that they stand in, and how each of those adds to it.
import type { Problems } from '../diagnostic.ts';
import type { Located, TaskKeys } from '../load/located.ts';
import { Condition } from '../render/condition.ts';
import { ValueTemplate } from '../render/value-template.ts';
import type { VariableLayer } from './host-scope.ts';
import { type ModuleDefaults, withOwnDefaults } from './module-defaults.ts';
import type { ResolvedRole } from './resolved-role.ts';

/** A condition, or a plain true or false. */
export type Test = Condition | boolean;

export interface BecomeSettings {
  readonly become: boolean | undefined;
  readonly user: string | undefined;
  readonly method: 'sudo' | 'su' | 'doas' | undefined;
  readonly flags: string | undefined;
}

export interface Inherited {
  /** All must hold, the outermost first. */
  readonly when: readonly Test[];
  readonly tags: ReadonlySet<string>;
  /** Variables of blocks and imports, the innermost first. */
  readonly vars: readonly VariableLayer[];
  /** Of includes around the task, the innermost first: they win over what the run has set. */
  readonly includeVars: readonly VariableLayer[];
  readonly become: BecomeSettings;
  /** The outermost first: later ones win. */
  readonly environment: readonly ValueTemplate[];
  readonly notify: readonly Located<string>[];
  readonly onFailure: 'stop-host' | 'continue';
  /** Where the machine that runs it cannot be reached. */
  readonly onUnreachable: 'stop-host' | 'continue';
  readonly noLog: boolean;
  readonly runOnce: boolean;
  /** A failure of it ends the play for all hosts. */
  readonly anyErrorsFatal: boolean;
  /** Hosts that may be at it at the same time; 0: any number. */
  readonly throttle: number;
  /** The host whose machine runs it, in place of the task's own. */
  readonly delegateTo: ValueTemplate | undefined;
  /** What it sets belongs to that host. */
  readonly delegateFacts: boolean;
  readonly checkMode: boolean | undefined;
  /** Whether its differences are shown; undefined: where the run shows them. */
  readonly diff: boolean | undefined;
  readonly timeoutMs: number | undefined;
  readonly role: ResolvedRole | undefined;
  /** Arguments that tasks of a module have if they do not say them. */
  readonly moduleDefaults: ModuleDefaults;
}

/** What a whole run begins with. */
export function outermost(become: BecomeSettings): Inherited {
  return {
    when: [],
    tags: new Set(),
    vars: [],
    includeVars: [],
    become,
    environment: [],
    notify: [],
    onFailure: 'stop-host',
    onUnreachable: 'stop-host',
    noLog: false,
    runOnce: false,
    anyErrorsFatal: false,
    throttle: 0,
    delegateTo: undefined,
    delegateFacts: false,
    checkMode: undefined,
    diff: undefined,
    timeoutMs: undefined,
    role: undefined,
    moduleDefaults: new Map(),
  };
}

/** With the keywords of one more level: conditions, tags and variables add up, of the rest the inner one wins. */
export function inherit(outer: Inherited, keys: TaskKeys, problems: Problems): Inherited {
  const environment = keys.get('environment');
  const delegate = keys.get<string>('delegate_to');
  const vars = keys.mapping('vars');
  const seconds = keys.get<number>('timeout')?.value;
  return {
    when: [...outer.when, ...testsOf(keys.list<string | boolean>('when'), problems)],
    tags: new Set([...outer.tags, ...keys.list('tags').map((each) => each.value)]),
    vars: vars.size === 0 ? outer.vars : [vars, ...outer.vars],
    includeVars: outer.includeVars,
    become: becomeOf(keys, outer.become),
    environment:
      environment === undefined
        ? outer.environment
        : [...outer.environment, ValueTemplate.compile(environment.value, environment.origin, problems)],
    notify: [...outer.notify, ...keys.list('notify')],
    onFailure: onFailure(keys.get<boolean>('ignore_errors')?.value) ?? outer.onFailure,
    onUnreachable: onFailure(keys.get<boolean>('ignore_unreachable')?.value) ?? outer.onUnreachable,
    noLog: keys.get<boolean>('no_log')?.value ?? outer.noLog,
    anyErrorsFatal: keys.get<boolean>('any_errors_fatal')?.value ?? outer.anyErrorsFatal,
    throttle: keys.get<number>('throttle')?.value ?? outer.throttle,
    runOnce: keys.get<boolean>('run_once')?.value ?? outer.runOnce,
    delegateTo:
      delegate === undefined
        ? outer.delegateTo
        : ValueTemplate.compile(delegate.value, delegate.origin, problems),
    delegateFacts: keys.get<boolean>('delegate_facts')?.value ?? outer.delegateFacts,
    checkMode: keys.get<boolean>('check_mode')?.value ?? outer.checkMode,
    diff: keys.get<boolean>('diff')?.value ?? outer.diff,
    timeoutMs: seconds === undefined ? outer.timeoutMs : seconds * 1000,
    role: outer.role,
    moduleDefaults: withOwnDefaults(outer.moduleDefaults, keys),
  };
}

/** Conditions, each parsed. */
export function testsOf(list: readonly Located<string | boolean>[], problems: Problems): readonly Test[] {
  return list.flatMap(({ value, origin }): readonly Test[] => {
    if (typeof value === 'boolean') return [value];
    if (/^(?:true|false)$/.test(value)) return [value === 'true'];
    const condition = Condition.parse(value, origin, problems);
    return condition === undefined ? [] : [condition];
  });
}

function onFailure(isIgnored: boolean | undefined): 'stop-host' | 'continue' | undefined {
  if (isIgnored === undefined) return undefined;
  return isIgnored ? 'continue' : 'stop-host';
}

function becomeOf(keys: TaskKeys, outer: BecomeSettings): BecomeSettings {
  return {
    become: keys.get<boolean>('become')?.value ?? outer.become,
    user: keys.get<string>('become_user')?.value ?? outer.user,
    method: keys.get<'sudo' | 'su' | 'doas'>('become_method')?.value ?? outer.method,
    flags: keys.get<string>('become_flags')?.value ?? outer.flags,
  };
}
