// fairlead lab: try things on a throwaway fleet. Turns words into calls of lab/ and says what happened.
import { Command, InvalidArgumentError } from 'commander';
import { createLab, DEFAULT_HOST_COUNT, DEFAULT_PROVIDERS } from '../lab/create-lab.ts';
import { openLab } from '../lab/lab.ts';
import { LabError } from '../lab/lab-error.ts';
import { labStatus, statusText } from '../lab/lab-status.ts';
import { attach, hostEnvironment } from '../lab/namespaces.ts';
import type { ProviderCount } from '../lab/plan.ts';
import { LAB_PACKAGES, MACHINE_PACKAGES, missingRequirements, requirementText } from '../lab/requirements.ts';
import { DEFAULT_LAB_NAME, labFolder, readLabState } from '../lab/state.ts';
import { removeLab, sweepLabs } from '../lab/sweep.ts';
import { cacheFolder, prepareImages } from '../lab/vm/image-cache.ts';
import { isMachine, LAB_SYSTEMS, type LabSystem, MACHINE_SYSTEMS } from '../lab/vm/systems.ts';
import type { CliContext } from './context.ts';
import { labDemo, renderInstead } from './lab-demo.ts';

export const LAB_HELP = `Usage: fairlead lab COMMAND [--name LAB]

A throwaway fleet on this machine, made of namespaces or of virtual machines:
hosts with a real sshd, providers that drop spoofed sources, and an internet.
Nothing of it is visible outside. Needs root on Linux.

Commands:
  up [--hosts N]             start a lab of N hosts (default ${DEFAULT_HOST_COUNT})
     [--providers 2|3]       with that many uplinks each (default ${DEFAULT_PROVIDERS})
     [--lan]                 and a network with one client behind each
     [--kind namespace|vm]   vm: each host has a kernel of its own (QEMU)
     [--system NAME,...]     and boots ${MACHINE_SYSTEMS.join(', ')} or
                             is a namespace; host after host, then from the start
  run PLAYBOOK [OPTIONS...]  fairlead run on the lab's inventory, from inside
  exec, facts, explain       likewise, with the words of these commands
  status                     who is up, and reachable from the internet
  probe [--count N]          the same with N connections per address (default 100)
  shell HOST [COMMAND...]    a root shell on a host, past its network
  reboot HOST                pull the plug and boot; files stay, kernel state goes
  down                       remove the lab and everything in it
  demo [--hosts N]           the whole story on a lab of its own, with proof
  packages [--kind vm]       the Debian packages a lab needs, as PACKAGE:PROGRAM
  images [--system NAME,...] build what machines boot from, where it is not there

Options:
  --name LAB                 labs of different names live side by side
                             (default "${DEFAULT_LAB_NAME}"); give it before HOST or PLAYBOOK
`;

interface Named {
  readonly name: string;
}

interface UpOptions extends Named {
  readonly hosts: number;
  readonly providers: ProviderCount;
  readonly lan: boolean;
  readonly kind: LabKind;
  readonly system?: readonly LabSystem[];
}

type LabKind = 'namespace' | 'vm';

/** To be added to the program. Never throws for what goes wrong with a lab. */
export function labCommand(context: CliContext): Command {
  const command = new Command('lab').enablePositionalOptions().configureHelp({ formatHelp: () => LAB_HELP });
  const add = (words: string) =>
    command
      .command(words)
      .passThroughOptions()
      .configureHelp({ formatHelp: () => LAB_HELP })
      .option('--name <lab>', '', DEFAULT_LAB_NAME);
  const act =
    <Words extends readonly unknown[]>(does: (...words: Words) => Promise<number>) =>
    async (...words: Words): Promise<void> =>
      context.exit(await guarded(context, () => does(...words)));

  add('up')
    .option('--hosts <count>', '', wholeNumber, DEFAULT_HOST_COUNT)
    .option('--providers <count>', '', providerCount, DEFAULT_PROVIDERS)
    .option('--lan', '', false)
    .option('--kind <kind>', '', labKind, 'namespace')
    .option('--system <names>', '', systemNames)
    .action(async (options: UpOptions) =>
      context.exit(await guarded(context, () => up(context, options), systemsOf(options))),
    );
  for (const inside of ['run', 'exec', 'facts', 'explain']) {
    add(`${inside} <words...>`)
      .allowUnknownOption()
      .action(act((words: string[], { name }: Named) => fromInside(context, name, [inside, words])));
  }
  add('status').action(act(({ name }: Named) => status(context, name, 3)));
  add('probe')
    .option('--count <count>', '', wholeNumber, 100)
    .action(act(({ name, count }: Named & { readonly count: number }) => status(context, name, count)));
  add('shell <host> [command...]').action(
    act((host: string, words: string[], { name }: Named) => shell(context, name, [host, ...words])),
  );
  add('reboot <host>').action(act((host: string, { name }: Named) => reboot(context, name, host)));
  add('demo')
    .option('--hosts <count>', '', wholeNumber, DEFAULT_HOST_COUNT)
    .action(async ({ hosts }: { readonly hosts: number }) => context.exit(await demo(context, hosts)));
  add('packages')
    .option('--kind <kind>', '', labKind, 'namespace')
    .action(({ kind }: { readonly kind: LabKind }) => {
      const packages = kind === 'vm' ? [...LAB_PACKAGES, ...MACHINE_PACKAGES] : LAB_PACKAGES;
      context.out(packages.map(({ name, binary }) => `${name}:${binary}\n`).join(''));
      context.exit(0);
    });
  add('images')
    .option('--system <names>', '', systemNames, MACHINE_SYSTEMS)
    .action(async ({ system }: { readonly system: readonly LabSystem[] }) =>
      context.exit(await guarded(context, () => images(context, system), MACHINE_SYSTEMS)),
    );
  add('down').action(act(({ name }: Named) => down(context, name)));
  return command;
}

