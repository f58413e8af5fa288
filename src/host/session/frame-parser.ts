// Splits one output stream of a shell session at its marker: `OUTPUT MARKER TAG newline OUTPUT …`.
// The marker is random per session and not in any variable, so no output can hold it by accident or by intent.
// What the tags say is left to session-program.ts.
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';

export interface Frame {
  /** What was printed since the frame before. */
  readonly output: Buffer;
  readonly tag: string;
}

/** Nobody can guess it; and `@` stands nowhere but in front, so that no output before it can overlap with it. */
export function newMarker(): string {
  return `@${randomBytes(16).toString('hex')}`;
}

/** Is given output as it comes, with the tag of the frame before it. `taken`: no frame will hold it. */
export type OutputListener = (output: Buffer, behind: string) => 'taken' | 'left';

const NEWLINE = 0x0a;

export class FrameParser {
  readonly #marker: Buffer;
  readonly #listener: OutputListener;
  readonly #output: Buffer[] = [];
  #lastTag = '';
  /** Bytes that may be the start of a marker, or a marker whose line is not complete. */
  #pending: Buffer = Buffer.alloc(0);

  constructor(marker: string, listener: OutputListener = () => 'left') {
    this.#marker = Buffer.from(marker, 'latin1');
    this.#listener = listener;
  }

  /** The frames that this chunk completes, in order. */
  push(chunk: Buffer): readonly Frame[] {
    const frames: Frame[] = [];
    let buffer = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const at = buffer.indexOf(this.#marker);
      if (at < 0) {
        const keep = markerPrefixLength(buffer, this.#marker);
        this.#emit(buffer.subarray(0, buffer.length - keep));
        this.#pending = buffer.subarray(buffer.length - keep);
        return frames;
      }
      const tagAt = at + this.#marker.length;
      const end = buffer.indexOf(NEWLINE, tagAt);
      if (end < 0) {
        this.#emit(buffer.subarray(0, at));
        this.#pending = buffer.subarray(at);
        return frames;
      }
      this.#emit(buffer.subarray(0, at));
      this.#lastTag = buffer.toString('latin1', tagAt, end).trim();
      frames.push({ output: this.rest(), tag: this.#lastTag });
      this.#output.length = 0;
      buffer = buffer.subarray(end + 1);
    }
  }

  /** What was printed since the last frame and is certainly output. */
  rest(): Buffer {
    return Buffer.concat(this.#output);
  }

  #emit(bytes: Buffer): void {
    if (bytes.length > 0 && this.#listener(bytes, this.#lastTag) === 'left') this.#output.push(bytes);
  }
}

/** How many bytes at the end of the buffer are a beginning of the marker. */
function markerPrefixLength(buffer: Buffer, marker: Buffer): number {
  for (let length = Math.min(buffer.length, marker.length - 1); length > 0; length--) {
    if (buffer.subarray(buffer.length - length).equals(marker.subarray(0, length))) return length;
  }
  return 0;
}
