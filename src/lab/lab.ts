// A lab: a throwaway fleet of hosts made of namespaces, two providers that drop spoofed sources, an internet,
// and a controller, on this machine and apart from it. create-lab.ts makes one; this is what one can do with it.
import { closeSync, constants, openSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { bounceScript } from './bounce.ts';
import { type HostState, hostState, readEvents, waitForEvents } from './events.ts';
import { SPOOFED_CHAIN } from './fabric.ts';
import { LabError } from './lab-error.ts';
import { type LabPaths, labPaths, powerPipe } from './lab-folder.ts';
import { type Argv, type Captured, capture, hostEnvironment, hostPrefix, placePrefix } from './namespaces.ts';
import { type LabHost, type LabPlan, type ProviderName, planLab } from './plan.ts';
import { type HeldConnection, holdConnection, type ProbeOrder, type ProbeResult, probe } from './probe.ts';
import { DEFAULT_LAB_NAME, isWanted, type LabState, labFolder, readLabState } from './state.ts';
import { removeLab } from './sweep.ts';

/** `ifupdown`: as an admin would, with hooks. `link`: as a cable would; addresses stay, routes are lost. */
export type BounceWay = 'ifupdown' | 'link';

const BOOT_TIMEOUT_MS = 60_000;

export class Lab {
  readonly name: string;
  readonly folder: string;
  readonly plan: LabPlan;
  readonly #supervisorPid: number;

  constructor(state: LabState & { readonly supervisor: { readonly pid: number } }) {
    this.name = state.name;
    this.folder = labFolder(state.name);
    this.plan = planLab(state.hostCount);
    this.#supervisorPid = state.supervisor.pid;
  }

  get hosts(): readonly LabHost[] {
    return this.plan.hosts;
  }

  get paths(): LabPaths {
    return labPaths(this.folder);
  }

  /** A LabError where there is no such host. */
  host(name: string): LabHost {
    const found = this.hosts.find((host) => host.name === name);
    if (found === undefined) {
      throw new LabError(`lab "${this.name}" has no host "${name}"`, `its hosts are ${this.#hostNames()}`);
    }
    return found;
  }

  state(host: string): HostState {
    return hostState(readEvents(this.paths.events), this.host(host).name);
  }

  /** The command as it reads outside: runs in the controller's network, with the machine's own files. */
  controllerCommand(argv: Argv): Argv {
    return join(placePrefix(this.#where, 'mgmt'), argv);
  }

  /** The same, inside a host. A LabError where the host is off. */
  hostCommand(host: string, argv: Argv): Argv {
    const state = this.state(host);
    if (state.kind !== 'ready' && state.kind !== 'boot') {
      throw new LabError(
        `${host} is off`,
        `turn it on with: fairlead lab reboot ${host} --name ${this.name}`,
      );
    }
    return join(hostPrefix(state.pid), argv);
  }

  inController(argv: Argv): Promise<Captured> {
    return capture(this.controllerCommand(argv));
  }

  /** As root on the host, past sshd: works also when the host's network is broken. */
  async inHost(host: string, argv: Argv): Promise<Captured> {
    return capture(this.hostCommand(host, argv), hostEnvironment());
  }

  inInternet(argv: Argv): Promise<Captured> {
    return capture(join(placePrefix(this.#where, 'internet'), argv));
  }

  /** Connects from the internet; one result per target, in order. */
  probe(order: ProbeOrder): Promise<readonly ProbeResult[]> {
    return probe(placePrefix(this.#where, 'internet'), order);
  }

  /** Opens one connection from the internet and keeps lines going to and fro until it is stopped. */
  holdConnection(address: string): Promise<HeldConnection> {
    return holdConnection(placePrefix(this.#where, 'internet'), address);
  }

  /** How many packets, IPv4 and IPv6, this provider has dropped because their source was not a customer's. */
  async spoofedPackets(provider: ProviderName): Promise<number> {
    let sum = 0;
    for (const program of ['iptables', 'ip6tables']) {
      const list: Argv = [program, '--list', SPOOFED_CHAIN, '--numeric', '--verbose', '--exact'];
      const { exitCode, stdout, stderr } = await capture(join(placePrefix(this.#where, provider), list));
      const [, packets] = /^\s*(\d+)\s+\d+\s+DROP\b/m.exec(stdout) ?? [];
      if (exitCode !== 0 || packets === undefined)
        throw new LabError(`cannot count spoofed packets: ${stderr}`);
      sum += Number(packets);
    }
    return sum;
  }

  /**
   * Pulls the plug: links dead at once, every process killed, kernel state lost, files kept; then boots.
   * Resolves when sshd listens again. Turns a host on that is off.
   */
  async reboot(host: string): Promise<void> {
    const seen = readEvents(this.paths.events).length;
    const state = this.state(host);
    if (state.kind === 'off' || state.kind === 'failed') await this.#pressPower(host);
    else {
      // Without a network the dead connections look as after a power cut: no FIN, no RST.
      await capture(['nsenter', '--target', String(state.pid), '--net', 'ip', 'link', 'set', 'mgmt', 'down']);
      killQuietly(state.pid);
    }
    await this.#untilReady(host, seen);
  }

  /** Resolves when the host has booted once more than when `action` began: for reboots from inside. */
  async untilRebooted(host: string, action: () => Promise<unknown>): Promise<void> {
    const seen = readEvents(this.paths.events).length;
    await action();
    await this.#untilReady(host, seen);
  }

  /** Takes an uplink down and up again. Resolves when it is up; a LabError where that failed. */
  async bounce(host: string, device: string, way: BounceWay): Promise<void> {
    const { exitCode, stderr } = await this.inHost(host, ['sh', '-c', bounceScript(way), 'bounce', device]);
    if (exitCode !== 0) throw new LabError(`${host}: bouncing ${device} failed: ${stderr.trim()}`);
  }

  /** Ends and removes everything of the lab. Doing it twice does no harm. */
  async down(): Promise<void> {
    await removeLab(this.folder);
  }

  get #where(): { readonly folder: string; readonly supervisorPid: number } {
    return { folder: this.folder, supervisorPid: this.#supervisorPid };
  }

  #hostNames(): string {
    const [first, ...more] = this.hosts.map((host) => host.name);
    return more.length > 4 ? `${first} to ${more.at(-1)}` : [first, ...more].join(', ');
  }

  #untilReady(host: string, from: number): Promise<void> {
    return waitForEvents(this.paths.events, (events) => hostState(events, host).kind === 'ready', {
      from,
      timeoutMs: BOOT_TIMEOUT_MS,
      what: `${host} boots`,
      trouble: () => (this.state(host).kind === 'failed' ? `it does not; see ${this.paths.log}` : undefined),
    });
  }

  async #pressPower(host: string): Promise<void> {
    const deadline = performance.now() + BOOT_TIMEOUT_MS;
    for (;;) {
      try {
        closeSync(openSync(powerPipe(this.folder, host), constants.O_WRONLY | constants.O_NONBLOCK));
        return;
      } catch (error) {
        // Nobody reads yet.
        if (performance.now() > deadline) throw error;
        await delay(10);
      }
    }
  }
}

/** The lab of this name; a LabError where none is up. */
export function openLab(name: string = DEFAULT_LAB_NAME): Lab {
  const state = readLabState(labFolder(name));
  if (state === undefined || state.supervisor === undefined || !isWanted(state)) {
    throw new LabError(`no lab "${name}" is up`, `start one with: fairlead lab up --name ${name}`);
  }
  return new Lab({ ...state, supervisor: state.supervisor });
}

function join(prefix: Argv, argv: Argv): Argv {
  const [program, ...words] = prefix;
  return [program, ...words, ...argv];
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself.
  }
}
