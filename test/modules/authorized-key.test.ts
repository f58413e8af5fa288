// authorized_key for users of private machines, in homes and elsewhere. What sshd makes of it is asked of ssh-keygen.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizedKey } from '../../src/modules/system/authorized-key.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { SHELLS } from './support/this-machine.ts';

const ONE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ0mFmBdPa4NHYZqKLJbV4DSEYvzi0IpsqYBDFqiNuo';
const TWO = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl0mFmBdPa4NHYZqKLJbV4DSEYvzi0IpsqYBDFqiNuo';

describe.each(SHELLS)('under %s', (shell) => {
  let machine: PrivateMachine;
  const keys = () => machine.say('cat /home/web/.ssh/authorized_keys');
  const modes = () => machine.say('cd /home/web; stat -c "%U:%G %a" .ssh .ssh/authorized_keys');

  function twice(args: object) {
    const all = { user: 'web', key: ONE, ...args };
    const first = machine.apply(authorizedKey, all);
    expect(first.conclusion).toEqual({ kind: 'changed' });
    expect(machine.apply(authorizedKey, all).verdict).toMatchObject({ kind: 'unchanged' });
    return first;
  }

  beforeAll(async () => {
    machine = await PrivateMachine.start({
      shell,
      setup: 'mount -t tmpfs tmpfs /home; useradd -m web; useradd -d /nowhere homeless',
    });
  });
  afterAll(() => machine.stop());

  test('the first key makes folder and file, for the user alone', () => {
    const { verdict } = twice({ key: `${ONE} me@there` });
    expect(verdict).toMatchObject({ fields: { keyfile: '/home/web/.ssh/authorized_keys' } });
    expect(keys()).toBe(`${ONE} me@there`);
    expect(modes()).toBe('web:web 700\nweb:web 600');
    expect(machine.say('ssh-keygen -lf /home/web/.ssh/authorized_keys')).toContain('me@there (ED25519)');
  });

  test('more keys go to the end, and what is there stays, bytes that are no text too', () => {
    machine.say(`printf '# mine\\nfrom="10.0.0.0/8" ${TWO} \\377\\n' >>/home/web/.ssh/authorized_keys`);
    twice({ key: `${ONE} again`, key_options: 'no-pty,command="echo \\"a b\\""' });
    expect(machine.say('od -An -c /home/web/.ssh/authorized_keys')).toContain('377');
    expect(keys().split('\n')[0]).toBe(`no-pty,command="echo \\"a b\\"" ${ONE} again`);
    expect(machine.say('ssh-keygen -lf /home/web/.ssh/authorized_keys').split('\n')).toHaveLength(2);
  });

  test('exclusive leaves comments, and no other key', () => {
    twice({ key: `${ONE} only`, exclusive: true });
    expect(keys()).toBe(`${ONE} only\n# mine`);
  });

  test('absent removes a key whatever stands around it', () => {
    twice({ state: 'absent' });
    expect(keys()).toBe('# mine');
    expect(machine.apply(authorizedKey, { user: 'homeless', key: ONE, state: 'absent' }).verdict.kind).toBe(
      'unchanged',
    );
  });

  test('owners and modes that sshd would not heed are put right', () => {
    twice({});
    machine.say(
      'chown root /home/web/.ssh; chmod 777 /home/web/.ssh; chmod 644 /home/web/.ssh/authorized_keys',
    );
    const { verdict } = twice({});
    expect(verdict).toHaveProperty(
      'message',
      '/home/web/.ssh/authorized_keys: owner web, mode 0600, /home/web/.ssh: owner web, mode 0700',
    );
    expect(modes()).toBe('web:web 700\nweb:web 600');
  });

  test('a path elsewhere gets its folder, and a folder that is there is left alone', () => {
    twice({ path: '/etc/ssh/keys/web' });
    expect(machine.say('stat -c "%U %a" /etc/ssh/keys /etc/ssh/keys/web')).toBe('web 700\nweb 600');
    const before = machine.say('stat -c "%U %a" /etc/ssh');
    twice({ path: '/etc/ssh/web.keys' });
    expect(machine.say('stat -c "%U %a" /etc/ssh')).toBe(before);
    expect(
      machine.apply(authorizedKey, { user: 'web', key: ONE, path: '/etc/no/keys', manage_dir: false })
        .verdict,
    ).toMatchObject({ kind: 'failed', message: 'the folder /etc/no does not exist' });
  });

  test('a link gives way, or stays where so asked', () => {
    machine.say('cd /home/web/.ssh; rm authorized_keys; : >real; ln -s real authorized_keys');
    twice({ follow: true });
    expect(machine.say('cd /home/web/.ssh; readlink authorized_keys; cat real')).toBe(`real\n${ONE}`);
    twice({ key: TWO });
    expect(machine.say('cd /home/web/.ssh; stat -c %F authorized_keys; cat real')).toBe(
      `regular file\n${ONE}`,
    );
  });

  test('without a user or a home it fails, and says so', () => {
    expect(machine.apply(authorizedKey, { user: 'nobodys', key: ONE }).verdict).toMatchObject({
      kind: 'failed',
      message: 'there is no user nobodys on the host',
    });
    expect(machine.apply(authorizedKey, { user: 'homeless', key: ONE }).verdict).toMatchObject({
      kind: 'failed',
      message: 'homeless has no home folder: /nowhere cannot be entered',
    });
  });
});
