// What a playbook would run, as data: `fairlead run --list-…` asks for it, resolve/listing.ts makes it, report prints it.

export interface PlaybookListing {
  /** As it was named on the command line. */
  readonly playbook: string;
  readonly plays: readonly PlayListing[];
}

export interface PlayListing {
  readonly name: string;
  /** Its `hosts`, as written. */
  readonly pattern: string;
  readonly place: ListedPlace;
  readonly tags: readonly string[];
  /** That the pattern and --limit select, in the order of the run. */
  readonly hosts: readonly string[];
  readonly tasks: readonly ListedNode[];
  /** Of all its tasks, those in includes among them. */
  readonly taskTags: readonly string[];
}

export interface ListedPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ListedTask {
  readonly kind: 'task';
  /** `role : name`; the module's name where the task has none. */
  readonly title: string;
  readonly module: string;
  readonly role: string | undefined;
  readonly place: ListedPlace;
  readonly tags: readonly string[];
}

/**
 * A task that brings in others when it runs. `known`: with all it can bring in. `late`: facts or results of the run have
 * a say in what it brings in. `nowhere`: no host comes to it.
 */
export interface ListedInclude extends Omit<ListedTask, 'kind'> {
  readonly kind: 'include';
  readonly when: 'known' | 'late' | 'nowhere';
  readonly brings: readonly { readonly name: string; readonly tasks: readonly ListedNode[] }[];
}

export interface ListedBlock {
  readonly kind: 'block';
  readonly name: string | undefined;
  readonly place: ListedPlace;
  readonly body: readonly ListedNode[];
  readonly rescue: readonly ListedNode[];
  readonly always: readonly ListedNode[];
}

export type ListedNode = ListedTask | ListedInclude | ListedBlock;
