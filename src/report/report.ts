// A report: told every event, writes what it has to say. One of text, live or json lines.
import type { RunEvent } from '../event.ts';

export interface Report {
  tell(event: RunEvent): void;
  /** Resolves when nothing is drawn on the terminal, until what it gives is called. For reports that draw. */
  standAside?(): Promise<() => void>;
  /** Resolves when everything is written. */
  end(): Promise<void>;
}

export interface ReportOptions {
  readonly write: (text: string) => void;
  readonly isColoured: boolean;
  readonly verbosity: number;
  readonly diff: boolean;
}
