// fairlead doc: the modules at a terminal.
import { describe, expect, it, test } from 'vitest';
import { flowWords } from '../../src/modules/controller/flow.ts';
import { moduleExamples } from '../../src/modules/examples.ts';
import { findModule, moduleNames } from '../../src/modules/registry.ts';
import { runInFolder } from '../docs/support/command.ts';

const NAMES = [...moduleNames(), ...flowWords()].sort();

it('lists all modules', async () => {
  const { status, out, err } = await runInFolder([], 'fairlead doc');
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(NAMES);
  expect(out).toMatch(/^slurp +Reads a file/m);
});

describe('of a module', () => {
  test.each(NAMES)('%s: every argument and returned field, the examples, in 80 columns', async (name) => {
    const { status, out, err } = await runInFolder([], `fairlead doc ${name}`);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const { schema, returns = {} } = findModule(name) ?? { schema: { properties: {} } };
    for (const word of [...Object.keys(schema.properties), ...Object.keys(returns)]) {
      expect(out).toMatch(new RegExp(`^  ${word}( \\(required\\))?(:.*)?$`, 'm'));
    }
    const [prose = '', examples = ''] = out.split(/^Examples\n/m);
    expect(examples.replace(/^ {2}/gm, '')).toBe(moduleExamples(name));
    expect(prose.split('\n').filter((line) => line.length > 80 && line.trim().includes(' '))).toEqual([]);
  });
});

it('takes several names, also those of Ansible', async () => {
  const { status, out } = await runInFolder([], 'fairlead doc ansible.builtin.ping systemd');
  expect(status).toBe(0);
  expect(out.split('\n').filter((line) => /^\w+$/.test(line))).toEqual([
    'ping',
    'Arguments',
    'Returns',
    'Examples',
    'systemd_service',
    'Arguments',
    'Returns',
    'Examples',
  ]);
});

it('knows those of your own, and tells what is wrong with them', async () => {
  const text = `export default { kind: 'controller', name: 'toy', summary: 'A toy.', returns: { y: 'Why.' },
    schema: { type: 'object', properties: { x: { description: 'X.', aliases: ['z'] } } }, evaluate: () => ({}) };`;
  const file = { language: 'js', title: 'library/toy.mjs', text };
  const { out } = await runInFolder([file], 'fairlead doc toy');
  expect(out).toBe(
    'toy\n  A toy.\n\nArguments\n  x: anything\n      X. Also called z.\n\nReturns\n  y\n      Why.\n',
  );
  expect((await runInFolder([file], 'fairlead doc')).out).toMatch(/^toy +A toy\.$/m);
  const broken = await runInFolder([{ ...file, text: 'export default 7;' }], 'fairlead doc toy');
  expect(broken).toMatchObject({ status: 2, out: '' });
  expect(broken.err).toContain('library/toy.mjs: it has no default export that is a module\n');
});

it('proposes a name for one that is not there', async () => {
  const { status, out, err } = await runInFolder([], 'fairlead doc slrup');
  expect({ status, out }).toEqual({ status: 2, out: '' });
  expect(err).toBe(
    'error[usage]: command line cannot be used\n  there is no module "slrup"\n  hint: did you mean "slurp"?\n',
  );
});