async function guarded(
  context: CliContext,
  does: () => Promise<number>,
  systems: readonly LabSystem[] = ['namespace'],
): Promise<number> {
  const missing = missingRequirements(systems);
  if (missing.length > 0) {
    context.err(`error: ${requirementText(missing)}\n`);
    return 2;
  }
  try {
    for (const name of await sweepLabs()) context.err(`removed lab ${name}, which nobody owns any more\n`);
    return await does();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    context.err(`error: ${error.message}\n`);
    if (error.hint !== undefined) context.err(`hint: ${error.hint}\n`);
    return 1;
  }
}

/** Where no lab can stand, the same playbook is rendered: there is always something to see. */
async function demo(context: CliContext, hostCount: number): Promise<number> {
  const missing = missingRequirements();
  if (missing.length === 0) return guarded(context, () => labDemo(context, { hostCount }));
  context.err(`${requirementText(missing)}; these are the files it would put on one of the hosts:\n`);
  return renderInstead(context);
}

async function up(context: CliContext, options: UpOptions): Promise<number> {
  const { name, hosts, providers, lan } = options;
  const startMs = performance.now();
  const lab = await createLab({
    name,
    hostCount: hosts,
    providers,
    lan,
    systems: systemsOf(options),
    tell: (line) => context.err(`${line}\n`),
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  context.out(`lab ${name}: ${hosts} hosts up in ${seconds} s\n  inventory  ${lab.paths.inventory}\n`);
  return 0;
}

/** A command of fairlead's own, in the network of the lab's controller and on its inventory. */
async function fromInside(
  context: CliContext,
  name: string,
  [command, words]: readonly [string, readonly string[]],
): Promise<number> {
  const lab = openLab(name);
  return attach(lab.controllerCommand([...context.fairlead, command, '-i', lab.paths.inventory, ...words]));
}

async function status(context: CliContext, name: string, count: number): Promise<number> {
  context.out(statusText(await labStatus(openLab(name), count)));
  return 0;
}

async function shell(
  context: CliContext,
  name: string,
  [host, ...words]: readonly [string, ...string[]],
): Promise<number> {
  const lab = openLab(name);
  const [program, ...more] = words;
  if (program === undefined) return attach(lab.shellCommand(host), hostEnvironment());
  if (!isMachine(lab.host(host).system)) {
    return attach(lab.hostCommand(host, [program, ...more]), hostEnvironment());
  }
  const { exitCode, stdout, stderr } = await lab.inHost(host, [program, ...more]);
  context.out(stdout);
  context.err(stderr);
  return exitCode;
}

async function reboot(context: CliContext, name: string, host: string): Promise<number> {
  const startMs = performance.now();
  await openLab(name).reboot(host);
  context.out(`${host}: up again after ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
  return 0;
}

async function down(context: CliContext, name: string): Promise<number> {
  const there = readLabState(labFolder(name)) !== undefined;
  await removeLab(labFolder(name));
  context.out(there ? `lab ${name} is gone\n` : `there is no lab ${name}\n`);
  return 0;
}

async function images(context: CliContext, systems: readonly LabSystem[]): Promise<number> {
  const folder = cacheFolder();
  await prepareImages(systems.filter(isMachine), { folder, tell: (line) => context.err(`${line}\n`) });
  context.out(`images for ${systems.filter(isMachine).join(', ')} are in ${folder}\n`);
  return 0;
}

function systemsOf({ kind, system }: Pick<UpOptions, 'kind' | 'system'>): readonly LabSystem[] {
  return system ?? [kind === 'vm' ? 'systemd' : 'namespace'];
}

function labKind(text: string): LabKind {
  if (text === 'namespace' || text === 'vm') return text;
  throw new InvalidArgumentError('namespace or vm is wanted.');
}

function systemNames(text: string): readonly LabSystem[] {
  return text.split(',').map((name) => {
    const known = LAB_SYSTEMS.find((each) => each === name);
    if (known === undefined) throw new InvalidArgumentError(`names of ${LAB_SYSTEMS.join(', ')} are wanted.`);
    return known;
  });
}

function providerCount(text: string): ProviderCount {
  if (text === '2') return 2;
  if (text === '3') return 3;
  throw new InvalidArgumentError('2 or 3 is wanted.');
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is wanted.');
  return Number(text);
}
