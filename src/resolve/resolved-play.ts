// A play with everything found: its hosts, its roles and their dependencies in order, its tasks, its variables.
import { dirname, resolve } from 'node:path';
import { didYouMean, Problems, type Span } from '../diagnostic.ts';
import type { Inventory } from '../load/inventory/model.ts';
import type { Located, PlayDocument, TaskDocument } from '../load/playbook.ts';
import { loadVariablesFile } from '../load/role.ts';
import { ValueTemplate } from '../render/value-template.ts';
import { matchHosts } from './host-pattern.ts';
import type { VariableLayer } from './host-scope.ts';
import type { ResolvedRole } from './resolved-role.ts';
import {
  becomeOf,
  type Inherited,
  onFailure,
  type ResolvedTask,
  resolveTask,
  testsOf,
  timeoutOf,
} from './resolved-task.ts';
import { RoleSequence } from './role-sequence.ts';
import { isSelected, type TagSelection } from './tags.ts';

export interface Section {
  readonly kind: 'pre_tasks' | 'tasks' | 'post_tasks';
  readonly tasks: readonly ResolvedTask[];
}

export interface ResolvedPlay {
  readonly name: string;
  readonly origin: PlayDocument['origin'];
  readonly hosts: readonly string[];
  readonly sections: readonly Section[];
  readonly handlers: readonly ResolvedTask[];
  /** vars_files and vars, those that win first. */
  readonly vars: readonly VariableLayer[];
  /** In the order they run. */
  readonly roles: readonly ResolvedRole[];
  /** `on-demand`: only where a template or condition names `facts`. */
  readonly gatherFacts: 'always' | 'never' | 'on-demand';
  /** Sizes of the batches; the last one repeats. Empty: all at once. */
  readonly serial: readonly BatchSize[];
  readonly maxFailPercentage: number | undefined;
  readonly anyErrorsFatal: boolean;
  readonly remoteUser: string | undefined;
  readonly port: number | undefined;
  readonly become: ResolvedTask['become'];
}

export type BatchSize = { readonly kind: 'hosts' | 'percent'; readonly amount: number };

export interface PlayContext {
  readonly inventory: Inventory;
  /** False: a part of it could not be read. */
  readonly inventoryIsWhole: boolean;
  readonly playbookPath: string;
  readonly limit: { readonly pattern: string; readonly at?: Span } | undefined;
  readonly tags: TagSelection;
  readonly become: ResolvedTask['become'];
}

export function resolvePlay(document: PlayDocument, context: PlayContext, problems: Problems): ResolvedPlay {
  const folder = dirname(context.playbookPath);
  const { keys } = document;
  const hosts = hostsOf(document, context, problems);
  const become = becomeOf(keys, context.become);
  const environment = keys.get('environment');
  const inherited: Inherited = {
    when: testsOf(keys.list<string | boolean>('when'), problems),
    tags: new Set(keys.list('tags').map((each) => each.value)),
    become,
    environment:
      environment === undefined
        ? []
        : [ValueTemplate.compile(environment.value, environment.origin, problems)],
    onFailure: onFailure(keys.get<boolean>('ignore_errors')?.value) ?? 'stop-host',
    noLog: keys.get<boolean>('no_log')?.value ?? false,
    checkMode: keys.get<boolean>('check_mode')?.value,
    timeoutMs: timeoutOf(keys),
    role: undefined,
  };
  const roles = new RoleSequence(folder, problems);
  for (const reference of document.roles) roles.add(reference, inherited);
  const resolveAll = (documents: readonly TaskDocument[]): readonly ResolvedTask[] =>
    documents.flatMap((task) => resolveTask(task, inherited, problems) ?? []);
  const select = (tasks: readonly ResolvedTask[]): readonly ResolvedTask[] =>
    tasks.filter((task) => isSelected(task.tags, context.tags));
  const handlers = [...roles.handlers, ...resolveAll(document.handlers)];
  const sections: readonly Section[] = [
    { kind: 'pre_tasks', tasks: select(resolveAll(document.preTasks)) },
    { kind: 'tasks', tasks: select([...roles.tasks, ...resolveAll(document.tasks)]) },
    { kind: 'post_tasks', tasks: select(resolveAll(document.postTasks)) },
  ];
  checkNotify([...sections.flatMap((section) => section.tasks), ...handlers], handlers, problems);
  const gatherFacts = keys.get<boolean>('gather_facts')?.value;
  return {
    name: document.name ?? document.hosts.map((each) => each.value).join(','),
    origin: document.origin,
    hosts,
    sections,
    handlers,
    vars: [
      ...document.varsFiles
        .map((file) => loadVariablesFile(resolve(folder, file.value), problems, file.origin.span()))
        .reverse(),
      document.vars,
    ],
    roles: roles.roles,
    gatherFacts: gatherFacts === undefined ? 'on-demand' : gatherFacts ? 'always' : 'never',
    serial: keys.list<number | string>('serial').flatMap((each) => batchSize(each, problems) ?? []),
    maxFailPercentage: keys.get<number>('max_fail_percentage')?.value,
    anyErrorsFatal: keys.get<boolean>('any_errors_fatal')?.value ?? false,
    remoteUser: keys.get<string>('remote_user')?.value,
    port: keys.get<number>('port')?.value,
    become,
  };
}

function hostsOf(document: PlayDocument, context: PlayContext, problems: Problems): readonly string[] {
  if (document.hosts.length === 0) return [];
  const pattern = document.hosts.map((each) => each.value).join(',');
  const at = document.hosts[0]?.origin.span();
  // Where the inventory could not be read, every group of it would be told to be unknown.
  const told = context.inventoryIsWhole ? problems : new Problems();
  const hosts = matchHosts(context.inventory, pattern, at, told);
  if (context.limit === undefined) return hosts;
  const limited = new Set(matchHosts(context.inventory, context.limit.pattern, context.limit.at, told));
  return hosts.filter((host) => limited.has(host));
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

function checkNotify(
  tasks: readonly ResolvedTask[],
  handlers: readonly ResolvedTask[],
  problems: Problems,
): void {
  const known = new Set(handlers.flatMap((handler) => handler.answersTo));
  for (const { value, origin } of tasks.flatMap((task) => task.notify)) {
    if (known.has(value)) continue;
    const hint = didYouMean(value, known);
    problems.add({
      code: 'unknown-handler',
      summary: 'handler is not in the play',
      at: origin.span(),
      details: [
        known.size > 0
          ? `handlers are ${[...known].map((each) => `"${each}"`).join(', ')}`
          : 'the play has no handlers',
      ],
      ...(hint !== undefined && { hint }),
    });
  }
}
