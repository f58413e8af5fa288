// Everything in a folder that shall have one owner, group and mode: the `recurse` of the file module.
import { quote } from '../../shell.ts';
import { attributeChanges, ownership, type WantedAttributes } from './file-attributes.ts';
import type { Attributes } from './file-probe.ts';

export interface FolderTree {
  readonly attributes: WantedAttributes;
  /** The mode as chmod(1) takes it, octal or in symbols. */
  readonly chmod: string | undefined;
}

/** Read-only sh: a line with mode, owner and group for the folder and each thing in it. */
export function treeScript(folder: string): string {
  return `[ ! -d ${quote(folder)} ] || find ${quote(`${folder}/`)} -exec stat -c '%f:%u:%g:%U:%G' {} +`;
}

/** What differs, with counts (`mode of 3`, `owner of 1`); empty where everything is as wanted. */
export function differingBelow(tree: FolderTree, lines: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of lines.split('\n')) {
    if (line === '') continue;
    const [rawMode = '', uid, gid, owner = '', group = ''] = line.split(':');
    const bits = Number.parseInt(rawMode, 16);
    const type = bits & 0o170000;
    const actual: Attributes = { mode: bits & 0o7777, owner, group, uid: Number(uid), gid: Number(gid) };
    for (const { name } of attributeChanges(
      tree.attributes,
      actual,
      type === 0o040000 ? 'directory' : 'file',
    )) {
      // A symbolic link has an owner but no mode of its own.
      if (name !== 'mode' || type !== 0o120000) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].map(([name, count]) => `${name} of ${count}`);
}

/** Owner and group of everything, links themselves included; mode of everything but links. */
export function treeChangeScript(folder: string, tree: FolderTree): string {
  const below = `find ${quote(`${folder}/`)}`;
  const owners = ownership(tree.attributes.owner, tree.attributes.group);
  return [
    ...(owners === undefined ? [] : [`${below} -exec chown -h ${quote(owners)} {} +`]),
    ...(tree.chmod === undefined ? [] : [`${below} ! -type l -exec chmod ${quote(tree.chmod)} {} +`]),
  ].join('\n');
}
