// A file's bytes into a path on a host: one command that has stdin for itself.
// For what is too large for a program; owner, mode and the final name are a later program's work.
import type { Buffer } from 'node:buffer';
import type { Become, ProgramOutcome, Upload } from '../host.ts';
import { startAs, startFailure } from './become.ts';
import type { CommandOpener } from './byte-channel.ts';
import { FrameParser, newMarker } from './frame-parser.ts';

export interface UploadOptions {
  readonly opener: CommandOpener;
  readonly become: Become | undefined;
  readonly openMs: number;
  readonly timeoutMs: number;
}

/** The id of the one step that an upload's outcome has. */
export const UPLOAD_STEP = 'upload';

/**
 * Creates the file anew (mode 0600, never through a link that is in its place) and compares the number of bytes.
 * The path travels on stdin, where no shell reads it. Throws a RangeError for a path with a newline.
 */
export async function upload(file: Upload, options: UploadOptions): Promise<ProgramOutcome> {
  if (/[\n\0]/.test(file.path)) throw new RangeError('a path to upload to has no newline in it');
  const { opener, become, openMs, timeoutMs } = options;
  const marker = newMarker();
  const started = await startAs(opener, { script: script(marker, file.bytes.length), become, openMs });
  if (started.kind === 'refused') return started;
  if (started.kind === 'lost') return { ...started, during: undefined, steps: new Map() };

  const { channel } = started;
  const parser = new FrameParser(marker);
  const tags: string[] = [];
  let stderr = '';
  channel.listen({
    stdout: (chunk: Buffer) => {
      for (const frame of parser.push(chunk)) tags.push(frame.tag);
    },
    stderr: (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    },
  });
  channel.stdin.write(`${file.path}\n`);
  channel.stdin.end(file.bytes);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    channel.destroy();
  }, timeoutMs);
  const end = await channel.closed;
  clearTimeout(timer);

  const lost = { kind: 'lost', during: UPLOAD_STEP, steps: new Map() } as const;
  if (timedOut) return { ...lost, reason: 'timeout', message: `not done within ${timeoutMs / 1000} s` };
  if (end.loss !== undefined) return { ...lost, ...end.loss };
  const [begun, counted] = tags;
  if (begun === undefined) return startFailure(become, end.status, stderr);
  if (end.status === undefined) {
    return { ...lost, reason: 'connection', message: 'the channel was closed before the upload was done' };
  }
  const arrived = Number(counted);
  if (end.status !== 0 || arrived !== file.bytes.length) {
    const short = `${counted === undefined ? 'not all' : arrived} of ${file.bytes.length} bytes arrived`;
    return exited(end.status === 0 ? 1 : end.status, stderr === '' ? `${short}\n` : stderr);
  }
  return exited(0, stderr);
}

/** Takes the path, says that it has begun, takes the bytes, says how many have arrived; unless all, the file goes. */
function script(marker: string, sizeBytes: number): string {
  return [
    'IFS= read -r path',
    `echo ${marker} begun`,
    'umask 077',
    'rm -f -- "$path"',
    'set -C',
    'size=0',
    `head -c ${sizeBytes} >"$path" && size=$(wc -c <"$path") || status=1`, // not `cat`: a terminal (doas with a password) has no end of input
    `[ $size -eq ${sizeBytes} ] || rm -f -- "$path"`,
    `echo ${marker} $size`,
    'exit ${status:-0}',
  ].join('; ');
}

function exited(exitCode: number, stderr: string): ProgramOutcome {
  const outcome = { kind: 'exited', exitCode, stdout: '', stderr } as const;
  return { kind: 'finished', steps: new Map([[UPLOAD_STEP, outcome]]) };
}
