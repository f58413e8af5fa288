// Permission bits and kinds of files as `register` wants them, under Ansible's names: for stat and find.

/** `fifo`, `socket` and so on as in FileState. */
export type FileKind = 'file' | 'directory' | 'link' | 'fifo' | 'socket' | 'block' | 'character';

export function kindFields(kind: FileKind): Readonly<Record<string, boolean>> {
  return {
    isreg: kind === 'file',
    isdir: kind === 'directory',
    islnk: kind === 'link',
    isfifo: kind === 'fifo',
    issock: kind === 'socket',
    isblk: kind === 'block',
    ischr: kind === 'character',
  };
}

export function permissionFields(mode: number): Readonly<Record<string, boolean>> {
  const may = (bits: number) => (mode & bits) !== 0;
  return {
    rusr: may(0o400),
    wusr: may(0o200),
    xusr: may(0o100),
    rgrp: may(0o040),
    wgrp: may(0o020),
    xgrp: may(0o010),
    roth: may(0o004),
    woth: may(0o002),
    xoth: may(0o001),
    isuid: may(0o4000),
    isgid: may(0o2000),
  };
}
