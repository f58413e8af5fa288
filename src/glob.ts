// Shell globs by the rules of Python's fnmatch, which is how Ansible reads them: * ? [a-z] [!a-z]; a backslash is a backslash,
// a [ without its ] is itself, a range that runs backwards is empty.

/** Matches a text as a whole, line ends included. */
export function globExpression(glob: string): RegExp {
  const source = glob.replace(/\[(!?)(\]?[^\]]*)\]|[\s\S]/gu, (part, not?: string, set?: string) => {
    if (set !== undefined && set !== '') return setSource(set, not === '!');
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
  });
  return new RegExp(`^(?:${source})$`, 'su');
}

function setSource(set: string, isNot: boolean): string {
  const members = withoutEmptyRanges(piecesOf(set)).map((piece) => piece.replace(/[\\\]^[-]/gu, '\\$&'));
  const source = members.join('-');
  if (source === '') return isNot ? '.' : '(?!)';
  return `[${isNot ? '^' : ''}${source}]`;
}

/** Between two of them stands the hyphen of a range: `ab-dx-` is `ab`, `dx-`. */
function piecesOf(set: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  let hyphen = set.indexOf('-', 1);
  while (hyphen >= 0) {
    pieces.push(set.slice(from, hyphen));
    from = hyphen + 1;
    hyphen = set.indexOf('-', hyphen + 3);
  }
  const last = set.slice(from);
  if (last === '' && pieces.length > 0) pieces.push(`${pieces.pop()}-`);
  else pieces.push(last);
  return pieces;
}

/** The two ends of a range that runs backwards go with it. */
function withoutEmptyRanges(pieces: readonly string[]): readonly string[] {
  const kept = pieces.map((piece) => [...piece]);
  for (let at = kept.length - 1; at > 0; at--) {
    const [before = [], after = []] = [kept[at - 1], kept[at]];
    if ((before.at(-1) ?? '') > (after[0] ?? ''))
      kept.splice(at - 1, 2, [...before.slice(0, -1), ...after.slice(1)]);
  }
  return kept.map((piece) => piece.join(''));
}
