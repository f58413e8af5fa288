// POSIX sh as data: quoting, and a file's bytes as a fragment that writes them to stdout.
// Nothing here knows about hosts; a fragment runs under dash and BusyBox ash alike.
import { Buffer } from 'node:buffer';

/** One sh word that evaluates to exactly `text`. NUL cannot be a part of a word: a RangeError. */
export function quote(text: string): string {
  if (text.includes('\0')) throw new RangeError('a NUL byte cannot be part of a shell word');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The words quoted and joined with blanks. */
export function words(...texts: readonly string[]): string {
  return texts.map(quote).join(' ');
}

const PRINTF_CHUNK = 4096;

/**
 * A fragment that writes exactly these bytes to stdout, with builtins and `cat` alone (no base64 on the host).
 * Text that ends with a newline becomes a here-document, which is what a person would write;
 * anything else becomes printf formats with octal escapes. To redirect it, put it in braces:
 * `{ ${emit(bytes)}\n} >file`.
 */
export function emit(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0) return ':';
  if (isPlainText(buffer)) {
    const text = buffer.toString('utf8');
    const lines = new Set(text.split('\n'));
    let delimiter = 'END_OF_FILE';
    while (lines.has(delimiter)) delimiter += '_';
    return `cat <<'${delimiter}'\n${text}${delimiter}`;
  }
  const parts: string[] = [];
  for (let at = 0; at < buffer.length; at += PRINTF_CHUNK) {
    parts.push(`printf '${printfFormat(buffer.subarray(at, at + PRINTF_CHUNK))}'`);
  }
  return parts.length === 1 ? (parts[0] ?? ':') : `{ ${parts.join('\n')}\n}`;
}

function isPlainText(buffer: Buffer): boolean {
  if (buffer[buffer.length - 1] !== 0x0a || buffer.includes(0)) return false;
  return Buffer.from(buffer.toString('utf8'), 'utf8').equals(buffer);
}

function printfFormat(chunk: Buffer): string {
  let format = '';
  for (const byte of chunk) {
    if (byte === 0x25) format += '%%';
    else if (format === '' && byte === 0x2d)
      format += '\\055'; // a leading "-" would be an option
    else if (byte >= 0x20 && byte < 0x7f && byte !== 0x5c && byte !== 0x27) {
      format += String.fromCharCode(byte);
    } else format += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return format;
}
