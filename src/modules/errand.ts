// Errands: what the engine does for a task because neither a program on the host nor the module itself can.
// A module only says what is to be done; src/apply/errands does it, once everything before it in the play is done.

/** A file of the host's that is to be a file here. */
export interface Delivery {
  readonly kind: 'deliver';
  /** On the host, as the inspection found it. */
  readonly source: { readonly path: string; readonly sha256: string; readonly sizeBytes: number };
  /** The folder that the user named, and the way from there, which never leaves it. `~/` is the user's home. */
  readonly to: { readonly folder: string; readonly path: readonly string[] };
  /** `refuse`: what arrives has to have the hash that the inspection found. */
  readonly otherContent: 'refuse' | 'take';
  readonly diff: boolean;
}

/** Time that has to pass, or somebody at the terminal who has to let the run go on. */
export interface Pause {
  readonly kind: 'pause';
  /** Undefined: until Enter. */
  readonly ms: number | undefined;
  /** In which the result tells how long it was. */
  readonly unit: 'minutes' | 'seconds';
  readonly prompt: string | undefined;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
}

/** A host that has to be reached by a connection of its own, however the one there is may do. */
export interface Reconnection {
  readonly kind: 'reconnect';
  /** Before the first attempt. */
  readonly delayMs: number;
  readonly sleepMs: number;
  readonly timeoutMs: number;
  /** For one attempt. */
  readonly connectMs: number;
}

/** What has become of a job of the host's, or that nothing of it shall be left. */
export interface JobQuestion {
  readonly kind: 'job';
  readonly id: string;
  readonly mode: 'status' | 'cleanup';
}

/** A host for the inventory in memory. */
export interface HostAddition {
  readonly kind: 'add-host';
  /** A port may follow. */
  readonly name: string;
  readonly groups: readonly string[];
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A group for the task's own host. */
export interface GroupAddition {
  readonly kind: 'group-by';
  readonly group: string;
  readonly parents: readonly string[];
}

/** The inventory's sources, read again. */
export interface InventoryRefresh {
  readonly kind: 'refresh-inventory';
}

export type Growth = HostAddition | GroupAddition | InventoryRefresh;

export type Errand = Delivery | Pause | Reconnection | JobQuestion | Growth;
