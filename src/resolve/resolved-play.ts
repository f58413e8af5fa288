// A play with everything found: its hosts, its roles and their dependencies in order, its tasks, its variables.
import { dirname, resolve } from 'node:path';
import type { Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import type { PlayDocument } from '../load/playbook.ts';
import { loadVariablesFile } from '../load/role.ts';
import type { Vault } from '../load/vault/vault.ts';
import { checkNotify } from './check-notify.ts';
import { type GuardWish, guardWish } from './guard-wish.ts';
import type { VariableLayer } from './host-scope.ts';
import { type BecomeSettings, type Inherited, inherit, outermost } from './inherited.ts';
import { ListResolver, type Site } from './list-resolver.ts';
import { type HostsContext, hostsOf } from './play-hosts.ts';
import { type Answers, promptedVariables } from './prompted-variables.ts';
import type { ResolvedRole } from './resolved-role.ts';
import type { ResolvedTask } from './resolved-task.ts';
import type { TagSelection } from './tags.ts';
import { type TaskList, TaskListBuilder } from './task-list.ts';

/** Handlers that have been notified run at its end. */
export interface Section {
  readonly kind: 'pre_tasks' | 'tasks' | 'post_tasks';
  readonly list: TaskList;
}

export interface ResolvedPlay {
  readonly name: string;
  /** `hosts`, as it was written. */
  readonly pattern: string;
  /** That all its tasks take over. */
  readonly tags: ReadonlySet<string>;
  readonly origin: PlayDocument['origin'];
  /** Of the playbook that it stands in. */
  readonly folder: string;
  readonly hosts: readonly string[];
  readonly sections: readonly Section[];
  readonly handlers: readonly ResolvedTask[];
  /** Which tasks of the playbook run. */
  readonly selection: TagSelection;
  /** vars_files and vars, those that win first. */
  readonly vars: readonly VariableLayer[];
  /** What each of them is, for people. */
  readonly varsSetBy: readonly string[];
  /** Whose variables all its tasks see, in the order they run. Includes may add to them, and to the handlers. */
  readonly roles: readonly ResolvedRole[];
  /** `on-demand`: only where a template or condition names `facts`. */
  readonly gatherFacts: 'always' | 'never' | 'on-demand';
  /** Sizes of the batches; the last one repeats. Empty: all at once. */
  readonly serial: readonly BatchSize[];
  readonly maxFailPercentage: number | undefined;
  readonly anyErrorsFatal: boolean;
  /** Failed hosts of the whole run that are too many by one. */
  readonly maxFailures: number | undefined;
  /** Handlers that have been notified run on hosts that fail, too. */
  readonly forceHandlers: boolean;
  /** As the play says; undefined: by what its tasks do. */
  readonly guard: GuardWish | undefined;
  /** Where facts cannot be gathered; tasks take it over. */
  readonly onUnreachable: Inherited['onUnreachable'];
  readonly remoteUser: string | undefined;
  readonly port: number | undefined;
  readonly become: BecomeSettings;
}

export type BatchSize = { readonly kind: 'hosts' | 'percent'; readonly amount: number };

export interface PlayContext extends HostsContext {
  readonly tags: TagSelection;
  readonly become: BecomeSettings;
  /** To vars_prompt. */
  readonly answers: Answers;
  readonly extraVars: VariableLayer;
  /** Opens what is vaulted. */
  readonly vault?: Vault;
}

export function resolvePlay(document: PlayDocument, context: PlayContext, problems: Problems): ResolvedPlay {
  const folder = dirname(resolve(document.path));
  const { keys, imports } = document;
  const hosts = hostsOf(document, context, problems);
  // The play's own variables have their own place in the order of precedence, and any_errors_fatal is the engine's.
  const outer = imports.reduce((each, own) => inherit(each, own, problems), outermost(context.become));
  const inherited = { ...inherit(outer, keys, problems), vars: [], anyErrorsFatal: false };
  const resolver = new ListResolver(folder, context.tags, context.vault);
  const site = { folder, chain: [], problems };
  resolver.addModulesOf(document.roles, problems);
  resolver.checkDefaults(keys, problems);
  const sections = sectionsOf(document, resolver, inherited, site);
  resolver.addHandlers(document.handlers, inherited, site);
  const { handlers, roles } = resolver;
  checkNotify([...sections.flatMap(({ list }) => list.tasks), ...handlers], handlers, problems);
  const gatherFacts = keys.get<boolean>('gather_facts')?.value;
  const pattern = document.hosts.map((each) => each.value).join(',');
  const load = ({ value, origin }: Located<string>): VariableLayer =>
    loadVariablesFile(resolve(folder, value), problems, origin.span(), context.vault);
  const vars: readonly { readonly by: string; readonly layer: VariableLayer }[] = [
    ...document.varsFiles.map((file) => ({ by: 'vars_files', layer: load(file) })).reverse(),
    { by: 'vars_prompt', layer: promptedVariables(document.prompts, context, problems) },
    ...imports.map((each) => ({ by: 'vars of import_playbook', layer: each.mapping('vars') })),
    { by: 'vars of the play', layer: document.vars },
  ];
  return {
    name: document.name ?? pattern,
    pattern,
    tags: inherited.tags,
    origin: document.origin,
    folder,
    hosts,
    sections,
    handlers,
    selection: context.tags,
    vars: vars.map(({ layer }) => layer),
    varsSetBy: vars.map(({ by }) => by),
    roles,
    gatherFacts: gatherFacts === undefined ? 'on-demand' : gatherFacts ? 'always' : 'never',
    serial: keys.list<number | string>('serial').flatMap((each) => batchSize(each, problems) ?? []),
    maxFailPercentage: keys.get<number>('max_fail_percentage')?.value,
    anyErrorsFatal: keys.get<boolean>('any_errors_fatal')?.value ?? false,
    maxFailures: keys.get<number>('max_failures')?.value,
    forceHandlers: keys.get<boolean>('force_handlers')?.value ?? false,
    guard: guardWish(keys.get<string | number | false>('guard'), problems),
    onUnreachable: inherited.onUnreachable,
    remoteUser: (keys.get<string>('remote_user') ?? keys.get<string>('user'))?.value,
    port: keys.get<number>('port')?.value,
    become: inherited.become,
  };
}

function sectionsOf(
  document: PlayDocument,
  resolver: ListResolver,
  inherited: Inherited,
  site: Site,
): readonly Section[] {
  const section = (kind: Section['kind'], add: (list: TaskListBuilder) => void): Section => {
    const list = new TaskListBuilder();
    add(list);
    return { kind, list: list.build() };
  };
  return [
    section('pre_tasks', (list) => resolver.addTasks(document.preTasks, inherited, list, site)),
    section('tasks', (list) => {
      for (const role of document.roles) resolver.addRole(role, inherited, list, site);
      resolver.addTasks(document.tasks, inherited, list, site);
    }),
    section('post_tasks', (list) => resolver.addTasks(document.postTasks, inherited, list, site)),
  ];
}

function batchSize(size: Located<number | string>, problems: Problems): BatchSize | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(String(size.value));
  const amount = Number(match?.[1]);
  if (match !== null && amount > 0) return { kind: match[2] === '%' ? 'percent' : 'hosts', amount };
  problems.add({
    code: 'key-type',
    summary: 'value is of the wrong type',
    at: size.origin.span(),
    details: ['a batch is a number of hosts, or a percentage such as "30%", above 0'],
  });
  return undefined;
}
