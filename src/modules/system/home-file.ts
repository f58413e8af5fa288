// Files in somebody's home folder, whose place is only known on the host: the inspection goes there and asks about them
// by relative paths, and with the answer come their absolute ones.
import { type FileProbe, type FileState, parseProbes, probeScript } from '../file/file-probe.ts';
import type { Output } from '../module.ts';
import { accountScript, saidOf } from './accounts.ts';

/** Two files of interest at most: the file, and the folder it is in. */
export interface HomeFile {
  /** Absolute. */
  readonly path: string;
  readonly folder: string;
  readonly file: FileState;
  readonly folderState: FileState;
}

/**
 * sh for `homeFile`, which leaves the output of accountScript too; `user` undefined: whoever runs it.
 * `path`: below the home folder.
 */
export function homeFileScript(path: string, user?: string): string {
  const account =
    user === undefined
      ? `uid=$(id -u)
line=$(awk -F: -v uid="$uid" '$3 == uid { print; exit }' /etc/passwd)
if [ -z "$line" ]; then line=::::::; fi`
      : accountScript(user);
  return `set +eu
${account}
home=\${line%:*}
home=\${home##*:}
${user === undefined ? 'home=${home:-${HOME:-}}' : ''}
if [ -n "$line" ]; then
  printf 'home=%s\\n' "$home"
  if cd "\${home:-/}" 2>/dev/null; then
    echo entered=yes
${probeScript(probes(path))}
  fi
fi
exit 0`;
}

/** `no user`, or the home folder that cannot be entered, or the file. */
export function homeFile(
  path: string,
  output: Output,
):
  | { readonly kind: 'no user' }
  | { readonly kind: 'no home'; readonly home: string }
  | ({ readonly kind: 'found' } & HomeFile) {
  const [home] = saidOf(output, 'home');
  if (home === undefined) return { kind: 'no user' };
  if (!saidOf(output, 'entered').includes('yes')) return { kind: 'no home', home };
  const [file, folder] = probes(path);
  const states = parseProbes([file, folder], output);
  const absolute = ({ path: relative }: FileProbe) => `${home.replace(/\/+$/, '')}${relative.slice(1)}`;
  return {
    kind: 'found',
    path: absolute(file),
    folder: absolute(folder),
    file: states.get(file.path) ?? { kind: 'absent' },
    folderState: states.get(folder.path) ?? { kind: 'absent' },
  };
}

function probes(path: string): readonly [FileProbe, FileProbe] {
  const file = `./${path}`;
  return [
    { path: file, follow: 'target', depth: 'content' },
    { path: file.slice(0, file.lastIndexOf('/')), follow: 'target', depth: 'none' },
  ];
}
