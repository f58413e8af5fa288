// All modules by name. To add one: a file of its own, and a line here.
import { assert } from './assert.ts';
import { bootScript } from './boot-script.ts';
import { command } from './command.ts';
import { copy } from './copy.ts';
import { debug } from './debug.ts';
import { fail } from './fail.ts';
import { file } from './file.ts';
import { iptablesRestore } from './iptables-restore.ts';
import { lineinfile } from './lineinfile.ts';
import type { Module } from './module.ts';
import { packageModule } from './package.ts';
import { ping } from './ping.ts';
import { reboot } from './reboot.ts';
import { script } from './script.ts';
import { service } from './service.ts';
import { setFact } from './set-fact.ts';
import { shell } from './shell.ts';
import { stat } from './stat.ts';
import { sysctl } from './sysctl.ts';
import { template } from './template.ts';
import { waitFor } from './wait-for.ts';

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
