// Which files a boot script consists of on a given host: the script, what starts it, what keeps it true.
import { Buffer } from 'node:buffer';
import type { InitSystem } from '../../init-system.ts';
import { ifupdownHook, networkdDispatcherHook, networkdDropIn, networkManagerHook } from './boot-hooks.ts';
import {
  type BootService,
  openrcWrapper,
  reconcileCron,
  reconcileTimer,
  reconcileUnit,
  systemdUnit,
} from './boot-units.ts';

/** What the host has to run and to hook into. */
export interface BootHost {
  readonly init: InitSystem;
  readonly ifupdown: boolean;
  readonly networkManager: boolean;
  readonly networkd: boolean;
  readonly networkdDispatcher: boolean;
  readonly cron: boolean;
}

export interface BootFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  /** What it is for, in a message. */
  readonly role: 'script' | 'launcher' | 'hook' | 'networkd' | 'reconcile';
}

export function scriptPath(name: string, init: InitSystem): string {
  return init === 'openrc' ? `/etc/fairlead/${name}.sh` : `/etc/init.d/${name}`;
}

/** Every path that a boot script of this name may have a file at, on any host; none is anybody else's. */
export function candidatePaths(name: string): readonly string[] {
  return [
    `/etc/init.d/${name}`,
    `/etc/fairlead/${name}.sh`,
    `/etc/systemd/system/${name}.service`,
    `/etc/systemd/system/${name}-reconcile.service`,
    `/etc/systemd/system/${name}-reconcile.timer`,
    `/etc/cron.d/${name}-reconcile`,
    `/etc/network/if-up.d/${name}`,
    `/etc/NetworkManager/dispatcher.d/90-${name}`,
    `/etc/systemd/networkd.conf.d/10-${name}.conf`,
    `/etc/networkd-dispatcher/routable.d/50-${name}`,
  ];
}

/** The files this host needs, the script first. `init` is not `none`. */
export function bootFiles(
  service: BootService,
  options: { readonly script: string; readonly hooks: boolean; readonly host: BootHost },
): readonly BootFile[] {
  const { host } = options;
  const { name } = service;
  const script = scriptPath(name, host.init);
  const file = (role: BootFile['role'], path: string, text: string, mode: number): BootFile => ({
    role,
    path,
    bytes: Buffer.from(text),
    mode,
  });
  const files = [file('script', script, options.script, 0o755)];
  if (host.init === 'systemd') {
    files.push(file('launcher', `/etc/systemd/system/${name}.service`, systemdUnit(service, script), 0o644));
  }
  if (host.init === 'openrc') {
    files.push(file('launcher', `/etc/init.d/${name}`, openrcWrapper(service, script), 0o755));
  }
  if (options.hooks) {
    if (host.ifupdown) {
      files.push(file('hook', `/etc/network/if-up.d/${name}`, ifupdownHook(service, script), 0o755));
    }
    if (host.networkManager) {
      const path = `/etc/NetworkManager/dispatcher.d/90-${name}`;
      files.push(file('hook', path, networkManagerHook(service, script), 0o755));
    }
    if (host.networkd) {
      const path = `/etc/systemd/networkd.conf.d/10-${name}.conf`;
      files.push(file('networkd', path, networkdDropIn(service), 0o644));
    }
    if (host.networkdDispatcher) {
      const path = `/etc/networkd-dispatcher/routable.d/50-${name}`;
      files.push(file('hook', path, networkdDispatcherHook(service, script), 0o755));
    }
  }
  if (service.reconcileSeconds > 0) {
    if (host.init === 'systemd') {
      const base = `/etc/systemd/system/${name}-reconcile`;
      files.push(file('reconcile', `${base}.service`, reconcileUnit(service, script), 0o644));
      files.push(file('reconcile', `${base}.timer`, reconcileTimer(service), 0o644));
    } else if (host.cron) {
      const path = `/etc/cron.d/${name}-reconcile`;
      files.push(file('reconcile', path, reconcileCron(service, script), 0o644));
    }
  }
  return files;
}
