// Every way to get files wrong that we know of: a folder of test/cases/bad-input each, with the exact message.
// A folder holds site.yml, what it needs, options.yml for the command line, and expected.txt (vitest -u writes it).
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../../src/cli/program.ts';
import { DIAGNOSTIC_CODES, DiagnosticError, Problems } from '../../src/diagnostic.ts';
import { parseExtraVars } from '../../src/load/extra-vars.ts';
import { diagnosticsText } from '../../src/report/diagnostic-text.ts';
import { preparePlaybook } from '../../src/run/run.ts';

const CASES = fileURLToPath(new URL('../cases/bad-input', import.meta.url));
const NAMES = readdirSync(CASES).sort();
const HOSTS = 'web-1,web-2,';

interface Options {
  readonly playbook: string;
  readonly inventories: readonly string[];
  readonly limit?: string;
  readonly extraVars?: readonly string[];
}

const workingFolder = process.cwd();
afterAll(() => process.chdir(workingFolder));

describe('bad input', () => {
  it.each(NAMES)('%s', async (name) => {
    process.chdir(join(CASES, name));
    await expect(messages(optionsOf(name))).toMatchFileSnapshot(join(CASES, name, 'expected.txt'));
  });

  it('brings about every code there is', () => {
    const texts = NAMES.map((name) => readFileSync(join(CASES, name, 'expected.txt'), 'utf8')).join('\n');
    const found = new Set([...texts.matchAll(/^error\[(.*?)\]/gm)].map(([, code]) => code));
    // What is wrong with a plan, no playbook can show: test/cli/plan.test.ts.
    const others = [...DIAGNOSTIC_CODES].filter((code) => !found.has(code));
    expect(others).toEqual(['plan-unusable']);
  });
});

describe('with bad input, the command line contacts nobody', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bad-input-'));
  const inventory = join(folder, 'hosts.yml');
  let server: Server;
  let connections = 0;

  beforeAll(async () => {
    server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const host = `{ansible_host: 127.0.0.1, ansible_port: ${port}, fairlead_host_key: "off"}`;
    writeFileSync(inventory, `all: {hosts: {web-1: ${host}, web-2: ${host}}}\n`);
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function run(playbook: string): Promise<{ status: number; out: string; err: string }> {
    const result = { status: 0, out: '', err: '' };
    await runProgram(['run', '-i', inventory, playbook], '0', {
      fairlead: ['fairlead'],
      out: (text) => {
        result.out += text;
      },
      err: (text) => {
        result.err += text;
      },
      exit: (status) => {
        result.status = status;
      },
      signal: new AbortController().signal,
      terminal: { isLive: false, outColours: false, errColours: false },
      environment: {},
    });
    return result;
  }

  const ofAnyInventory = NAMES.filter((name) => optionsOf(name).inventories[0] === HOSTS);

  it.each(ofAnyInventory)('%s', async (name) => {
    process.chdir(join(CASES, name));
    const { playbook, extraVars, limit } = optionsOf(name);
    if (extraVars !== undefined || limit !== undefined) return;
    const { status, out, err } = await run(playbook);
    expect({ status, out, connections }).toEqual({ status: 2, out: '', connections: 0 });
    expect(err).toMatch(/^error\[/);
  });

  it('and with good input it does', async () => {
    const playbook = join(folder, 'site.yml');
    writeFileSync(playbook, '- hosts: all\n  tasks:\n    - command: uptime\n');
    const { status } = await run(playbook);
    expect(status).toBe(1);
    expect(connections).toBeGreaterThanOrEqual(2);
  });
});

function optionsOf(name: string): Options {
  const files = readdirSync(join(CASES, name));
  const inventory = files.find((file) => file.startsWith('inventory.')) ?? HOSTS;
  const given = files.includes('options.yml')
    ? (parse(readFileSync(join(CASES, name, 'options.yml'), 'utf8')) as Partial<Options>)
    : {};
  return { playbook: 'site.yml', inventories: [inventory], ...given };
}

/** What `fairlead run` prints, in the working folder. Throws where nothing is wrong. */
function messages({ playbook, inventories, limit, extraVars = [] }: Options): string {
  try {
    const problems = new Problems();
    const variables = parseExtraVars(extraVars, problems);
    problems.throwIfAny();
    preparePlaybook(playbook, {
      inventories,
      extraVars: variables,
      ...(limit !== undefined && { limit }),
    });
  } catch (error) {
    if (error instanceof DiagnosticError) return diagnosticsText(error.diagnostics);
    throw error;
  }
  throw new Error('nothing is wrong with these files');
}
