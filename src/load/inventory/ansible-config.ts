// The one setting that is taken from an ansible.cfg: where the inventory of the project is.
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The paths of `inventory` below `[defaults]`, as Ansible reads them: separated by commas, relative to the file, with `~`
 * and `$NAME` replaced. Empty where it is not set.
 */
export function inventoriesOfConfig(
  config: { readonly path: string; readonly text: string },
  environment: Environment,
): readonly string[] {
  const setting = settingOf(config.text, 'defaults', 'inventory') ?? '';
  return setting
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => resolve(dirname(config.path), expanded(each, environment)));
}

/** By the rules of Python's configparser, as far as one line goes: names in any case, comments behind ` ;`. */
function settingOf(text: string, section: string, name: string): string | undefined {
  let current = '';
  let found: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*[#;]/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line);
    if (header) current = header[1] ?? '';
    const [, key = '', value = ''] = /^([^\s:=][^:=]*?)\s*[:=](.*)$/.exec(line) ?? [];
    if (current === section && key.toLowerCase() === name) found = value.replace(/(?:^|\s);.*$/, '').trim();
  }
  return found;
}

function expanded(path: string, environment: Environment): string {
  return path
    .replace(/^~(?=\/|$)/, environment.HOME ?? homedir())
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, braced, bare) => environment[braced ?? bare] ?? all);
}
