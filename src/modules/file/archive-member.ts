// One thing in an archive, whatever the archive's format.

export interface Member {
  /** Relative to where it is unpacked, without `./` and slashes at its end. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link';
  /** Permission bits; undefined where the archive does not say. */
  readonly mode: number | undefined;
  /** Of files. */
  readonly sha256?: string;
  /** Of symbolic links. */
  readonly target?: string;
}

/** The archive is damaged, or would write outside of its folder. */
export class ArchiveError extends Error {}
