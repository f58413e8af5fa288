// How two states of a host differ, as templates/guard/differences.sh tells it.

/** One kind of the kernel's state, or one file. */
export interface Difference {
  readonly kind: 'kernel' | 'file';
  /** `rules4`, or the path. */
  readonly name: string;
  /** Of a file: `absent`, `folder`, `link /x`, `file -rw-r--r-- 0 0`. Of the kernel's state empty. */
  readonly from: string;
  readonly to: string;
  /** Why the content is not told; undefined where it is, or where there is none. */
  readonly hidden: 'private' | 'binary' | 'large' | undefined;
  readonly before: string;
  readonly after: string;
}

export interface Differences {
  readonly list: readonly Difference[];
  /** From the newest generation to now: of what that left, only checksums of files are kept. */
  readonly isPartial: boolean;
  /** Files that are not what it left. */
  readonly changedSince: readonly string[];
}

interface Draft {
  kind: 'kernel' | 'file';
  name: string;
  from: string;
  to: string;
  hidden: Difference['hidden'];
  before: string[];
  after: string[];
}

export function parseDifferences(text: string): Differences {
  const drafts: Draft[] = [];
  const changedSince: string[] = [];
  for (const line of text.split('\n')) {
    const draft = drafts.at(-1);
    if (line.startsWith('<')) draft?.before.push(line.slice(1));
    else if (line.startsWith('>')) draft?.after.push(line.slice(1));
    else {
      const [, word, , rest = ''] = /^([a-z]+)([ =])(.*)$/s.exec(line) ?? [];
      if (word === 'kernel') drafts.push(draftOf('kernel', rest));
      else if (word === 'differs') drafts.push(draftOf('file', rest));
      else if (word === 'changed') changedSince.push(rest);
      else if (draft !== undefined && (word === 'from' || word === 'to')) draft[word] = rest;
      else if (draft !== undefined && word === 'hidden') draft.hidden = hiddenOf(rest);
    }
  }
  return {
    list: drafts.map((each) => ({ ...each, before: textOf(each.before), after: textOf(each.after) })),
    isPartial: /^partial=yes$/m.test(text),
    changedSince,
  };
}

function draftOf(kind: Draft['kind'], name: string): Draft {
  return { kind, name, from: '', to: '', hidden: undefined, before: [], after: [] };
}

function hiddenOf(word: string): Difference['hidden'] {
  return word === 'binary' || word === 'large' ? word : 'private';
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
