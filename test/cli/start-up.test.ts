// Starting up is part of every run: what each command loads of other people's code.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildIfStale, MAIN } from '../support/compiled.ts';

const folder = mkdtempSync('/tmp/start-up-');
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(buildIfStale, 120_000);

/** The packages whose code the compiled program reads, in the order of their names: its files say what they are made from. */
function packagesOf(words: readonly string[]): {
  readonly packages: readonly string[];
  readonly status: unknown;
} {
  const hooks = `export async function resolve(name, context, next) {
    const found = await next(name, context);
    if (found.url.startsWith('file:')) process._rawDebug('reads ' + found.url);
    return found;
  }`;
  writeFileSync(join(folder, 'hooks.mjs'), hooks);
  writeFileSync(
    join(folder, 'register.mjs'),
    `import { register } from 'node:module'; register(${JSON.stringify(pathToFileURL(join(folder, 'hooks.mjs')).href)});`,
  );
  writeFileSync(join(folder, 'site.yml'), '- hosts: localhost\n  tasks: [{ping: }]\n');
  const { stderr, status } = spawnSync(
    process.execPath,
    ['--import', join(folder, 'register.mjs'), MAIN, ...words],
    { encoding: 'utf8', cwd: folder, env: { PATH: process.env.PATH } },
  );
  const files = [...stderr.matchAll(/^reads (.*)$/gm)].map(([, url = '']) => fileURLToPath(url));
  expect(files).toContain(MAIN);
  const sources = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/^\/\/(?:#region)? (\S+)$/gm),
  ]);
  const origins = [...files, ...sources.map(([, path = '']) => path)];
  const found = origins.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return { packages: [...new Set(found)].sort(), status };
}

test.each([
  { words: ['--help'], packages: ['commander'] },
  { words: ['--version'], packages: ['commander'] },
  { words: ['rnu'], packages: ['commander'], status: 2 },
  { words: ['inventory', '-i', 'a,b,', '--list'], packages: ['commander', 'yaml'] },
])('fairlead $words loads $packages', ({ words, packages, status = 0 }) => {
  expect(packagesOf(words)).toEqual({ packages, status });
});

test('a run whose output is no terminal does not load what draws', () => {
  const { packages, status } = packagesOf([
    'run',
    '-e',
    'ansible_connection=local',
    '-i',
    'localhost,',
    'site.yml',
  ]);
  expect(status).toBe(0);
  expect(packages).not.toContain('listr2');
});
