// Whatever a play does, waves must not be seen: the same files, results and outcomes as with one task after the other.
// Random plays over a handful of paths, run by this machine's sh both ways.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type PlaybookRun, runPlaybook } from '../support/playbook-run.ts';

const ROOT = mkdtempSync('/tmp/waves-');
const PLAYBOOK = mkdtempSync('/tmp/waves-playbook-');
afterAll(() => {
  for (const folder of [ROOT, PLAYBOOK]) rmSync(folder, { recursive: true });
});

const PATHS = ['a', 'b', 'd', 'd/a', 'd/e/b'];
const NAMES = ['r1', 'r2', 'r3'];

interface Task {
  readonly module: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly keys: Readonly<Record<string, unknown>>;
}

const path = fc.constantFrom(...PATHS).map((name) => join(ROOT, name));
const text = fc.constantFrom('one', 'two', 'r1 {{ r1.changed }}', 'v {{ item }}', 'n {{ n }}');
const condition = fc.constantFrom(
  'r1.changed',
  '!r2.changed',
  'r3.failed || r1.skipped',
  'n == 1',
  'r2.msg != ""',
);

const action: fc.Arbitrary<Pick<Task, 'module' | 'args'>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ dest: path, content: text }).map((args) => ({ module: 'copy', args })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ path, state: fc.constantFrom('directory', 'absent', 'touch', 'file') })
      .map((args) => ({ module: 'file', args })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ path, line: text, create: fc.boolean() })
      .map((args) => ({ module: 'lineinfile', args })),
  },
  { weight: 1, arbitrary: path.map((each) => ({ module: 'stat', args: { path: each } })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('cat', 'wc -c <', 'echo more >>', 'rm', 'test -d'), path)
      .map(([verb, each]) => ({ module: 'shell', args: { cmd: `${verb} ${each}` } })),
  },
  {
    weight: 1,
    arbitrary: path.map((each) => ({ module: 'command', args: { cmd: `touch ${each}`, creates: each } })),
  },
  { weight: 1, arbitrary: fc.constantFrom(1, 2).map((n) => ({ module: 'set_fact', args: { n } })) },
  { weight: 1, arbitrary: text.map((msg) => ({ module: 'debug', args: { msg } })) },
  { weight: 1, arbitrary: condition.map((that) => ({ module: 'assert', args: { that } })) },
);

