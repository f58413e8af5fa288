// Modules of the user's own in library/: the one of docs/own-modules.md, and what becomes of those that are wrong.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DiagnosticError } from '../../src/diagnostic.ts';
import { runInFolder } from '../docs/support/command.ts';
import { runPlaybook } from '../support/playbook-run.ts';

const DOCS = readFileSync(new URL('../../docs/own-modules.md', import.meta.url), 'utf8');
const BLOCKS = [...DOCS.matchAll(/^```(\S+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', title = '', text = '']) => ({ language, title, text }),
);
const MTU = BLOCKS.find(({ title }) => title === 'library/mtu.mjs')?.text ?? '';

const HOST = {
  kind: "'host'",
  name: "'toy'",
  summary: "'A toy.'",
  schema: "{ type: 'object', properties: { x: { description: 'X.' } } }",
  prepare: '(args) => args',
  reads: '() => []',
  writes: '() => []',
  inspect: '() => ({})',
  decide: "() => ({ kind: 'unchanged' })",
  change: "() => ({ script: '' })",
};

/** A module `toy` with some of its fields otherwise; undefined: without. */
function toy(fields: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries({ ...HOST, ...fields }).filter(([, value]) => value !== undefined);
  return `export default { ${given.map(([name, value]) => `${name}: ${value}`).join(', ')} };\n`;
}

async function outcomesOf(task: string, files: Readonly<Record<string, string>>) {
  const play = `- hosts: all\n  gather_facts: false\n  tasks:\n    - ${task}\n`;
  const { events } = await runPlaybook(play, { files });
  return events.flatMap((event) => (event.kind === 'task-finished' ? [event.outcome] : []));
}

async function detailsOf(task: string, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  try {
    await outcomesOf(task, files);
    return [];
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.flatMap(({ code, at, details = [], hint }) =>
      [...details, ...(hint === undefined ? [] : [hint])].map(
        (text) => `${code} ${at?.line}:${at?.column} ${text.replace(/^\S*\/library\//, '')}`,
      ),
    );
  }
}

