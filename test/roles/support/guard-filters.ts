// A network for the parts of the guard that keep filters and settings, and the program that they are parts of, in a
// choice of worlds to live in.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { Namespace, run } from './namespace.ts';

export interface FilterWorld {
  readonly title: string;
  readonly shell: readonly string[];
  readonly dress: string;
}

const BUSYBOX_TOOLS = 'mawk grep sort cut cmp sed rm mkdir sleep';

export const FILTER_WORLDS: readonly FilterWorld[] = [
  { title: 'dash', shell: ['dash'], dress: ':' },
  {
    title: 'BusyBox',
    shell: ['busybox', 'ash'],
    dress: `for tool in ${BUSYBOX_TOOLS}; do mount --bind /usr/bin/busybox "$(readlink -f "$(command -v $tool)")"; done`,
  },
];

const KINDS = ['sysctl', 'ipset', 'iptables', 'arptables', 'nft', 'ipvs'] as const;
export type FilterKind = (typeof KINDS)[number];

const GUARD = join(import.meta.dirname, '../../../templates/guard');
export const PARTS: readonly string[] = KINDS.map((kind) => join(GUARD, `state/${kind}.sh`));

export class FilterHost {
  readonly folder: string;
  readonly #world: FilterWorld;
  readonly #space: Namespace;
  #count = 0;

  private constructor(world: FilterWorld, folder: string, space: Namespace) {
    this.#world = world;
    this.folder = folder;
    this.#space = space;
  }

  /** `override` is sh that is put behind the parts. */
  static async create(world: FilterWorld, override = ''): Promise<FilterHost> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-filters-'));
    const texts = [join(GUARD, 'common.sh'), join(GUARD, 'snap.sh'), ...PARTS].map((path) =>
      readFileSync(path, 'utf8'),
    );
    writeFileSync(join(folder, 'program'), `${texts.join('\n')}\n${override}\n${MAIN}`);
    return new FilterHost(world, folder, await Namespace.create(world.dress, folder));
  }

  /** With the machine's own tools. Throws where it fails. */
  sh(line: string): string {
    return this.#space.sh(line);
  }

  /** Keeps the state in a new folder. */
  take(kinds: readonly FilterKind[]): string {
    this.#count += 1;
    const folder = join(this.folder, `state-${this.#count}`);
    this.#run('take', folder, kinds);
    return folder;
  }

  /** Puts it back; what could not be put back. */
  put(folder: string, kinds: readonly FilterKind[]): string {
    return this.#run('put', folder, kinds);
  }

  /** The files of a folder that people see, each behind its name. */
  read(folder: string): string {
    return this.sh(`cd ${folder} && for file in *; do echo "== $file"; cat "$file"; done`);
  }

  /** Milliseconds, the best of five. */
  time(verb: 'take' | 'put', kinds: readonly FilterKind[], folder = join(this.folder, 'timed')): number {
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      this.#run(verb, folder, kinds);
      return performance.now() - start;
    });
    return Math.min(...times);
  }

  /** Processes that it starts. */
  forks(verb: 'take' | 'put', kinds: readonly FilterKind[], folder = join(this.folder, 'timed')): number {
    const count = () => Number(/^processes (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
    const counts = Array.from({ length: 5 }, () => {
      const before = count();
      this.#run(verb, folder, kinds);
      return count() - before;
    });
    return Math.min(...counts);
  }

  close(): void {
    this.#space.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run(verb: string, folder: string, kinds: readonly FilterKind[]): string {
    const words = [...this.#space.enter('all'), ...this.#world.shell, join(this.folder, 'program')];
    const { status, stdout, stderr } = run([...words, verb, folder, ...kinds]);
    if (status !== 0 || stderr !== '') throw new Error(`${verb}: exited ${status}\n${stdout}${stderr}`);
    return stdout;
  }
}

const MAIN = `verb=$1 folder=$2
shift 2
[ -d "$folder" ] || mkdir "$folder"
for kind; do "\${verb}_$kind" "$folder"; done
printf %s "$failures"
`;

/** Whatever is made of these commands and whatever else they do to it then: it is put back as it was, without a failure. */
export function expectAnyDamageUndone(
  host: FilterHost,
  script: fc.Arbitrary<string>,
  { kinds, numRuns }: { readonly kinds: Parameters<FilterHost['take']>[0]; readonly numRuns: number },
): void {
  fc.assert(
    fc.property(script, script, (make, damage) => {
      host.sh(make);
      const before = host.take(kinds);
      host.sh(damage);
      expect(host.put(before, kinds)).toBe('');
      expect(host.read(host.take(kinds))).toBe(host.read(before));
    }),
    { numRuns },
  );
}
