// A lab: a throwaway fleet of hosts made of namespaces, providers that drop spoofed sources, an internet,
// and a controller, on this machine and apart from it. create-lab.ts makes one; this is what one can do with it.
import { closeSync, constants, openSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { bootTimeoutMs, untilReady } from './boot-wait.ts';
import { bounceScript } from './bounce.ts';
import { type AtPlace, gatewayCommand, plugCommand, unplugCommand } from './cables.ts';
import type { ClientPlace } from './client-place.ts';
import { type HostState, hostState, readEvents } from './events.ts';
import { type Place, SPOOFED_CHAIN } from './fabric.ts';
import { FlowMeter, packetsOf } from './flow-traffic.ts';
import {
  type Flow,
  type FlowOrder,
  type FlowResult,
  type FlowSource,
  type ProviderPackets,
  runFlows,
} from './flows.ts';
import {
  type HeldConnection,
  type HeldConnections,
  type HoldOrder,
  type HoldSource,
  holdConnection,
  holdConnections,
} from './held-connections.ts';
import { LabError } from './lab-error.ts';
import { type LabPaths, labPaths, powerPipe } from './lab-folder.ts';
import {
  type Argv,
  type Captured,
  capture,
  hostEnvironment,
  hostNetworkPrefix,
  hostPrefix,
  join,
  placePrefix,
} from './namespaces.ts';
import { type LabHost, type LabPlan, type ProviderName, planLab } from './plan.ts';
import { type ProbeOrder, type ProbeResult, probe } from './probe.ts';
import { sshCommand } from './ssh-command.ts';
import { DEFAULT_LAB_NAME, isWanted, type LabState, labFolder, readLabState } from './state.ts';
import { removeLab } from './sweep.ts';
import { MachineGoneError, type MachineSockets, runOnMachine } from './vm/agent-client.ts';
import { machinePath } from './vm/machine-files.ts';
import { setLink } from './vm/monitor.ts';
import { isMachine } from './vm/systems.ts';

/** `ifupdown`: as an admin would, with hooks. `link`: as a cable would; addresses stay, routes are lost. */
export type BounceWay = 'ifupdown' | 'link';

export class Lab {
  readonly name: string;
  readonly folder: string;
  readonly plan: LabPlan;
  readonly #supervisorPid: number;
  readonly #meter: FlowMeter;

  constructor(state: LabState & { readonly supervisor: { readonly pid: number } }) {
    this.name = state.name;
    this.folder = labFolder(state.name);
    this.plan = planLab(state);
    this.#supervisorPid = state.supervisor.pid;
    this.#meter = new FlowMeter(this.plan.providers.map(({ name }) => ({ name, prefix: this.#place(name) })));
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
    return join(this.#place('mgmt'), argv);
  }

  /**
   * The same, inside a host. A LabError where the host is off. Past its network, but to a machine: that one is reached by ssh
   * (`inHost` goes past its network).
   */
  hostCommand(host: string, argv: Argv): Argv {
    const pid = this.#pidOf(host);
    if (this.#machine(host) === undefined) return join(hostPrefix(pid), argv);
    return this.controllerCommand(sshCommand(this.paths, this.host(host), { argv, io: 'pipes' }));
  }

  /** A shell for somebody at a terminal. */
  shellCommand(host: string): Argv {
    if (this.#machine(host) === undefined) return this.hostCommand(host, ['/bin/sh']);
    this.#pidOf(host);
    const remote = { argv: ['/bin/sh', '-l'], io: 'terminal' } as const;
    return this.controllerCommand(sshCommand(this.paths, this.host(host), remote));
  }

  inController(argv: Argv): Promise<Captured> {
    return capture(this.controllerCommand(argv));
  }

  /** As root on the host, past sshd: works also when the host's network is broken. */
  async inHost(host: string, argv: Argv): Promise<Captured> {
    const machine = this.#machine(host);
    if (machine !== undefined) {
      this.#pidOf(host);
      return runOnMachine(machine, argv);
    }
    return capture(this.hostCommand(host, argv), hostEnvironment());
  }

  inInternet(argv: Argv): Promise<Captured> {
    return capture(join(this.#place('internet'), argv));
  }

  /** In a provider's network, with the machine's own files: to look at it, and to make it fail. */
  inProvider(name: ProviderName, argv: Argv): Promise<Captured> {
    return capture(join(this.#place(name), argv));
  }

  /** On the client machine of a host's LAN, with the machine's own files. A LabError where the lab has no LAN. */
  async inLan(host: string, argv: Argv): Promise<Captured> {
    return capture(join(this.#lan(host), argv));
  }

  /** Pulls a host's cable out at its far end: the device stays up and loses its carrier, until `plug` or a boot. */
  async unplug(host: string, device: string): Promise<void> {
    await this.#do(unplugCommand(this.host(host), device));
    const machine = this.#machine(host);
    if (machine !== undefined) await setLink(machine, device, 'unplugged');
  }

  async plug(host: string, device: string): Promise<void> {
    await this.#do(plugCommand(this.host(host), device, this.folder));
    const machine = this.#machine(host);
    if (machine !== undefined) await setLink(machine, device, 'plugged');
  }

  /**
   * A provider's box hangs for one host or all that are on: the carrier stays, nothing answers, not even neighbour
   * discovery, and nothing passes. Until `wakeGateway`, or the host's boot.
   */
  async silenceGateway(provider: ProviderName, host?: string): Promise<void> {
    await this.#do({ place: provider, argv: gatewayCommand(this.#onOf(host), 'silent') });
  }

  async wakeGateway(provider: ProviderName, host?: string): Promise<void> {
    await this.#do({ place: provider, argv: gatewayCommand(this.#onOf(host), 'awake') });
  }

  /** Makes flows to the internet; one result per flow, in order. */
  async flows(from: FlowSource, order: FlowOrder): Promise<readonly FlowResult[]> {
    await this.#meter.start();
    return runFlows(this.#source(from), order);
  }

  /**
   * How many packets of a flow came from the hosts to each provider, those with a wrong source included, since the lab's
   * first `flows` or `holdConnections`. What is silent for ten minutes is forgotten.
   */
  async providersOf(flow: Flow): Promise<ProviderPackets> {
    return packetsOf(flow, await this.#meter.read());
  }

  /** The same for many flows at one look, in their order. */
  async providersOfAll(flows: readonly Flow[]): Promise<readonly ProviderPackets[]> {
    const reading = await this.#meter.read();
    return flows.map((flow) => packetsOf(flow, reading));
  }

  /** Opens connections in one process and keeps lines going to and fro; a LabError where one of them does not open. */
  async holdConnections(from: HoldSource, order: HoldOrder): Promise<HeldConnections> {
    return holdConnections(this.#source(from), from, order, this.#meter);
  }

  /** Connects from the internet; one result per target, in order. */
  probe(order: ProbeOrder): Promise<readonly ProbeResult[]> {
    return probe(this.#place('internet'), order);
  }

  /** Opens one connection from the internet and keeps lines going to and fro until it is stopped. */
  holdConnection(address: string): Promise<HeldConnection> {
    return holdConnection(this.#place('internet'), address);
  }

  /** How many packets, IPv4 and IPv6, this provider has dropped because their source was not a customer's. */
  async spoofedPackets(provider: ProviderName): Promise<number> {
    let sum = 0;
    for (const program of ['iptables', 'ip6tables']) {
      const list: Argv = [program, '--list', SPOOFED_CHAIN, '--numeric', '--verbose', '--exact'];
      const { exitCode, stdout, stderr } = await this.inProvider(provider, list);
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
    else if (this.#machine(host) !== undefined) killQuietly(state.pid);
    else {
      // Without a network the dead connections look as after a power cut: no FIN, no RST.
      await capture(['nsenter', '--target', String(state.pid), '--net', 'ip', 'link', 'set', 'mgmt', 'down']);
      killQuietly(state.pid);
    }
    await untilReady(this.paths, this.host(host), seen);
  }

  /** Resolves when the host has booted once more than when `action` began: for reboots from inside. */
  async untilRebooted(host: string, action: () => Promise<unknown>): Promise<void> {
    const seen = readEvents(this.paths.events).length;
    await action().catch((error: unknown) => {
      // What asked for the reboot need not live to see it.
      if (!(error instanceof MachineGoneError)) throw error;
    });
    await untilReady(this.paths, this.host(host), seen);
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

  /** Undefined for a host that is made of namespaces. */
  #machine(host: string): MachineSockets | undefined {
    const { name, system } = this.host(host);
    return isMachine(system) ? { host: name, folder: joinPath(this.folder, machinePath(name)) } : undefined;
  }

  #place(place: Place): Argv {
    return placePrefix({ folder: this.folder, supervisorPid: this.#supervisorPid }, place);
  }

  #source(from: HoldSource): ClientPlace {
    if (from === 'internet') return { kind: 'namespace', prefix: this.#place('internet') };
    if ('lan' in from) return { kind: 'namespace', prefix: this.#lan(from.lan) };
    const pid = this.#pidOf(from.host);
    const machine = this.#machine(from.host);
    if (machine !== undefined) return { kind: 'machine', machine };
    return { kind: 'namespace', prefix: hostNetworkPrefix(pid) };
  }

  #lan(host: string): Argv {
    const { name, lan } = this.host(host);
    if (lan !== undefined) return this.#place(`lan/${name}`);
    throw new LabError(`lab "${this.name}" has no LANs`, 'make it with: fairlead lab up --lan');
  }

  #pidOf(host: string): number {
    const state = this.state(host);
    if (isOn(state)) return state.pid;
    throw new LabError(`${host} is off`, `turn it on with: fairlead lab reboot ${host} --name ${this.name}`);
  }

  #onOf(host: string | undefined): readonly LabHost[] {
    if (host === undefined) return this.hosts.filter(({ name }) => isOn(this.state(name)));
    this.#pidOf(host);
    return [this.host(host)];
  }

  async #do({ place, argv }: AtPlace): Promise<void> {
    const { exitCode, stderr } = await capture(join(this.#place(place), argv));
    if (exitCode !== 0) throw new LabError(`${place}: ${argv[0]} failed: ${stderr.trim()}`);
  }

  #hostNames(): string {
    const [first, ...more] = this.hosts.map((host) => host.name);
    return more.length > 4 ? `${first} to ${more.at(-1)}` : [first, ...more].join(', ');
  }

  async #pressPower(host: string): Promise<void> {
    const deadline = performance.now() + bootTimeoutMs([this.host(host)]);
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

function isOn(state: HostState): boolean {
  return state.kind === 'ready' || state.kind === 'degraded' || state.kind === 'boot';
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself.
  }
}
