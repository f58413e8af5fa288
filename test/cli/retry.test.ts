// fairlead run --retry LAST and --limit @FILE: who is run on again, and what is remembered where.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { VaultFolder } from './support/vault-folder.ts';

vi.setConfig({ testTimeout: 30_000 });

const FILES = {
  'hosts.ini': '[all:vars]\nansible_connection=local\n[web]\nweb-[1:4]\n',
  'site.yml': `
- hosts: web
  serial: [3, 1]
  tasks:
    - command: test -e {{playbook_dir}}/{{inventory_hostname}}
`,
  'fatal.yml': `
- hosts: web
  serial: 1
  tasks:
    - command: test -e {{playbook_dir}}/{{inventory_hostname}}
`,
  'second.yml': '- hosts: web\n  tasks: [{command: "true"}]\n',
};

function retryFolder() {
  const folder = new VaultFolder(FILES);
  const environment = { XDG_STATE_HOME: folder.file('state') };
  const run = async (...words: string[]) => {
    process.chdir(folder.path);
    const said = await folder.run(['run', '-i', 'hosts.ini', ...words], { environment });
    const [, first = ''] = /^play .*: (\d+) hosts?$/m.exec(said.out) ?? [];
    return { hosts: first, ...said };
  };
  const records = () =>
    readdirSync(folder.file('state/fairlead/runs')).map((name) =>
      readFileSync(folder.file(`state/fairlead/runs/${name}`), 'utf8'),
    );
  return { folder, run, records };
}

test('only hosts that did not end well are run on again, until there are none', async () => {
  const { folder, run, records } = retryFolder();
  for (const host of ['web-1', 'web-3']) folder.write(host, '');
  expect(await run('site.yml')).toMatchObject({ status: 1, hosts: '4' });
  expect(records()).toEqual([`{"playbook":"${folder.file('site.yml')}","hosts":["web-2","web-4"]}\n`]);
  folder.write('web-2', '');
  // A rehearsal is no run: the record stays.
  expect(await run('--check', '--retry', 'LAST', 'site.yml')).toMatchObject({ hosts: '2' });
  expect(await run('--retry', 'LAST', 'site.yml')).toMatchObject({ status: 1, hosts: '2' });
  expect(await run('--retry', 'LAST', '-l', 'web-1', 'site.yml')).toMatchObject({
    status: 0,
    out: '',
    err: 'site.yml: nothing to retry\n',
  });
  folder.write('web-4', '');
  expect(await run('--retry', 'LAST', 'site.yml')).toMatchObject({ status: 0, hosts: '1' });
  expect(await run('--retry', 'LAST', 'site.yml')).toMatchObject({
    status: 0,
    out: '',
    err: 'site.yml: nothing to retry\n',
  });
  // Nothing stands beside the playbook, and what is kept is the user's alone.
  expect(folder.names().filter((name) => /retry|fairlead/.test(name))).toEqual([]);
  expect(statSync(folder.file('state/fairlead/runs')).mode & 0o077).toBe(0);
});

test('hosts that the rollout did not come to are run on, and playbooks behind the one that failed', async () => {
  const { folder, run } = retryFolder();
  folder.write('web-1', '');
  expect(await run('fatal.yml', 'second.yml')).toMatchObject({ status: 1 });
  for (const host of ['web-2', 'web-3', 'web-4']) folder.write(host, '');
  const again = await run('--retry', 'LAST', 'fatal.yml', 'second.yml');
  expect(again.out.match(/^play .*$/gm)).toEqual(['play web: 3 hosts', 'play web: 4 hosts']);
  expect(again.status).toBe(0);
});

test('a playbook that has not been run has nothing to retry', async () => {
  const { run } = retryFolder();
  expect(await run('--retry', 'LAST', 'site.yml')).toMatchObject({
    status: 0,
    err: 'site.yml: nothing to retry\n',
  });
});

test('a record that cannot be read is an error, one that cannot be written is told', async () => {
  const { folder, run } = retryFolder();
  await run('second.yml');
  const runs = folder.file('state/fairlead/runs');
  writeFileSync(join(runs, readdirSync(runs)[0] ?? ''), '{"hosts": 1}');
  const broken = await run('--retry', 'LAST', 'second.yml');
  expect(broken).toMatchObject({ status: 2, out: '' });
  expect(broken.err).toMatch(/the record of the last run cannot be read\n {2}.*: it is no record of a run\n/);
  folder.write('blocked', '');
  const { status, err } = await folder.run(['run', '-i', 'hosts.ini', 'second.yml'], {
    environment: { XDG_STATE_HOME: folder.file('blocked') },
  });
  expect(status).toBe(0);
  expect(err).toMatch(/^--retry will not know of this run: /);
});

test('--limit @FILE takes a pattern from each line', async () => {
  const { folder, run } = retryFolder();
  folder.write('some', 'web-2\n\n web-4 \n');
  expect(await run('-l', '@some', 'second.yml')).toMatchObject({ status: 0, hosts: '2' });
  expect(await run('-l', '@some,web-1,!web-2', 'second.yml')).toMatchObject({ status: 0, hosts: '2' });
  folder.write('none', '\n');
  expect((await run('-l', '@none', 'second.yml')).err).toContain('--limit @none: the file names no host');
  expect(await run('-l', '@nowhere', 'second.yml')).toMatchObject({ status: 2, out: '' });
});
