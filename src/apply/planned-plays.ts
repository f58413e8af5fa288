// A saved plan as plays that the engine can run: tasks without variables or conditions, whose actions are known. What one
// host has to do and another has not is one task for both, skipped on the other.
import { Problems } from '../diagnostic.ts';
import { GrowingInventory } from '../load/inventory/growing-inventory.ts';
import type { Inventory } from '../load/inventory/model.ts';
import type { Located } from '../load/located.ts';
import type { Origin } from '../load/source.ts';
import { Vault } from '../load/vault/vault.ts';
import type { HostModule } from '../modules/module.ts';
import { findModule } from '../modules/registry.ts';
import type { Action, HostAction } from '../plan/action.ts';
import { normalized } from '../plan/resources.ts';
import type { PlannedAction, PlannedPlay } from '../plan/saved-plan.ts';
import { movedSince, seenOf } from '../plan/seen.ts';
import { ValueTemplate } from '../render/value-template.ts';
import type { Fleet } from '../resolve/fleet.ts';
import type { HostScope, RunState } from '../resolve/host-scope.ts';
import { outermost } from '../resolve/inherited.ts';
import { PlayScopes } from '../resolve/play-scopes.ts';
import { ProjectFiles } from '../resolve/project-files.ts';
import type { ResolvedPlay } from '../resolve/resolved-play.ts';
import type { ResolvedTask } from '../resolve/resolved-task.ts';
import { plainList } from '../resolve/task-list.ts';
import { VariableTemplates } from '../resolve/variable-templates.ts';
import type { EnginePlay } from './engine.ts';

export interface PlannedPlays {
  readonly plays: readonly EnginePlay[];
  /** Everything that is planned for a host, over all plays, in its order. */
  readonly actionsOf: (host: string) => readonly PlannedHostAction[];
}

export interface PlannedHostAction {
  readonly planned: PlannedAction;
  readonly action: HostAction;
}

/** `hosts`: only these of the plan's. Throws an Error where a module is not known, which no plan of ours names. */
export function plannedPlays(plan: readonly PlannedPlay[], hosts: ReadonlySet<string>): PlannedPlays {
  const everybody = [...new Set(plan.flatMap((each) => [...each.hosts, ...delegatesOf(each)]))];
  const built = plan.map((each) => playOf(each, { hosts, fleet: fleetOf(everybody, plan) }));
  return {
    plays: built.map(({ play }) => play),
    actionsOf: (host) => built.flatMap(({ actionsOf }) => actionsOf(host)),
  };
}

interface Slot {
  readonly key: string;
  readonly task: ResolvedTask;
  readonly byHost: Map<string, PlannedAction>;
}

function playOf(
  planned: PlannedPlay,
  { hosts, fleet }: { readonly hosts: ReadonlySet<string>; readonly fleet: Fleet },
): { readonly play: EnginePlay; readonly actionsOf: PlannedPlays['actionsOf'] } {
  const slots = slotsOf(planned);
  const bySlot = new Map(slots.map((slot) => [slot.task, slot]));
  const play = resolvedPlay(planned, { hosts, tasks: slots.map(({ task }) => task) });
  const scopes = new PlayScopes(play, {
    fleet,
    extraVars: new Map(),
    templates: new VariableTemplates(new Problems()),
    settings: NO_SETTINGS,
  });
  const nothing: RunState = { facts: undefined, results: new Map(), pending: new Set() };
  return {
    play: {
      play,
      scopes,
      files: new ProjectFiles(planned.folder),
      needsFacts: false,
      inventory: new GrowingInventory(NO_INVENTORY, {
        sources: [],
        playbookFolder: planned.folder,
        vault: new Vault(),
      }),
      readers: new Set(),
      lateIncludes: new Set(),
      planned: (task, scope) => {
        const action = bySlot.get(task)?.byHost.get(String(scope.get('inventory_hostname')));
        return action === undefined ? notPlanned(task, scope) : hostAction(action, task, scope);
      },
      ...(planned.guarding as Pick<EnginePlay, 'guard' | 'peers'>),
    },
    actionsOf: (host) =>
      slots.flatMap(({ task, byHost }) => {
        const action = byHost.get(host);
        if (action === undefined) return [];
        return [{ planned: action, action: hostAction(action, task, scopes.scope(host, task, nothing)) }];
      }),
  };
}

/** Each host's actions in their order: those of the same task and item of several hosts in one. */
function slotsOf({ actions }: PlannedPlay): readonly Slot[] {
  const slots: Slot[] = [];
  for (const [host, list] of Object.entries(actions)) {
    let at = 0;
    for (const action of list) {
      const key = `${action.task.id} ${action.task.item} ${becomeKey(action)}`;
      const found = slots.findIndex(
        (slot, index) => index >= at && slot.key === key && !slot.byHost.has(host),
      );
      if (found >= 0) at = found;
      else slots.splice(at, 0, { key, task: taskOf(action), byHost: new Map() });
      slots[at]?.byHost.set(host, action);
      at += 1;
    }
  }
  return slots;
}

function becomeKey({ become }: PlannedAction): string {
  return become === undefined ? '' : `${become.method} ${become.user} ${become.flags ?? ''}`;
}

