// The images that machines boot from: built when first wanted, kept until what they are made from changes.
// Made aside and renamed, under a lock per name, so that two who want the same build it once and a kill leaves nothing half.
//
//   /var/cache/fairlead/lab/  archives/  boot-KEY/{kernel,initrd,busybox,lib}  sysv-KEY/disk  .making-PID-START-NAME/  NAME.lock
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { LabError } from '../lab-error.ts';
import { capture } from '../namespaces.ts';
import { isAlive, ownProcess } from '../process-id.ts';
import { downloadPackages, makeArchive, type Package, resolvePackages } from './apt.ts';
import { BOOT_FILES_SCRIPT, imageScript } from './build-script.ts';
import { withLock } from './file-lock.ts';
import { INITRD_INIT } from './initrd.ts';
import type { ImageRecipe, RecipeFile } from './recipe.ts';
import { recipeOf } from './recipes.ts';
import type { MachineSystem } from './systems.ts';

export interface Images {
  readonly kernel: string;
  readonly initrd: string;
  /** Static. */
  readonly busybox: string;
  /** A raw ext4 per system that was asked for. */
  readonly disks: ReadonlyMap<MachineSystem, string>;
}

export interface CacheOptions {
  readonly folder: string;
  /** Hears a line when something has been built. */
  readonly tell: (line: string) => void;
}

/** FAIRLEAD_LAB_CACHE moves it. */
export function cacheFolder(): string {
  return process.env.FAIRLEAD_LAB_CACHE ?? '/var/cache/fairlead/lab';
}

/** Builds what is missing. A LabError where that fails, and nothing half left. */
export async function prepareImages(
  systems: readonly MachineSystem[],
  options: CacheOptions,
): Promise<Images> {
  mkdirSync(options.folder, { recursive: true, mode: 0o755 });
  const cache = new ImageCache(options);
  const boot = await cache.bootFiles();
  const disks = new Map<MachineSystem, string>();
  for (const system of new Set(systems)) disks.set(system, await cache.disk(system, boot));
  cache.sweep();
  return {
    kernel: join(boot.folder, 'kernel'),
    initrd: join(boot.folder, 'initrd'),
    busybox: join(boot.folder, 'busybox'),
    disks,
  };
}

/** The kernel with its modules, and the first archive of its start. */
interface BootFiles {
  readonly folder: string;
  readonly packages: readonly Package[];
}

const UNUSED_DAYS = 7;
const LONGEST_LINE = 200;

class ImageCache {
  readonly #folder: string;
  readonly #tell: (line: string) => void;
  readonly #used = new Set<string>();

  constructor({ folder, tell }: CacheOptions) {
    this.#folder = folder;
    this.#tell = tell;
  }

  async bootFiles(): Promise<BootFiles> {
    const all = await resolvePackages(this.#folder, ['linux-image-cloud-amd64', 'busybox-static']);
    const packages = [/^linux-image-\d/, /^busybox-static$/].flatMap((wanted) =>
      all.filter(({ name }) => wanted.test(name)),
    );
    const key = keyOf([BOOT_FILES_SCRIPT, INITRD_INIT, packages]);
    const folder = await this.#item('boot', key, async (aside) => {
      const files = await this.#download(packages);
      const init = join(aside, 'init');
      writeFileSync(init, INITRD_INIT);
      await build(BOOT_FILES_SCRIPT, [aside, ...files, init]);
    });
    return { folder, packages };
  }

  async disk(system: MachineSystem, boot: BootFiles): Promise<string> {
    const recipe = recipeOf(system);
    const packages = await packagesOf(this.#folder, recipe);
    const key = keyOf([recipe, imageScript(recipe), packages, boot.packages]);
    const folder = await this.#item(system, key, async (aside) => {
      const files = await this.#download(packages);
      const [work, tree] = [join(aside, 'work'), join(aside, 'tree')];
      mkdirSync(work);
      mkdirSync(tree);
      for (const [path, file] of Object.entries(recipe.files)) writeBelow(tree, path, file);
      const sources =
        recipe.packaging === 'installed'
          ? [await makeArchive(join(aside, 'archive'), packages, files)]
          : files;
      await build(imageScript(recipe), [join(aside, 'disk'), work, boot.folder, tree, ...sources]);
      for (const each of ['work', 'tree', 'archive'])
        rmSync(join(aside, each), { recursive: true, force: true });
    });
    return join(folder, 'disk');
  }

  /** Removes what nobody has used for some days, and what a killed builder left. */
  sweep(): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      const [, pid, startTime = ''] = /^\.making-(\d+)-(\d+)-/.exec(name) ?? [];
      const abandoned = pid !== undefined && !isAlive({ pid: Number(pid), startTime });
      const image = /^[a-z]+-[0-9a-f]{16}$/.test(name) && !this.#used.has(path);
      const ageDays =
        (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())) / 86_400_000;
      if (abandoned || (image && ageDays > UNUSED_DAYS)) rmSync(path, { recursive: true, force: true });
    }
  }

  /** One at a time, since all downloads land in one folder. */
  #download(packages: readonly Package[]): Promise<readonly string[]> {
    const lock = join(this.#folder, 'archives.lock');
    return withLock(lock, () => downloadPackages(this.#folder, packages));
  }

  async #item(name: string, key: string, make: (aside: string) => Promise<void>): Promise<string> {
    const folder = join(this.#folder, `${name}-${key}`);
    this.#used.add(folder);
    if (!existsSync(folder)) {
      await withLock(join(this.#folder, `${name}.lock`), async () => {
        if (existsSync(folder)) return;
        const startMs = performance.now();
        const { pid, startTime } = ownProcess();
        const aside = join(this.#folder, `.making-${pid}-${startTime}-${name}`);
        rmSync(aside, { recursive: true, force: true });
        mkdirSync(aside);
        try {
          await make(aside);
          renameSync(aside, folder);
        } finally {
          rmSync(aside, { recursive: true, force: true });
        }
        const seconds = Math.round((performance.now() - startMs) / 1000);
        this.#tell(`${name === 'boot' ? 'kernel' : `image ${name}`}: built in ${seconds} s`);
      });
    }
    const now = new Date();
    utimesSync(folder, now, now);
    return folder;
  }
}

/** `unpacked` takes what was asked for and the libraries it needs, not the tools with which Debian configures it. */
async function packagesOf(cache: string, { packaging, packages }: ImageRecipe): Promise<readonly Package[]> {
  if (packaging === 'installed') return resolvePackages(cache, ['?essential', ...packages]);
  const all = await resolvePackages(cache, packages);
  return all.filter(({ name }) => packages.includes(name) || /^z?lib/.test(name));
}

/** Runs a builder's program in namespaces that end with this process. */
async function build(script: string, words: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await capture(
    [
      ...(['setpriv', '--pdeathsig', 'KILL', 'unshare'] as const),
      ...['--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--'],
      ...['sh', '-c', script, 'build', ...words],
    ],
    { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', HOME: '/root' },
  );
  if (exitCode === 0) return;
  const lines = `${stdout}${stderr}`.trim().split('\n').slice(-5);
  const said = lines.map((line) => line.slice(0, LONGEST_LINE)).join('; ');
  throw new LabError(`an image could not be built: ${said}`);
}

function writeBelow(folder: string, path: string, { text, mode = 0o644 }: RecipeFile): void {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  chmodSync(target, mode);
}

function keyOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
