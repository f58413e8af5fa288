// Runs every case in test/cases/MODULE/*.yml, for all modules there are. A case is a file of its own: arguments
// and what is on the host, and then exactly what the module makes of them.
//
//   title: a new file gets mode 0644           # a sentence
//   args: { content: "x\n", dest: /etc/x }     # as after rendering; a bare string stands for the free-form argument.
//                                              # A condition is { condition: SOURCE } with value: or throws: MESSAGE
//   controller:                                # all of it optional
//     files: { motd: "text" }                  # what readFile finds
//     templates: { x.conf: "rendered" }        # what renderFile gives
//     variables: { ansible_kernel: "6.1" }
//     diff: true
//     role: split_access
//   actual:                                    # optional: nothing is there, and the script printed nothing
//     files: { /etc/x: absent }                # or a FileState: { kind: file, mode: "0644", content: "…" } and so on;
//                                              # owner root, size, hash and time are filled in where unsaid
//     output: { exitCode: 0, stdout: "", stderr: "" }   # of the inspection's script
//   output: { exitCode: 0, stdout: "", stderr: "" }     # of the change, for conclude; any part may be unsaid
//
// and of what follows at least one, each compared as a whole:
//   violations: ["dest: …"]                    # of the schema, as `argument: problem`, with ` (hint)`
//   error: { argument: dest, message: …, hint: … }      # the ArgumentError of prepare
//   inspect: { files: […], script: … }
//   reads: ["file:/etc/x"]     writes: […]
//   verdict: { kind: change, message: …, fields: …, diffs: … }   # without `changes`, which are the module's own affair
//   includes: { message: … }                   # only these fields of the verdict
//   script: |                                  # of the change, with the parts that differ from run to run as they are
//   ends: |                                    # how the script ends, where it starts with shared functions
//   uploads: [PATH]
//   then: { kind: reboot, … }
//   conclusion: { kind: changed, … }
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { validate } from '../../src/load/schema.ts';
import { type FileProbe, type FileState, sha256Of } from '../../src/modules/file/file-probe.ts';
import {
  ArgumentError,
  type Condition,
  type Controller,
  type ControllerModule,
  type HostModule,
  type Inspected,
  type Module,
  type Output,
} from '../../src/modules/module.ts';
import { findModule, moduleNames } from '../../src/modules/registry.ts';
import { controller } from './support/this-machine.ts';

const CASES = join(import.meta.dirname, '../cases');

interface Case {
  readonly title: string;
  readonly args: unknown;
  readonly controller?: {
    readonly files?: Readonly<Record<string, string>>;
    readonly templates?: Readonly<Record<string, string>>;
    readonly variables?: Readonly<Record<string, unknown>>;
    readonly diff?: boolean;
    readonly role?: string;
  };
  readonly actual?: {
    readonly files?: Readonly<Record<string, 'absent' | Readonly<Record<string, unknown>>>>;
    readonly output?: Partial<Output>;
  };
  readonly output?: Partial<Output>;
  readonly violations?: readonly string[];
  readonly error?: unknown;
  readonly inspect?: unknown;
  readonly reads?: unknown;
  readonly writes?: unknown;
  readonly verdict?: unknown;
  readonly includes?: Readonly<Record<string, unknown>>;
  readonly script?: string;
  readonly ends?: string;
  readonly uploads?: unknown;
  readonly then?: unknown;
  readonly conclusion?: unknown;
}

const GIVEN = ['title', 'args', 'controller', 'actual', 'output'];
const EXPECTED = [
  'violations',
  'error',
  'inspect',
  'reads',
  'writes',
  'verdict',
  'includes',
  'script',
  'ends',
  'uploads',
  'then',
  'conclusion',
];

