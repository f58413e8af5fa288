// All modules by name. To add one: a file of its own, and a line here.

import { bootScript } from './boot/boot-script.ts';
import { command } from './command/command.ts';
import { script } from './command/script.ts';
import { shell } from './command/shell.ts';
import { assert } from './controller/assert.ts';
import { debug } from './controller/debug.ts';
import { fail } from './controller/fail.ts';
import { setFact } from './controller/set-fact.ts';
import { copy } from './file/copy.ts';
import { file } from './file/file.ts';
import { lineinfile } from './file/lineinfile.ts';
import { stat } from './file/stat.ts';
import { template } from './file/template.ts';
import type { Module } from './module.ts';
import { iptablesRestore } from './network/iptables-restore.ts';
import { packageModule } from './system/package.ts';
import { ping } from './system/ping.ts';
import { reboot } from './system/reboot.ts';
import { service } from './system/service.ts';
import { sysctl } from './system/sysctl.ts';
import { waitFor } from './system/wait-for.ts';

const MODULES: readonly Module[] = [
  assert,
  bootScript,
  command,
  copy,
  debug,
  fail,
  file,
  iptablesRestore,
  lineinfile,
  packageModule,
  ping,
  reboot,
  script,
  service,
  setFact,
  shell,
  stat,
  sysctl,
  template,
  waitFor,
];

const BY_NAME: ReadonlyMap<string, Module> = new Map(MODULES.map((module) => [module.name, module]));

export function findModule(name: string): Module | undefined {
  return BY_NAME.get(name);
}

export function moduleNames(): readonly string[] {
  return [...BY_NAME.keys()];
}
