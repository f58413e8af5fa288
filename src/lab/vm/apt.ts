// Debian's packages through this machine's own apt configuration, without touching what is installed here: which ones a set
// needs, in which versions, and their files. apt checks their signatures and sums.
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { LabError } from '../lab-error.ts';
import { capture } from '../namespaces.ts';

export interface Package {
  readonly name: string;
  readonly version: string;
}

/**
 * The packages of these names (or apt patterns), and all that they depend on, recommendations apart. Asking takes apt seconds, so
 * the answer is kept in `cache` until apt has looked at its archives again.
 */
export async function resolvePackages(cache: string, wanted: readonly string[]): Promise<readonly Package[]> {
  const path = join(cache, `packages-${sumOf(wanted.join(' '))}`);
  const stamp = sumOf(archiveStamp());
  const [knownStamp, ...known] = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  if (knownStamp === stamp) return known.map(parsePackage);
  const said = await apt(cache, ['--simulate', 'install', ...wanted]);
  const packages = [...said.matchAll(/^Inst (\S+) \((\S+) /gm)].map(([, name = '', version = '']) => ({
    name,
    version,
  }));
  writeFileSync(`${path}.${pid}`, `${[stamp, ...packages.map(printPackage)].join('\n')}\n`);
  renameSync(`${path}.${pid}`, path);
  return packages;
}

function printPackage({ name, version }: Package): string {
  return `${name}=${version}`;
}

function parsePackage(text: string): Package {
  const [name = '', version = ''] = text.split('=');
  return { name, version };
}

/** What apt knows of the archives: changes whenever it looked there again. */
function archiveStamp(): string {
  const lists = '/var/lib/apt/lists';
  if (!existsSync(lists)) return 'none';
  const files = readdirSync(lists).filter((name) => name.endsWith('Release'));
  return files.map((name) => `${name} ${statSync(join(lists, name)).mtimeMs}`).join('\n');
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Downloads what is not there yet; the paths of the packages' files, in their order. */
export async function downloadPackages(
  cache: string,
  packages: readonly Package[],
): Promise<readonly string[]> {
  const archives = join(cache, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  const exact = packages.map(printPackage);
  await apt(cache, ['--download-only', '--yes', '--allow-downgrades', 'install', ...exact]);
  const files = new Map(
    readdirSync(archives).map((file) => {
      const [name = '', version = ''] = file.split('_');
      return [`${name}=${decodeURIComponent(version)}`, join(archives, file)];
    }),
  );
  return exact.map((each) => {
    const file = files.get(each);
    if (file === undefined) throw new LabError(`apt has not downloaded ${each}`);
    return file;
  });
}

/** Makes `folder` an archive of these packages alone, as a line of sources.list(5) names it. */
export async function makeArchive(
  folder: string,
  packages: readonly Package[],
  files: readonly string[],
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const exact = packages.map(printPackage);
  const { stdout } = await capture(['apt-cache', 'show', '--no-all-versions', ...exact]);
  writeFileSync(join(folder, 'Packages'), stdout.replace(/^Filename: .*\//gm, 'Filename: ./'));
  writeFileSync(join(folder, 'Release'), `Suite: ${LOCAL_SUITE}\nCodename: ${LOCAL_SUITE}\n`);
  // An archive's file names have no epoch; those of downloaded files do.
  for (const file of files) linkSync(file, join(folder, file.replace(/.*\//, '').replace(/_\d+%3a/, '_')));
  return `deb [trusted=yes] copy:${folder} ./`;
}

export const LOCAL_SUITE = 'lab';

/** An apt to which nothing is installed. */
async function apt(cache: string, words: readonly string[]): Promise<string> {
  mkdirSync(join(cache, 'archives', 'partial'), { recursive: true });
  const settings = [
    'Dir::State::status=/dev/null',
    `Dir::Cache::archives=${join(cache, 'archives')}`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'APT::Install-Recommends=false',
    'APT::Sandbox::User=root',
    'APT::Keep-Downloaded-Packages=true',
    'Debug::NoLocking=true',
  ].flatMap((setting) => ['-o', setting]);
  const { exitCode, stdout, stderr } = await capture(['apt-get', '--quiet', ...settings, ...words]);
  if (exitCode === 0) return stdout;
  throw new LabError(
    `apt-get failed: ${stderr.trim().split('\n').slice(-3).join('; ')}`,
    'let apt look again with: apt-get update',
  );
}