for (const name of moduleNames()) {
  describe(name, () => {
    const module = moduleOf(name);
    const scripts: string[] = [];
    for (const file of readdirSync(join(CASES, name)).sort()) {
      const test: Case = parse(readFileSync(join(CASES, name, file), 'utf8'));
      it(`${test.title} (${file})`, () => check(module, test, scripts));
    }
    if (module.kind === 'host') it('has scripts that shellcheck finds nothing in', () => shellcheck(scripts));
  });
}

it('leaves no folder of cases without a module', () => {
  // Cases of other tests have a hyphen in their folder's name, which no module has.
  const folders = readdirSync(CASES).filter((folder) => !folder.includes('-'));
  expect(folders.filter((folder) => findModule(folder) === undefined)).toEqual([]);
});

function moduleOf(name: string): Module {
  const module = findModule(name);
  if (module === undefined) throw new Error(`no module ${name}`);
  return module;
}

function check(module: Module, test: Case, scripts: string[]): void {
  const unknown = Object.keys(test).filter((key) => ![...GIVEN, ...EXPECTED].includes(key));
  expect(unknown, 'keys that no case has').toEqual([]);
  expect(
    Object.keys(test).filter((key) => EXPECTED.includes(key)),
    'something to expect',
  ).not.toEqual([]);
  const args = typeof test.args === 'string' ? { [module.freeForm ?? '']: test.args } : (test.args ?? {});
  expect(violations(module, args)).toEqual(test.violations ?? []);
  if (test.violations !== undefined) return;
  if (module.kind === 'controller') checkControllerModule(module, args, test);
  else checkHostModule(module, args, test, scripts);
}

function violations(module: Module, args: unknown): readonly string[] {
  const asWritten = structuredClone(mapConditions(args, ({ condition }) => condition));
  return validate(module.schema, asWritten).map(({ path, detail, hint }) => {
    const at = path.length === 0 ? '' : `${path.join('.')}: `;
    return `${at}${detail}${hint === undefined ? '' : ` (${hint})`}`;
  });
}

function checkControllerModule(module: ControllerModule, args: unknown, test: Case): void {
  expectVerdict(module.evaluate(mapConditions(args, toCondition)), test);
}

function checkHostModule(module: HostModule, args: unknown, test: Case, scripts: string[]): void {
  const prepare = () => module.prepare(args, controllerOf(test));
  if (test.error !== undefined) {
    expect(argumentErrorOf(prepare)).toEqual(test.error);
    return;
  }
  const wanted = prepare();
  const inspection = module.inspect(wanted);
  if (inspection.script !== undefined) scripts.push(inspection.script);
  if (test.inspect !== undefined) expect(inspection).toEqual(test.inspect);
  if (test.reads !== undefined) expect(module.reads(wanted)).toEqual(test.reads);
  if (test.writes !== undefined) expect(module.writes(wanted)).toEqual(test.writes);
  const verdict = module.decide(wanted, actualOf(test, inspection.files ?? []));
  if (verdict.kind !== 'change') {
    expectVerdict(verdict, test);
    for (const key of ['script', 'ends', 'uploads', 'then', 'conclusion']) {
      expect(test, 'nothing is to be changed').not.toHaveProperty(key);
    }
    return;
  }
  const { changes, ...forPeople } = verdict;
  expectVerdict(forPeople, test);
  const program = module.change(wanted, changes);
  scripts.push(program.script);
  if (test.script !== undefined) expect(`${program.script.trimEnd()}\n`).toBe(`${test.script.trimEnd()}\n`);
  if (test.ends !== undefined) {
    expect(program.script.trimEnd().slice(-test.ends.trimEnd().length)).toBe(test.ends.trimEnd());
  }
  if (test.uploads !== undefined) expect(program.uploads?.map(({ path }) => path)).toEqual(test.uploads);
  if (test.then !== undefined) expect(program.then).toEqual(test.then);
  if (test.conclusion !== undefined) {
    expect(module.conclude?.(wanted, changes, outputOf(test.output))).toEqual(test.conclusion);
  }
}

