// fairlead inventory: where it looks for the inventory, and what it warns about.
import { describe, expect, it } from 'vitest';
import { runInFolder } from '../docs/support/command.ts';

const block = ([title, text]: readonly [string, string]) => ({ language: '', title, text });
const run = (files: Readonly<Record<string, string>>, command: string) =>
  runInFolder(Object.entries(files).map(block), command);

const HOSTS = '[web]\nweb-1\nweb-2\n[db]\ndb-1\n';

describe('without -i', () => {
  it('takes the inventory that ansible.cfg names', async () => {
    const files = { 'ansible.cfg': '[defaults]\ninventory = fleet/hosts\n', 'fleet/hosts': HOSTS };
    expect(await run(files, 'fairlead inventory --hosts web')).toEqual({
      status: 0,
      out: 'web-1\nweb-2\n',
      err: '',
    });
    const listed = await run({ ...files, other: 'x-1\n' }, 'fairlead inventory -i other --hosts all');
    expect(listed.out).toBe('x-1\n');
  });

  it('says which file is not there', async () => {
    const files = { 'ansible.cfg': '[defaults]\ninventory = nowhere\n' };
    const { status, out, err } = await run(files, 'fairlead inventory --list');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain('nowhere: no such file or directory');
  });
});

describe('--hosts', () => {
  it('warns about a part that selects nothing, where another part selects something', async () => {
    const { status, out, err } = await run(
      { hosts: HOSTS },
      "fairlead inventory -i hosts --hosts 'web:!wbe-1'",
    );
    expect({ status, out }).toEqual({ status: 0, out: 'web-1\nweb-2\n' });
    expect(err).toBe(`warning[unknown-group]: group is not in the inventory
  the pattern "wbe-1" stands on the command line
  hosts has all, web, db
  hint: did you mean "web-1"?

`);
  });

  it('refuses a pattern that selects nothing at all', async () => {
    const { status, out, err } = await run({ hosts: HOSTS }, 'fairlead inventory -i hosts --hosts wbe');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain('error[unknown-group]');
    expect(err).not.toContain('warning');
  });
});

it('a key that is there twice is warned about once, by run too', async () => {
  const files = {
    hosts: 'local ansible_connection=local\n',
    'group_vars/all.yml': 'port: 80\nport: 81\n',
    'one.yml': '- hosts: all\n  tasks: [{debug: {msg: "{{port}}"}}]\n',
  };
  const warning = `warning[duplicate-key]: key is there twice
  group_vars/all.yml:2:1
  2 | port: 81
    | ^^^^
  "port" stands on line 1 already; what stands here counts

`;
  expect((await run(files, 'fairlead inventory -i hosts --list')).err).toBe(warning);
  const { status, out, err } = await run(files, 'fairlead run -i hosts one.yml one.yml');
  expect({ status, err }).toEqual({ status: 0, err: warning });
  expect(out).toContain('81');
});
