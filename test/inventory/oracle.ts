// Asks the installed ansible-core about many inventories at once (oracle.py does the work in one Python process).
import { spawn } from 'node:child_process';
import { accessSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

export interface Question {
  readonly folder: string;
  readonly sources: readonly string[];
  readonly password?: string;
  readonly patterns: readonly string[];
}

export interface Selected {
  readonly hosts: readonly string[];
  readonly said: readonly string[];
  /** Whether Ansible itself gives another order in another run: its sets of groups follow where memory was free. */
  readonly isUnordered: boolean;
}

export interface Answer {
  readonly list: unknown;
  readonly warnings: readonly string[];
  readonly patterns: readonly Selected[];
}

const MISSING =
  'ansible-inventory is not installed: these tests compare with it (apt-get install ansible-core)';

/** Where `name` is on the PATH; throws a plain message where Ansible is not installed. */
export function ansibleProgram(name: string): string {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    try {
      accessSync(join(folder, name));
      return join(folder, name);
    } catch {
      // the next one
    }
  }
  throw new Error(MISSING);
}

/** Answers in the order of the questions. Asked several times, to know which orders are chance. */
export async function askAnsible(
  questions: readonly Question[],
  { times = 3 }: { readonly times?: number } = {},
): Promise<readonly Answer[]> {
  const runs: (readonly Answer[])[] = [];
  for (let seed = 1; seed <= times; seed++) runs.push(await askOnce(questions, seed));
  const [first = [], ...others] = runs;
  return first.map((answer, index) => ({
    ...answer,
    patterns: answer.patterns.map((selected, at) => ({
      ...selected,
      isUnordered: others.some((run) => String(run[index]?.patterns[at]?.hosts) !== String(selected.hosts)),
    })),
  }));
}

/** The environment of somebody who has configured nothing. */
export function plainEnvironment(home: string): NodeJS.ProcessEnv {
  const config = join(home, 'ansible.cfg');
  writeFileSync(config, '');
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('ANSIBLE_'));
  return { ...Object.fromEntries(kept), HOME: home, ANSIBLE_CONFIG: config, LC_ALL: 'C.UTF-8' };
}

async function askOnce(questions: readonly Question[], seed: number): Promise<readonly Answer[]> {
  // The interpreter that Ansible is installed for need not be the first on the PATH.
  const interpreter = /^#!\s*(\S+)/.exec(readFileSync(ansibleProgram('ansible-inventory'), 'utf8'))?.[1];
  const home = mkdtempSync(join(tmpdir(), 'ansible-home-'));
  try {
    const child = spawn(interpreter ?? 'python3', [join(import.meta.dirname, 'oracle.py')], {
      env: { ...plainEnvironment(home), PYTHONHASHSEED: String(seed) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(JSON.stringify(questions));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const status = await new Promise((done, failed) => child.on('close', done).on('error', failed));
    if (status !== 0) throw new Error(`the oracle exited with ${status}`);
    return JSON.parse(output) as Answer[];
  } finally {
    rmSync(home, { recursive: true });
  }
}
