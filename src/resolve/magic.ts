// Names that are always there, each with its value: of the host, the play, the role and the loop that a task is in.
// docs/variables.md lists them. Values that cost something, or change while a play runs, are worked out when asked for.
import type { MagicLayer } from './host-scope.ts';
import type { ResolvedPlay } from './resolved-play.ts';
import type { ResolvedRole } from './resolved-role.ts';

/** What the user asked for on the command line. */
export interface RunSettings {
  readonly checkMode: boolean;
  readonly diffMode: boolean;
  readonly limit: string | undefined;
  readonly onlyTags: readonly string[];
  readonly skippedTags: readonly string[];
  readonly verbosity: number;
  readonly forks: number;
  /** Of fairlead itself: `0.1.0`. */
  readonly version: string;
}

/** Who is in the play at this moment. */
export interface PlayNow {
  /** Of all batches, but those that failed. */
  readonly activeHosts: () => readonly string[];
  readonly batch: () => readonly string[];
}

/** Of the run. Each host shows them to the others, too. */
export function runMagic(settings: RunSettings, inventorySources: readonly string[]): MagicLayer {
  const { limit, onlyTags } = settings;
  return new Map<string, unknown>([
    ['ansible_check_mode', settings.checkMode],
    ['ansible_diff_mode', settings.diffMode],
    ['ansible_forks', settings.forks],
    ['ansible_inventory_sources', inventorySources],
    ...(limit === undefined ? [] : ([['ansible_limit', limit]] as const)),
    ['ansible_run_tags', onlyTags.length === 0 ? ['all'] : onlyTags],
    ['ansible_skip_tags', settings.skippedTags],
    ['ansible_verbosity', settings.verbosity],
    ['ansible_version', versionRecord(settings.version)],
  ]);
}

/** Of the play. `now`: undefined before it runs, when all of its hosts are in. */
export function playMagic(play: ResolvedPlay, now: PlayNow | undefined): MagicLayer {
  const batch = now?.batch ?? (() => play.hosts);
  const named = (which: (role: ResolvedRole) => boolean) => () => [
    ...new Set(play.roles.filter(which).map(({ role }) => role.name)),
  ];
  return lazily({
    ansible_play_name: () => play.name,
    ansible_play_hosts: now?.activeHosts ?? (() => play.hosts),
    ansible_play_hosts_all: () => play.hosts,
    ansible_play_batch: batch,
    play_hosts: batch,
    ansible_role_names: named(() => true),
    ansible_play_role_names: named((role) => role.isNamedByPlay),
    ansible_dependent_role_names: named((role) => !role.isNamedByPlay),
    role_names: named((role) => role.isNamedByPlay),
  });
}

/** Of a task in a role. */
export function roleMagic({ role, parents }: ResolvedRole): MagicLayer {
  return new Map<string, unknown>([
    ['role_name', role.name],
    ['ansible_role_name', role.name],
    ['role_path', role.folder],
    ...(parents.length === 0
      ? []
      : ([
          ['ansible_parent_role_names', parents.map((each) => each.role.name)],
          ['ansible_parent_role_paths', parents.map((each) => each.role.folder)],
        ] as const)),
  ]);
}

/** Names and the functions that give their values. */
export function lazily(values: Readonly<Record<string, () => unknown>>): MagicLayer {
  const map = new Map(Object.entries(values));
  return { has: (name) => map.has(name), keys: () => map.keys(), get: (name) => map.get(name)?.() };
}

/** Several layers as one; the first that has a name decides. */
export function stacked(layers: readonly MagicLayer[]): MagicLayer {
  return {
    has: (name) => layers.some((layer) => layer.has(name)),
    get: (name) => layers.find((layer) => layer.has(name))?.get(name),
    *keys() {
      for (const layer of layers) yield* layer.keys();
    },
  };
}

/** In the form of Ansible's, of fairlead. */
function versionRecord(version: string): Readonly<Record<string, unknown>> {
  const [major = 0, minor = 0, revision = 0] = version
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
  return { full: version, string: version, major, minor, revision };
}
