// One file from the web, by what the host has: curl, GNU wget, or BusyBox's. Only sh; where the bytes go is for
// get_url to say. Headers and passwords reach curl by its standard input and GNU wget by a file without a name, so that
// nobody sees them in the list of processes; BusyBox's wget takes them as arguments only.
import { Buffer } from 'node:buffer';
import { quote, words } from '../../shell.ts';

export interface Download {
  /** Without user and password. */
  readonly url: string;
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** Name and value, neither with a line break. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** To connect, and with no byte coming. */
  readonly timeoutSeconds: number;
  readonly certificates: 'check' | 'trust-any';
}

/** sh function `download`: the content on stdout, or a status other than 0 and the reason on stderr. */
export function downloadScript(download: Download): string {
  return fetchScript(download, { curl: '', wget: '-O -' });
}

/** sh function `download` that only asks whether it is there. */
export function askScript(download: Download): string {
  return fetchScript(download, { curl: '-I -o /dev/null', wget: '--spider' });
}

function fetchScript(
  { url, user, headers, timeoutSeconds, certificates }: Download,
  how: { readonly curl: string; readonly wget: string },
): string {
  const trust = certificates === 'trust-any';
  const curl = join('curl -fsSL', trust && '-k', how.curl, '-K -');
  const wget = join('wget', trust && '--no-check-certificate', how.wget);
  const limits = `--connect-timeout ${timeoutSeconds} --speed-limit 1 --speed-time ${timeoutSeconds}`;
  const sent = user === undefined ? headers : [...headers, basicAuthorization(user)];
  const curlConfig = [
    `url = ${curlText(url)}`,
    ...headers.map(([name, value]) => `header = ${curlText(`${name}: ${value}`)}`),
    ...(user === undefined ? [] : [`user = ${curlText(`${user.name}:${user.password}`)}`]),
  ];
  const wgetConfig = sent.map(([name, value]) => `header = ${name}: ${value}`);
  const bare = sent.map(([name, value]) => words('--header', `${name}: ${value}`));
  const gnu = `${wget} -nv -t 1 -T ${timeoutSeconds}`;
  const gnuWget =
    wgetConfig.length === 0
      ? `${gnu} ${quote(url)}`
      : `config=$(mktemp)
        exec 8<>"$config"
        rm -f "$config"
        printf '%s\\n' ${words(...wgetConfig)} >&8
        ${gnu} --config=/dev/fd/8 ${quote(url)}`;
  return `download() {
  if command -v curl >/dev/null; then
    printf '%s\\n' ${words(...curlConfig)} | ${curl} ${limits}
  elif command -v wget >/dev/null; then
    case $(wget --help 2>&1) in
      *BusyBox*' -T '*) ${join(wget, '-q -T', String(timeoutSeconds), ...bare, quote(url))} ;;
      *BusyBox*) ${join(wget, '-q', ...bare, quote(url))} ;;
      *)
        ${gnuWget} ;;
    esac
  else
    echo 'neither curl nor wget is on this host' >&2
    return 127
  fi
}`;
}

function join(...parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false && part !== '').join(' ');
}

function basicAuthorization(user: { readonly name: string; readonly password: string }): [string, string] {
  const token = Buffer.from(`${user.name}:${user.password}`, 'utf8').toString('base64');
  return ['Authorization', `Basic ${token}`];
}

/** A text in the notation of curl's configuration files, see curl(1) under --config. */
function curlText(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\t', '\\t')}"`;
}
