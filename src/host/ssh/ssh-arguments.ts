// The part of ssh's command line that inventories put into `ansible_ssh_common_args`. Pure.
// What is not understood is named, so that nobody believes it was followed.
import { FOLLOWED, optionsFrom, type SshHostOptions } from './ssh-config.ts';

export interface SshArguments {
  readonly options: SshHostOptions;
  /** Words that have no meaning here, `-o ProxyUseFdpass=yes` as one. */
  readonly unsupported: readonly string[];
}

/** OpenSSH options whose absence changes nothing that matters: multiplexing and keepalives are our own. */
const WITHOUT_EFFECT =
  /^(control(master|path|persist)|serveralive|batchmode|loglevel|compression|preferredauth)/i;

const KEYWORD_OF_FLAG: Readonly<Record<string, string>> = {
  '-J': 'proxyjump',
  '-i': 'identityfile',
  '-l': 'user',
  '-p': 'port',
};

/** Reads `-o Keyword=value`, -J, -i, -l, -p, -C, -q and -v. */
export function parseSshArguments(text: string): SshArguments {
  const found = new Map<string, string[]>();
  const unsupported: string[] = [];
  const words = splitWords(text);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (/^-[Cqv4a]+$/.test(word)) continue;
    const flag = word.slice(0, 2);
    const isOption = flag === '-o';
    const flagKeyword = KEYWORD_OF_FLAG[flag];
    if (!isOption && flagKeyword === undefined) {
      unsupported.push(word);
      continue;
    }
    const argument = word.length > 2 ? word.slice(2) : (words[++at] ?? '');
    const [, key = '', optionValue = ''] = /^\s*([A-Za-z]+)\s*[= ]\s*(.*)$/.exec(argument) ?? [];
    const keyword = flagKeyword ?? key.toLowerCase();
    const value = isOption ? optionValue : argument;
    if (isOption && WITHOUT_EFFECT.test(keyword)) continue;
    if (value === '' || !FOLLOWED.has(keyword))
      unsupported.push(isOption ? `-o ${argument}` : `${flag} ${argument}`);
    else
      found.set(keyword, [
        ...(found.get(keyword) ?? []),
        ...(keyword === 'userknownhostsfile' ? value.split(/\s+/) : [value]),
      ]);
  }
  return { options: optionsFrom(found), unsupported };
}

/** Words as a shell would split them: blanks, both quotes, backslash. */
function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(
      match[0].replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_whole, escaped, double, single) => {
        return escaped ?? single ?? (double as string).replace(/\\(["\\])/g, '$1');
      }),
    );
  }
  return words;
}
