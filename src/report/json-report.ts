// One JSON object per line and event: for programs. The shape is that of RunEvent; docs/events.md lists it.
import type { RunEvent } from '../event.ts';
import type { Report } from './report.ts';

export class JsonReport implements Report {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  tell(event: RunEvent): void {
    this.#write(`${JSON.stringify(event)}\n`);
  }

  async end(): Promise<void> {}
}
