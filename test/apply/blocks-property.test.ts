// Blocks, however deep and wherever tasks fail: a flat list with regions does what a plain recursive reading of the
// tree says.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runPlaybook, story } from '../support/playbook-run.ts';

type Node = Task | Block;
interface Task {
  readonly fails: boolean;
  readonly id: number;
}
interface Block {
  readonly block: readonly Node[];
  readonly rescue?: readonly Node[];
  readonly always?: readonly Node[];
}

const task: fc.Arbitrary<Task> = fc.record({ fails: fc.boolean(), id: fc.nat(99) });
const { nodes } = fc.letrec<{ nodes: Node[]; node: Node }>((tie) => ({
  nodes: fc.array(tie('node'), { maxLength: 3 }),
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    task,
    fc.record(
      { block: tie('nodes'), rescue: tie('nodes'), always: tie('nodes') },
      { requiredKeys: ['block'] },
    ),
  ),
}));

function written(node: Node): object {
  if ('id' in node) return { [node.fails ? 'fail' : 'debug']: { msg: `${node.id}` } };
  return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, inner.map(written)]));
}

/** What runs, in order, and whether all is well behind it. */
function read(list: readonly Node[], seen: number[]): boolean {
  return list.every((node) => {
    if ('id' in node) {
      seen.push(node.id);
      return !node.fails;
    }
    const { block, rescue = [], always = [] } = node;
    const isWell = read(block, seen) || (rescue.length > 0 && runs(rescue) && read(rescue, seen));
    return read(always, seen) && isWell;
  });
}

/** A rescue that holds no task is none. */
function runs(list: readonly Node[]): boolean {
  return list.some((node) => {
    if ('id' in node) return true;
    return runs(node.block) || runs(node.always ?? []);
  });
}

test('blocks are run as they read', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(nodes, async (tree) => {
      const seen: number[] = [];
      const isWell = read(tree, seen);
      const run = await runPlaybook(JSON.stringify([{ hosts: 'all', tasks: tree.map(written) }]));
      expect(story(run).map((line) => Number(line.split(': ')[1]))).toEqual(seen);
      expect(run.recap.map(({ status }) => status)).toEqual([isWell ? 'ok' : 'failed']);
      const progress = run.events.flatMap((each) => (each.kind === 'task-finished' ? each.progress : []));
      expect(progress.every(({ done, of }) => done <= of)).toBe(true);
      if (isWell && progress.length > 0)
        expect(progress.at(-1)).toEqual({ done: seen.length, of: seen.length });
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 300) },
  );
});
