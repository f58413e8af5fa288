// The text of an fstab, fstab(5), and of /proc/mounts, which has the same form. Pure; lines of others stay as they are.

export interface MountEntry {
  readonly source: string;
  readonly path: string;
  readonly type: string;
  readonly options: string;
  readonly dump: string;
  readonly pass: string;
}

export interface FstabEdit {
  readonly text: string;
  readonly isChanged: boolean;
}

/** The entry of a line; undefined for comments and what has no mount point. */
export function parseEntry(line: string): MountEntry | undefined {
  if (/^\s*(?:#|$)/.test(line)) return undefined;
  const [source, path, type = 'auto', options = 'defaults', dump = '0', pass = '0'] = line
    .trim()
    .split(/[ \t]+/);
  if (source === undefined || path === undefined) return undefined;
  return { source: unescaped(source), path: unescaped(path), type, options: unescaped(options), dump, pass };
}

/** With the entry in place of the last one that has its mount point, or at the end. */
export function withEntry(text: string, wanted: MountEntry): FstabEdit {
  const lines = linesOf(text);
  const at = lines.findLastIndex((line) => isFor(parseEntry(line), wanted));
  const actual = parseEntry(lines[at] ?? '');
  if (actual !== undefined && isSame(actual, wanted)) return { text, isChanged: false };
  return edited(at < 0 ? [...lines, entryLine(wanted)] : lines.with(at, entryLine(wanted)));
}

/** Without the entries of that mount point; swap, which has none, is found by its source. */
export function withoutEntry(text: string, wanted: Pick<MountEntry, 'path' | 'source'>): FstabEdit {
  const lines = linesOf(text);
  const kept = lines.filter((line) => !isFor(parseEntry(line), wanted));
  return kept.length === lines.length ? { text, isChanged: false } : edited(kept);
}

/** What is mounted on the path, on top of what may be below; undefined: nothing. */
export function mountedAt(mounts: string, path: string): MountEntry | undefined {
  return mounts
    .split('\n')
    .map(parseEntry)
    .findLast((entry) => entry?.path === path);
}

export function isSwap(path: string): boolean {
  return path === 'none' || path === 'swap';
}

/** Blanks, tabs, line breaks and backslashes as octal numbers, as getmntent(3) reads them. */
export function escaped(text: string): string {
  return text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

export function entryLine({ source, path, type, options, dump, pass }: MountEntry): string {
  return [escaped(source), escaped(path), type, escaped(options), dump, pass].join(' ');
}

function isFor(
  entry: MountEntry | undefined,
  { path, source }: Pick<MountEntry, 'path' | 'source'>,
): boolean {
  if (entry === undefined) return false;
  if (isSwap(path)) return isSwap(entry.path) && entry.source === source;
  return (entry.path.replace(/\/+$/, '') || '/') === path;
}

function isSame(a: MountEntry, b: MountEntry): boolean {
  return (['source', 'type', 'options', 'dump', 'pass'] as const).every((field) => a[field] === b[field]);
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function edited(lines: readonly string[]): FstabEdit {
  return { text: lines.map((line) => `${line}\n`).join(''), isChanged: true };
}
