// Where the variables of a host were set, as data: resolve/variable-origins.ts finds it, report prints it.

export interface VariableOrigin {
  readonly name: string;
  /** The one that counts. */
  readonly winner: VariableSetting;
  /** Those that it wins over, the strongest first. */
  readonly beaten: readonly VariableSetting[];
}

export interface VariableSetting {
  /** As it was written, templates and all; what is vaulted is masked. */
  readonly value: unknown;
  /** In the words of docs/variables.md. */
  readonly setBy: string;
  readonly place: { readonly file: string; readonly line: number; readonly column: number };
}

/** What holds in a play; `play` undefined: what the inventory alone says. */
export interface HostOrigins {
  readonly play: { readonly name: string; readonly file: string; readonly line: number } | undefined;
  readonly variables: readonly VariableOrigin[];
}
