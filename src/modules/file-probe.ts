// What a wave asks about files, and what it is told: one shared fragment for all probes of a wave,
// because every stat or sha256sum spawned on the host costs about a millisecond.
export interface FileProbe {
  /** Absolute. */
  readonly path: string;
  /** `link`: look at a symbolic link itself; `target`: at what it points to. */
  readonly follow: 'link' | 'target';
  /** `none`: no hash; `hash`: SHA-256 of a regular file; `content`: the bytes too, up to 256 KiB. */
  readonly depth: 'none' | 'hash' | 'content';
}

interface Attributes {
  /** Permission bits as a number, 0o644. */
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

export type FileState =
  | { readonly kind: 'absent' }
  | ({
      readonly kind: 'file';
      readonly sizeBytes: number;
      readonly mtimeSeconds: number;
      readonly sha256?: string;
      readonly content?: Uint8Array;
    } & Attributes)
  | ({ readonly kind: 'directory' } & Attributes)
  | ({ readonly kind: 'link'; readonly target: string } & Attributes)
  | ({ readonly kind: 'other' } & Attributes)
  /** There, but it (or its folder) may not be read by this user. */
  | { readonly kind: 'unreadable'; readonly message: string };
