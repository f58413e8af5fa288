// A folder and whatever is missing above it, as sh. Which folder is missing at all is for the modules to decide.
import { words } from '../../shell.ts';
import { chmodWord } from './file-mode.ts';

/**
 * sh that makes the folder and those above it that are missing, all with this mode and owner. What is there is left
 * as it is. `mode` undefined: 0755, and the set-group-ID bit where the folder above hands it down. `ownership`
 * as chown(1) takes it, undefined: whoever runs it. Forks: mkdir; chown and chmod where asked for.
 */
export function makeFolderScript(
  folder: string,
  wanted: { readonly mode: number | undefined; readonly ownership?: string | undefined },
): string {
  const parts = folder.split('/');
  const chain = parts.map((_, index) => parts.slice(0, index + 1).join('/')).slice(1);
  const { mode, ownership } = wanted;
  return [
    'set --',
    `for folder in ${words(...chain)}; do [ -d "$folder" ] || set -- "$@" "$folder"; done`,
    'if [ "$#" -gt 0 ]; then',
    // Closed until owner and mode are there.
    mode === undefined ? '  mkdir "$@"' : '  mkdir -m 0700 "$@"',
    ...(ownership === undefined ? [] : [`  chown ${words(ownership)} "$@"`]),
    ...(mode === undefined ? [] : [`  chmod ${chmodWord(mode)} "$@"`]),
    'fi',
  ].join('\n');
}
