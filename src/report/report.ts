// A report: told every event, writes what it has to say. One of text, live or json lines.
import type { RunEvent } from '../event.ts';

export interface Report {
  tell(event: RunEvent): void;
  /** Resolves when everything is written. */
  end(): Promise<void>;
}

export interface ReportOptions {
  readonly write: (text: string) => void;
  readonly isColoured: boolean;
  readonly verbosity: number;
  readonly diff: boolean;
}