describe('a module in library/', () => {
  it('is run as docs/own-modules.md shows', async () => {
    const command = BLOCKS.find(({ language }) => language === 'sh')?.text ?? '';
    const { status, out, err } = await runInFolder(BLOCKS, command);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('no jumbo frames');
  });

  describe('of a role', () => {
    const named = (name: string, says: string) =>
      `export default { kind: 'controller', name: '${name}', summary: 'Mine.', schema: { type: 'object', properties: {} },
        evaluate: () => ({ kind: 'ok', message: '${says}' }) };`;
    const messages = async (play: string, files: Readonly<Record<string, string>>) => {
      const { events } = await runPlaybook(play, { files });
      return events.flatMap((event) => (event.kind === 'task-finished' ? [event.outcome.message] : []));
    };
    const files = {
      'roles/one/library/greet.mjs': named('greet', 'from one'),
      'roles/one/meta/main.yml': 'dependencies: [base]\n',
      'roles/one/tasks/main.yml': '- greet:\n',
      'roles/two/library/greet.mjs': named('greet', 'from two'),
      'roles/two/tasks/main.yml': '- greet:\n',
      'roles/base/library/part.mjs': named('part', 'from base'),
      'roles/base/tasks/main.yml': '- part:\n',
    };

    it('is there for all tasks of the play, of roles it depends on too; the first role wins', async () => {
      const play =
        '- hosts: all\n  gather_facts: false\n  pre_tasks: [{greet: }]\n  roles: [one, two]\n  tasks: [{part: }]\n';
      expect(await messages(play, files)).toEqual([
        'from one',
        'from base',
        'from one',
        'from one',
        'from base',
      ]);
    });

    it('is behind one beside the playbook', async () => {
      const play = '- hosts: all\n  gather_facts: false\n  roles: [two]\n';
      const own = { ...files, 'library/greet.mjs': named('greet', 'from the playbook') };
      expect(await messages(play, own)).toEqual(['from the playbook']);
      expect(await messages(play, files)).toEqual(['from two']);
    });

    it('is there from its include on, and not in the next play', async () => {
      const included = '- hosts: all\n  gather_facts: false\n  tasks: [{include_role: {name: two}}]\n';
      expect(await messages(included, files)).toContain('from two');
      const next = `${included}- hosts: all\n  gather_facts: false\n  tasks:\n    - greet:\n`;
      await expect(messages(next, files)).rejects.toThrow('module-unknown');
    });
  });

  it('has its arguments checked by its schema, aliases and defaults included', async () => {
    const files = { 'library/mtu.mjs': MTU };
    expect(await detailsOf('mtu: { device: lo, mut: 1 }', files)).toEqual([
      'argument-unknown 4:26 there is no "mut"',
      'argument-unknown 4:26 did you mean "mtu"?',
    ]);
    expect(await detailsOf('mtu: { device: "a/b" }', files)).toEqual([
      'argument-value 4:22 "a/b" is no device',
    ]);
    expect(await detailsOf('mut: { dev: lo }', files)).toEqual([
      'module-unknown 4:7 there is no module "mut"',
      'module-unknown 4:7 did you mean "mtu"?',
    ]);
    const [failed] = await outcomesOf('mtu: { dev: nowhere }', files);
    expect(failed).toMatchObject({ status: 'failed', message: 'there is no device nowhere' });
  });

  it('wins over one of ours, and may be a controller module, also in CommonJS', async () => {
    const ping = `module.exports = { kind: 'controller', name: 'ping', summary: 'Mine.',
      schema: { type: 'object', properties: {} }, evaluate: () => ({ kind: 'ok', fields: { ping: 'mine' } }) };`;
    const [outcome] = await outcomesOf('ping: {}', { 'library/ping.js': ping });
    expect(outcome).toMatchObject({ status: 'ok', fields: { ping: 'mine' } });
  });

  it.each([
    ['throws', 'throw new Error("oh")', ['it cannot be loaded: oh']],
    ['exports nothing', 'export const x = 1;', ['kind is neither "host" nor "controller"']],
    ['has another name', toy({ name: "'toi'" }), ['name is "toi", and the file is called toy']],
    [
      'lacks a step',
      toy({ decide: undefined, summary: undefined }),
      ['summary is no text', 'decide is no function'],
    ],
    ['has no schema', toy({ schema: '7' }), ['schema is no JSON schema with type: "object" and properties']],
    [
      'has a silent argument',
      toy({ schema: "{ type: 'object', properties: { x: { type: 'string' } } }" }),
      ['schema: x has no description'],
    ],
    [
      'has a wrong schema',
      toy({ schema: "{ type: 'object', properties: { x: { description: 'X.', minimum: 'a' } } }" }),
      ['schema: /properties/x/minimum must be number'],
    ],
    ['has a free form without argument', toy({ freeForm: "'y'" }), ['freeForm: the schema has no "y"']],
  ])('that %s is told where it is named', async (_, text, faults) => {
    expect(await detailsOf('toy: { x: 1 }', { 'library/toy.mjs': text })).toEqual(
      faults.map((fault) => `module-broken 4:7 toy.mjs: ${fault}`),
    );
  });

  it('that nobody names does no harm', async () => {
    const outcomes = await outcomesOf('ping:', { 'library/toy.mjs': 'throw new Error("oh")' });
    expect(outcomes.map(({ status }) => status)).toEqual(['ok']);
  });

  it.each(['prepare', 'reads', 'writes', 'inspect'])(
    'that throws in %s is told before the run',
    async (step) => {
      const text = toy({ [step]: '() => { throw new Error("oh"); }' });
      expect(await detailsOf('toy: { x: 1 }', { 'library/toy.mjs': text })).toEqual([
        'argument-value 4:12 toy: oh',
      ]);
    },
  );

  it.each([
    ['throws in decide', { decide: '() => { throw new Error("oh"); }' }, 'toy: oh'],
    ['gives no verdict', { decide: '() => {}' }, 'toy: decide gives no verdict'],
    [
      'throws in conclude',
      {
        decide: "() => ({ kind: 'change', changes: {}, message: '' })",
        conclude: '() => { throw new Error("oh"); }',
      },
      'toy: oh',
    ],
  ])('that %s fails its task', async (_, fields, message) => {
    const [outcome] = await outcomesOf('toy: { x: 1 }', { 'library/toy.mjs': toy(fields) });
    expect(outcome).toMatchObject({ status: 'failed', message });
  });
});