const rare = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const keys = fc
  .record({
    register: rare(fc.constantFrom(...NAMES)),
    when: rare(condition),
    ignore_errors: fc.boolean(),
    notify: rare(fc.constantFrom('h1', 'h2')),
    loop: rare(fc.constantFrom(['x', 'y', 'x'], [], '{{ pair }}')),
    changed_when: rare(fc.constantFrom(false, true, 'n == 2')),
    failed_when: rare(fc.constantFrom('n == 2', 'r1.changed', false)),
    until: rare(fc.constantFrom('n == 2', 'r1.changed', false)),
    retries: rare(fc.constantFrom(0, 1, 2)),
    delay: fc.constant(0),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

const task: fc.Arbitrary<Task> = fc.tuple(action, keys).map(([what, how]) => ({ ...what, keys: how }));

interface Block {
  readonly block: readonly Task[];
  readonly rescue: readonly Task[];
  readonly always: readonly Task[];
}

const few = fc.array(task, { maxLength: 2 });
const block: fc.Arbitrary<Block> = fc.record({
  block: fc.array(task, { maxLength: 3 }),
  rescue: few,
  always: few,
});

/** An include whose file is known before the run, or only then. */
interface Include {
  readonly include: readonly Task[];
  readonly isLate: boolean;
  readonly loop: readonly string[] | undefined;
  readonly when: string | undefined;
}

const include: fc.Arbitrary<Include> = fc.record({
  include: fc.array(task, { minLength: 1, maxLength: 3 }),
  isLate: fc.boolean(),
  loop: rare(fc.constantFrom(['x', 'y'], [])),
  when: rare(condition),
});

type Node = Task | Block | Include;

/** The files that the includes name, and the play. `item` has a value in tasks that loop only. */
function play(
  nodes: readonly Node[],
  handlers: readonly Task[],
): { readonly text: string; readonly files: Record<string, string> } {
  const files: Record<string, string> = {};
  const written = ({ module, args, keys }: Task, more: object = {}) => {
    const values = 'loop' in keys ? args : JSON.parse(JSON.stringify(args).replace('{{ item }}', 'no item'));
    return { name: `${module} task`, [module]: values, ...keys, ...more };
  };
  const [first, second] = handlers;
  const text = JSON.stringify([
    {
      hosts: 'all',
      vars: { n: 1, pair: ['{{ n }}', 'z'] },
      pre_tasks: [
        { ping: null, register: 'r1' },
        { ping: null, register: 'r2' },
        { ping: null, register: 'r3' },
        { command: 'printf ""', register: 'set_late' },
      ],
      tasks: nodes.map((node) => {
        if ('module' in node) return written(node);
        if ('include' in node) {
          const name = `included-${Object.keys(files).length}`;
          files[`${name}.yml`] = JSON.stringify(node.include.map((each) => written(each)));
          const file = node.isLate ? `{{ set_late.stdout }}${name}.yml` : `${name}.yml`;
          const { loop, when } = node;
          return { include_tasks: file, ...(loop && { loop }), ...(when && { when }) };
        }
        const { block, rescue, always } = node;
        const part = (tasks: readonly Task[]) => tasks.map((each) => written(each));
        return { block: part(block), rescue: part(rescue), always: part(always) };
      }),
      post_tasks: [{ debug: { msg: 'r1 {{r1.changed}} r2 {{r2.changed}} r3 {{r3.changed}} n {{n}}' } }],
      handlers: [
        ...(first === undefined ? [] : [written(first, { name: 'h1', notify: 'h3' })]),
        ...(second === undefined ? [] : [written(second, { name: 'h2', notify: 'h1' })]),
        { name: 'h3', copy: { dest: join(ROOT, 'h3'), content: 'ran' } },
      ],
    },
  ]);
  return { text, files };
}

function reset(present: readonly string[]): void {
  rmSync(ROOT, { recursive: true, force: true });
  mkdirSync(ROOT);
  for (const each of present) {
    mkdirSync(join(ROOT, each, '..'), { recursive: true });
    writeFileSync(join(ROOT, each), 'there before\n');
  }
}

function tree(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const each = join(folder, name);
    const { mode } = statSync(each);
    if (statSync(each).isDirectory()) return [`${each}/ ${mode.toString(8)}`, ...tree(each)];
    return `${each} ${mode.toString(8)} ${readFileSync(each, 'utf8')}`;
  });
}

/** All that anybody can see of a run. */
function visible({ events, recap }: PlaybookRun): unknown {
  const outcomes = events.flatMap((event) => {
    if (event.kind === 'task-retrying') {
      const { task, attempt, of, outcome } = event;
      return { title: task.title, attempt, of, outcome };
    }
    if (event.kind === 'handler-remembered') return event;
    if (event.kind !== 'task-finished') return [];
    const { task, outcome, progress } = event;
    return { title: task.title, outcome, progress };
  });
  // The time of a file is the one thing that differs from run to run.
  return JSON.parse(
    JSON.stringify({ outcomes, recap, files: tree(ROOT) }, (key, value) =>
      key === 'mtime' ? undefined : value,
    ),
  );
}

test('a play does the same in waves as one task after the other', { timeout: 180_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: task },
          { weight: 1, arbitrary: block },
          { weight: 1, arbitrary: include },
        ),
        { minLength: 2, maxLength: 8 },
      ),
      fc.array(task, { minLength: 2, maxLength: 2 }),
      fc.subarray(['a', 'd/a']),
      fc.constantFrom('apply' as const, 'apply' as const, 'check' as const),
      async (tasks, handlers, present, mode) => {
        const { text, files } = play(tasks, handlers);
        const options = { mode, files, folder: PLAYBOOK, stateFolder: join(ROOT, 'state') };
        /** The second run finds what the first has left to it, handlers that it remembers among them. */
        const twice = async (more: { waveLimit?: number }): Promise<unknown> => {
          reset(present);
          const first = visible(await runPlaybook(text, { ...options, ...more }));
          return [first, visible(await runPlaybook(text, { ...options, ...more }))];
        };
        const oneByOne = await twice({ waveLimit: 1 });
        expect(await twice({})).toEqual(oneByOne);
      },
    ),
    { numRuns: Number(process.env.FC_RUNS ?? 60), endOnFailure: true },
  );
});