function hostAction(planned: PlannedAction, task: ResolvedTask, scope: HostScope): HostAction {
  const { title, wanted, delegate, become, environment, timeoutMs, job, seen, restsOnOthers } = planned;
  const module = task.module as HostModule;
  return {
    kind: 'host',
    task,
    title,
    item: undefined,
    scope,
    module,
    wanted,
    inspection: module.inspect(wanted),
    reads: normalized(module.reads(wanted)),
    writes: normalized(module.writes(wanted)),
    become,
    environment,
    mode: 'apply',
    timeoutMs,
    ...(delegate !== undefined && { delegate }),
    ...(job !== undefined && { job }),
    // What an earlier action has changed by then is as it has to be, and not as it was.
    ...(seen !== undefined &&
      !restsOnOthers && { movedSince: (actual) => movedSince(seen, seenOf({ module, wanted }, actual)) }),
  };
}

function notPlanned(task: ResolvedTask, scope: HostScope): Action {
  const title = task.writtenName ?? task.module.name;
  const reason = 'nothing is planned for this host';
  return { kind: 'skipped', task, title, item: undefined, scope, reason, leaves: 'unset' };
}

let lastId = 0;

function taskOf({ task, become, delegate }: PlannedAction): ResolvedTask {
  const { file, line, column } = task.place;
  const span = () => ({ file, line, column, length: 1, lineText: '' });
  const origin: Origin = { span, child: () => origin, key: () => origin };
  const module = findModule(task.module);
  if (module === undefined) throw new Error(`the plan names a module that is not there: ${task.module}`);
  const template = (value: unknown) => ValueTemplate.compile(value, origin, new Problems());
  lastId += 1;
  return {
    ...outermost({
      become: become !== undefined,
      user: become?.user,
      method: become?.method,
      flags: become?.flags,
    }),
    onFailure: task.onFailure,
    onUnreachable: task.onUnreachable,
    noLog: task.noLog,
    anyErrorsFatal: task.anyErrorsFatal,
    delegateTo: delegate === undefined ? undefined : template('another host'),
    id: lastId,
    origin,
    name: undefined,
    writtenName: task.name,
    module,
    moduleOrigin: origin,
    args: template({}),
    conditionArgs: new Map(),
    changedWhen: task.changedWhen,
    failedWhen: task.failedWhen,
    loop: undefined,
    until: undefined,
    retries: undefined,
    delay: undefined,
    async: undefined,
    poll: undefined,
    register: undefined,
    answersTo: [],
    include: undefined,
  };
}

function resolvedPlay(
  { name, pattern, folder, serial, anyErrorsFatal, maxFailPercentage, maxFailures, ...planned }: PlannedPlay,
  { hosts, tasks }: { readonly hosts: ReadonlySet<string>; readonly tasks: readonly ResolvedTask[] },
): ResolvedPlay {
  const span = () => ({ file: planned.playbook, line: 1, column: 1, length: 1, lineText: '' });
  const origin: Origin = { span, child: () => origin, key: () => origin };
  return {
    name,
    pattern,
    tags: new Set(),
    origin,
    folder,
    hosts: planned.hosts.filter((host) => hosts.has(host)),
    sections: [{ kind: 'tasks', list: plainList(tasks) }],
    handlers: [],
    selection: { only: [], skip: [] },
    vars: [],
    varsSetBy: [],
    roles: [],
    gatherFacts: 'never',
    serial,
    maxFailPercentage,
    anyErrorsFatal,
    maxFailures,
    forceHandlers: false,
    guard: undefined,
    onUnreachable: 'stop-host',
    remoteUser: undefined,
    port: undefined,
    become: { become: undefined, user: undefined, method: undefined, flags: undefined },
  };
}

/** No more than what becoming somebody needs: everything else has gone into what is wanted. */
function fleetOf(names: readonly string[], plan: readonly PlannedPlay[]): Fleet {
  const known = new Set(names);
  const edition = {};
  const span = () => ({ file: 'the plan', line: 1, column: 1, length: 1, lineText: '' });
  const origin: Origin = { span, child: () => origin, key: () => origin };
  const variables = (host: string): ReadonlyMap<string, Located<unknown>> => {
    const password = plan
      .flatMap(({ actions }) => actions[host] ?? [])
      .find(({ become, delegate }) => delegate === undefined && become?.password !== undefined)
      ?.become?.password;
    return new Map(
      password === undefined ? [] : [['ansible_become_password', { value: password, origin }] as const],
    );
  };
  return {
    sources: [],
    edition: () => edition,
    names: () => names,
    has: (host) => known.has(host),
    groups: () => ({}),
    variables,
    magic: (host) => new Map([['inventory_hostname', host]]),
  };
}

function delegatesOf({ actions }: PlannedPlay): readonly string[] {
  return Object.values(actions).flatMap((list) => list.flatMap(({ delegate }) => delegate ?? []));
}

const NO_INVENTORY: Inventory = { sources: [], hosts: new Map(), groups: new Map(), folders: [] };

const NO_SETTINGS = {
  checkMode: false,
  diffMode: false,
  limit: undefined,
  onlyTags: [],
  skippedTags: [],
  verbosity: 0,
  forks: 0,
  version: '',
};
