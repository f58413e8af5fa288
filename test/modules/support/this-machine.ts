// The complete cycle of a host module, inspect → decide → change → conclude, on this machine with a real shell:
// what the engine does on a host, without engine, connection or waves.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { parseProbes, probeScript } from '../../../src/modules/file/file-probe.ts';
import type {
  ChangeProgram,
  Conclusion,
  Controller,
  HostModule,
  Output,
  Verdict,
} from '../../../src/modules/module.ts';
import { quote } from '../../../src/shell.ts';

export const SHELLS = ['dash', 'busybox sh'] as const;
export type Shell = (typeof SHELLS)[number];

export interface Cycle<Changes> {
  readonly verdict: Verdict<Changes>;
  /** Undefined where there was nothing to change. */
  readonly program?: ChangeProgram;
  readonly output?: Output;
  readonly conclusion?: Conclusion;
}

export interface MachineOptions {
  readonly shell: Shell;
  readonly controller?: Partial<Controller>;
  /** A folder in front of PATH. */
  readonly tools?: string;
}

/** No script of a test takes nearly as long, unless it waits for something that never comes. */
const PATIENCE_MS = 20_000;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** With BusyBox, all tools are BusyBox's too. The script runs as in a session: by eval, in a subshell, under `set -eu`, with an empty stdin. */
export function runScript(script: string, { shell, tools }: MachineOptions): Output {
  const [program = 'sh', ...args] = shell.split(' ');
  const input = `LC_ALL=C\nexport LC_ALL\numask 022\n(\nset -eu\neval ${quote(script)}\n) </dev/null\nexit "$?"\n`;
  const folders = [tools, shell === 'busybox sh' ? busyboxTools() : undefined, PATH];
  const env = { PATH: folders.filter((folder) => folder !== undefined).join(':') };
  const ended = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 28,
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  if (ended.error) throw ended.error;
  return { exitCode: ended.status ?? -1, stdout: ended.stdout, stderr: ended.stderr };
}

export function runOnThisMachine<Args, Wanted, Changes>(
  module: HostModule<Args, Wanted, Changes>,
  args: Args,
  options: MachineOptions,
): Cycle<Changes> {
  const wanted = module.prepare(args, controller(options.controller));
  const inspection = module.inspect(wanted);
  const probes = inspection.files ?? [];
  const nothing: Output = { exitCode: 0, stdout: '', stderr: '' };
  const probed = probes.length === 0 ? nothing : runScript(probeScript(probes), options);
  if (probed.exitCode !== 0) throw new Error(`probing failed: ${probed.stderr}`);
  const output = inspection.script === undefined ? nothing : runScript(inspection.script, options);
  const verdict = module.decide(wanted, { files: parseProbes(probes, probed), output });
  if (verdict.kind !== 'change') return { verdict };
  const program = module.change(wanted, verdict.changes);
  for (const { path, bytes } of program.uploads ?? []) writeFileSync(path, bytes, { mode: 0o600 });
  const changed = runScript(program.script, options);
  const conclusion =
    module.conclude?.(wanted, verdict.changes, changed) ??
    (changed.exitCode === 0
      ? { kind: 'changed' as const }
      : { kind: 'failed' as const, message: changed.stderr.trim() });
  return { verdict, program, output: changed, conclusion };
}

/** What a play would give the module: as said, and otherwise no files and no variables. */
export function controller(said: Partial<Controller> = {}): Controller {
  return {
    readFile(name) {
      throw new Error(`no file ${name}`);
    },
    renderFile(name) {
      throw new Error(`no template ${name}`);
    },
    diff: false,
    variable: () => undefined,
    roleName: undefined,
    ...said,
  };
}

/** A folder that is there for the tests of one block. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeAll(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  });
  afterAll(() => {
    rmSync(folder.path, { recursive: true, force: true });
  });
  return folder;
}

/** Stand-ins for tools that note each call before they make it: what a script forks can be counted. */
export function countedTools(
  folder: string,
  names: readonly string[],
): { readonly tools: string; calls(): string[] } {
  const tools = join(folder, 'counted');
  const log = join(folder, 'calls');
  mkdirSync(tools, { recursive: true });
  writeFileSync(log, '');
  for (const name of names) {
    writeFileSync(join(tools, name), `#!/bin/sh\necho ${name} >>${log}\nPATH=${PATH} exec ${name} "$@"\n`);
    chmodSync(join(tools, name), 0o755);
  }
  return { tools, calls: () => readFileSync(log, 'utf8').split('\n').slice(0, -1) };
}

/** A folder with a link to busybox for each of its applets. It is kept: test processes end without a last word. */
function busyboxTools(): string {
  const folder = join(import.meta.dirname, '../../../node_modules/.cache/busybox-tools');
  if (existsSync(folder)) return folder;
  mkdirSync(join(folder, '..'), { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  spawnSync('busybox', ['--install', '-s', made]);
  try {
    renameSync(made, folder);
  } catch {
    // Another test process was faster.
    rmSync(made, { recursive: true });
  }
  return folder;
}