/** All scripts that the cases of a module gave, at once: shellcheck takes its time to start. */
function shellcheck(scripts: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-scripts-'));
  try {
    const files = scripts.map((script, index) => {
      const path = join(folder, `${index}.sh`);
      writeFileSync(path, `set -eu\n${script}\n`);
      return path;
    });
    const { stdout } = spawnSync('shellcheck', ['-s', 'sh', '-S', 'warning', '-f', 'gcc', ...files], {
      encoding: 'utf8',
    });
    expect(files.length === 0 ? '' : stdout).toBe('');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function expectVerdict(verdict: object, test: Case): void {
  if (test.verdict !== undefined) expect(verdict).toEqual(test.verdict);
  if (test.includes !== undefined) expect(verdict).toMatchObject(test.includes);
}

function argumentErrorOf(prepare: () => unknown): unknown {
  try {
    prepare();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const { argument, message, hint } = error;
    return { argument, message, ...(hint !== undefined && { hint }) };
  }
  return 'no ArgumentError';
}

function controllerOf({ controller: said = {} }: Case): Controller {
  const found = (name: string, among: Readonly<Record<string, string>> | undefined) => {
    const text = among?.[name];
    if (text === undefined) throw new Error(`the case has no file ${name}`);
    return text;
  };
  return controller({
    readFile: (name) => Buffer.from(found(name, said.files)),
    renderFile: (name) => found(name, said.templates),
    diff: said.diff ?? false,
    variable: (name) => said.variables?.[name],
    roleName: said.role,
  });
}

function actualOf({ actual = {} }: Case, probes: readonly FileProbe[]): Inspected {
  const probed = probes.map(({ path }) => path);
  const known = Object.keys(actual.files ?? {});
  expect(
    known.filter((path) => !probed.includes(path)),
    'paths that are not probed',
  ).toEqual([]);
  const files = probes.map((probe) => [probe.path, stateOf(probe, actual.files?.[probe.path])] as const);
  return { files: new Map(files), output: outputOf(actual.output) };
}

function outputOf(said: Partial<Output> = {}): Output {
  return { exitCode: 0, stdout: '', stderr: '', ...said };
}

/** What the probe would say of a file that a case describes: no hash and no content that were not asked for. */
function stateOf(probe: FileProbe, said: 'absent' | Readonly<Record<string, unknown>> = 'absent'): FileState {
  if (said === 'absent') return { kind: 'absent' };
  if (said.kind === 'unreadable') return { kind: 'unreadable', message: String(said.message) };
  const { content, ...rest } = said;
  const mode = typeof said.mode === 'string' ? Number.parseInt(said.mode, 8) : 0o644;
  const attributes = { owner: 'root', group: 'root', uid: 0, gid: 0, ...rest, mode };
  const bytes = typeof content === 'string' ? Buffer.from(content) : undefined;
  const state = {
    mtimeSeconds: 1_700_000_000,
    ...attributes,
    ...(bytes && { sizeBytes: bytes.length }),
    ...(bytes && probe.depth !== 'none' && { sha256: sha256Of(bytes) }),
    ...(bytes && probe.depth === 'content' && { content: bytes }),
  };
  // The one cast: a case file says what the state is, and the tests of the probes that such states come about.
  return (said.kind === 'file' ? state : attributes) as FileState;
}

function toCondition(said: ConditionInCase): Condition {
  return {
    source: said.condition,
    value() {
      if (said.throws !== undefined) throw new Error(said.throws);
      return said.value;
    },
  };
}

interface ConditionInCase {
  readonly condition: string;
  readonly value?: unknown;
  readonly throws?: string;
}

function mapConditions(args: unknown, map: (condition: ConditionInCase) => unknown): unknown {
  if (Array.isArray(args)) return args.map((item) => mapConditions(item, map));
  if (typeof args !== 'object' || args === null) return args;
  if ('condition' in args && typeof args.condition === 'string') {
    return map({ ...args, condition: args.condition });
  }
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, mapConditions(value, map)]));
}
