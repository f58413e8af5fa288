// known_hosts against ssh-keygen, which says whether a host is found and writes hashes of its own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownHosts } from '../../src/modules/system/known-hosts.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { runScript, SHELLS, temporaryFolder } from './support/this-machine.ts';
import { runTwice } from './support/twice.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ0mFmBdPa4NHYZqKLJbV4DSEYvzi0IpsqYBDFqiNuo';
const OTHER = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl0mFmBdPa4NHYZqKLJbV4DSEYvzi0IpsqYBDFqiNuo';

describe.each(SHELLS)('under %s', (shell) => {
  const folder = temporaryFolder();
  const path = () => join(folder.path, 'known');
  const run = (script: string) => runScript(script, { shell: 'dash' });
  const found = (name: string) => run(`ssh-keygen -F ${name} -f ${path()}`).stdout;
  const twice = (args: object) => runTwice(knownHosts, { name: 'web.lab', path: path(), ...args }, { shell });

  test('a key is added, changed and found by ssh', () => {
    twice({ key: `Web.lab,192.0.2.1 ${KEY} a comment` });
    expect(found('192.0.2.1')).toContain(`Web.lab,192.0.2.1 ${KEY}\n`);
    twice({ key: `web.lab ${OTHER}` });
    expect(found('web.lab')).toContain(OTHER);
    expect(found('192.0.2.1')).toBe('');
  });

  test('a name is hashed as ssh hashes it, and found in a hash that ssh made', () => {
    twice({ key: `web.lab ${OTHER}`, hash_host: true });
    expect(run(`cat ${path()}`).stdout).toMatch(/^\|1\|[^ ]+ ssh-ed25519 [^\n]*\n$/);
    expect(found('web.lab')).toContain(OTHER);
    writeFileSync(path(), `web.lab ${KEY}\n[web.lab]:2222 ${KEY}\n@revoked web.lab ${OTHER}\n`);
    run(`ssh-keygen -H -f ${path()}`);
    expect(
      runTwice(knownHosts, { name: '[web.lab]:2222', path: path(), state: 'absent' }, { shell }).verdict,
    ).toHaveProperty('message', `${path()}: 1 key removed`);
    expect(found('[web.lab]:2222')).toBe('');
    twice({ state: 'absent' });
    expect(run(`cat ${path()}`).stdout).toContain('@revoked');
  });
});

describe('in the home folder of whoever runs it', () => {
  let machine: PrivateMachine;
  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell: 'busybox sh', setup: 'mount -t tmpfs tmpfs /root' });
  });
  afterAll(() => machine.stop());

  test('folder and file are made, the folder closed to others', () => {
    const args = { name: 'web', key: KEY };
    expect(machine.apply(knownHosts, args).conclusion).toEqual({ kind: 'changed' });
    expect(machine.apply(knownHosts, args).verdict).toMatchObject({
      kind: 'unchanged',
      fields: { path: '/root/.ssh/known_hosts' },
    });
    expect(machine.say('cat /root/.ssh/known_hosts; stat -c %a /root/.ssh /root/.ssh/known_hosts')).toBe(
      `web ${KEY}\n700\n644`,
    );
  });
});
