// The text of an authorized_keys file, sshd(8): which keys are in it, and how some come in or go. Pure; lines of others
// stay as they are.

export interface PublicKey {
  /** As `no-pty,command="x y"`; empty where there are none. */
  readonly options: string;
  readonly type: string;
  /** The key itself, in base64: what it is found by. */
  readonly blob: string;
  readonly comment: string;
}

export interface KeysEdit {
  readonly text: string;
  /** For people: `1 key added`; undefined: nothing changed. */
  readonly done: string | undefined;
}

const TYPE =
  /^(?:ssh-(?:rsa|dss|ed25519|ed448)|ecdsa-sha2-[\w-]+|sk-[\w-]+)(?:-cert-v01)?(?:@openssh\.com)?$/;

/** Undefined: the line is no key. */
export function parseKey(line: string): PublicKey | undefined {
  const text = line.trim();
  const options = TYPE.test(text.split(/\s/, 1)[0] ?? '') ? '' : optionsOf(text);
  const [type = '', blob = '', ...comment] = text.slice(options.length).trim().split(/\s+/);
  if (!TYPE.test(type) || !/^[A-Za-z0-9+/]{16,}={0,3}$/.test(blob)) return undefined;
  return { options, type, blob, comment: comment.join(' ') };
}

/** The keys are there, each once and just so; `exclusive`: and no others. */
export function withKeys(text: string, keys: readonly PublicKey[], exclusive: boolean): KeysEdit {
  const placed = new Set<string>();
  const count = { added: 0, changed: 0, removed: 0 };
  const lines = linesOf(text).flatMap((line) => {
    if (/^\s*(#|$)/.test(line)) return [line];
    const actual = parseKey(line);
    const wanted = keys.find(({ blob }) => blob === actual?.blob);
    if (actual === undefined || wanted === undefined) {
      if (!exclusive) return [line];
      count.removed++;
      return [];
    }
    if (placed.has(wanted.blob)) {
      count.removed++;
      return [];
    }
    placed.add(wanted.blob);
    if (isSame(actual, wanted)) return [line];
    count.changed++;
    return [keyLine(wanted)];
  });
  for (const key of keys) {
    if (placed.has(key.blob)) continue;
    placed.add(key.blob);
    count.added++;
    lines.push(keyLine(key));
  }
  return edited(text, lines, count);
}

export function withoutKeys(text: string, keys: readonly PublicKey[]): KeysEdit {
  const blobs = new Set(keys.map(({ blob }) => blob));
  const lines = linesOf(text);
  const kept = lines.filter((line) => !blobs.has(parseKey(line)?.blob ?? ''));
  return edited(text, kept, { added: 0, changed: 0, removed: lines.length - kept.length });
}

/** Up to the first blank that is in no quotes. */
function optionsOf(text: string): string {
  return /^(?:"(?:\\.|[^"\\])*"|[^\s"])+/.exec(text)?.[0] ?? '';
}

function isSame(a: PublicKey, b: PublicKey): boolean {
  return a.type === b.type && a.comment === b.comment && optionSet(a) === optionSet(b);
}

/** Their order means nothing. */
function optionSet({ options }: PublicKey): string {
  return (options.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? []).sort().join(',');
}

function keyLine({ options, type, blob, comment }: PublicKey): string {
  return [options, type, blob, comment].filter((part) => part !== '').join(' ');
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function edited(
  text: string,
  lines: readonly string[],
  count: Readonly<Record<'added' | 'changed' | 'removed', number>>,
): KeysEdit {
  const done = Object.entries(count)
    .filter(([, number]) => number > 0)
    .map(([what, number]) => `${number} ${number === 1 ? 'key' : 'keys'} ${what}`);
  if (done.length === 0) return { text, done: undefined };
  return { text: lines.map((line) => `${line}\n`).join(''), done: done.join(', ') };
}
