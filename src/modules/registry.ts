// All modules by name. To add one: a file of its own, and a line here.

import { bootScript } from './boot/boot-script.ts';
import { command } from './command/command.ts';
import { raw } from './command/raw.ts';
import { script } from './command/script.ts';
import { shell } from './command/shell.ts';
import { addHost } from './controller/add-host.ts';
import { assert } from './controller/assert.ts';
import { debug } from './controller/debug.ts';
import { fail } from './controller/fail.ts';
import { groupBy } from './controller/group-by.ts';
import { includeVars } from './controller/include-vars.ts';
import { pause } from './controller/pause.ts';
import { setFact } from './controller/set-fact.ts';
import { blockinfile } from './file/blockinfile.ts';
import { copy } from './file/copy.ts';
import { fetch } from './file/fetch.ts';
import { file } from './file/file.ts';
import { find } from './file/find.ts';
import { getUrl } from './file/get-url.ts';
import { lineinfile } from './file/lineinfile.ts';
import { replace } from './file/replace.ts';
import { slurp } from './file/slurp.ts';
import { stat } from './file/stat.ts';
import { tempfile } from './file/tempfile.ts';
import { template } from './file/template.ts';
import { unarchive } from './file/unarchive.ts';
import type { Module } from './module.ts';
import { ipAddress } from './network/ip-address.ts';
import { ipRoute } from './network/ip-route.ts';
import { ipRule } from './network/ip-rule.ts';
import { ipset } from './network/ipset.ts';
import { iptablesRestore } from './network/iptables-restore.ts';
import { ipvs } from './network/ipvs.ts';
import { asyncStatus } from './system/async-status.ts';
import { authorizedKey } from './system/authorized-key.ts';
import { cron } from './system/cron.ts';
import { group } from './system/group.ts';
import { hostname } from './system/hostname.ts';
import { knownHosts } from './system/known-hosts.ts';
import { modprobe } from './system/modprobe.ts';
import { mount } from './system/mount.ts';
import { packageModule } from './system/package.ts';
import { ping } from './system/ping.ts';
import { reboot } from './system/reboot.ts';
import { service } from './system/service.ts';
import { sysctl } from './system/sysctl.ts';
import { systemdService } from './system/systemd-service.ts';
import { user } from './system/user.ts';
import { waitFor } from './system/wait-for.ts';
import { waitForConnection } from './system/wait-for-connection.ts';

const MODULES: readonly Module[] = [
  addHost,
  assert,
  asyncStatus,
  authorizedKey,
  blockinfile,
  bootScript,
  command,
  copy,
  cron,
  debug,
  fail,
  fetch,
  file,
  find,
  getUrl,
  group,
  groupBy,
  hostname,
  includeVars,
  ipAddress,
  ipRoute,
  ipRule,
  ipset,
  iptablesRestore,
  ipvs,
  knownHosts,
  lineinfile,
  modprobe,
  mount,
  packageModule,
  pause,
  ping,
  raw,
  reboot,
  replace,
  script,
  service,
  setFact,
  shell,
  slurp,
  stat,
  sysctl,
  systemdService,
  tempfile,
  template,
  unarchive,
  user,
  waitFor,
  waitForConnection,
];

const BY_NAME: ReadonlyMap<string, Module> = new Map(MODULES.map((module) => [module.name, module]));

/** Older names that Ansible has for a module too. */
const ALIASES: ReadonlyMap<string, string> = new Map([['systemd', 'systemd_service']]);

export function findModule(name: string): Module | undefined {
  return BY_NAME.get(ALIASES.get(name) ?? name);
}

export function moduleNames(): readonly string[] {
  return [...BY_NAME.keys()];
}
