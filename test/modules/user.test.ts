// user and group on private machines: with this one's useradd, and with what BusyBox has (adduser and the like by
// stand-ins that know the same options and no others).
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { group } from '../../src/modules/system/group.ts';
import { user } from '../../src/modules/system/user.ts';
import { PrivateMachine } from './support/private-machine.ts';

const STAND_INS = fileURLToPath(new URL('support/busybox-accounts', import.meta.url));
const HASH = '$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.';
const PLACES = 'for place in /home /var/mail /var/log; do mount -t tmpfs tmpfs "$place"; done';
const WORLDS = {
  shadow: PLACES,
  busybox: `${PLACES}
mount -t tmpfs tmpfs /usr/local/sbin
cp ${STAND_INS}/* /usr/local/sbin
for tool in awk chmod chown cp id mkdir; do ln -s "$(command -v busybox)" "/usr/local/sbin/$tool"; done
for tool in useradd usermod userdel groupadd groupmod groupdel; do mount --bind /dev/null "/usr/sbin/$tool"; done`,
} as const;

describe.each([
  ['shadow', 'dash'],
  ['shadow', 'busybox sh'],
  ['busybox', 'dash'],
  ['busybox', 'busybox sh'],
] as const)('with the programs of %s under %s', (world, shell) => {
  let machine: PrivateMachine;
  const passwd = (name: string) => machine.say(`grep '^${name}:' /etc/passwd || :`);
  const groupsOf = (name: string) => machine.say(`id -Gn ${name}`).split(' ').sort();
  const hashOf = (name: string) => machine.say(`grep '^${name}:' /etc/shadow`).split(':')[1];

  /** What it did the first time; the second time there is nothing to do. */
  function twice(args: object) {
    const first = machine.apply(user, { name: 'web', ...args });
    expect(first.conclusion).toMatchObject({ kind: 'changed' });
    expect(machine.apply(user, { name: 'web', ...args }).verdict).toMatchObject({ kind: 'unchanged' });
    return first;
  }

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell, setup: WORLDS[world] });
  });
  afterAll(() => machine.stop());

  test('a group is made with its number, once', () => {
    const args = { name: 'editors', gid: 4242 };
    expect(machine.apply(group, args).conclusion).toEqual({ kind: 'changed', fields: { gid: 4242 } });
    expect(machine.apply(group, args).verdict).toMatchObject({ kind: 'unchanged', fields: { gid: 4242 } });
    expect(machine.say('grep ^editors: /etc/group')).toBe('editors:x:4242:');
    machine.apply(group, { name: 'readers', system: true });
    expect(Number(machine.say('grep ^readers: /etc/group').split(':')[2])).toBeLessThan(1000);
  });

  test('the number of a group changes, where the host has a program for it', () => {
    const { verdict, conclusion } = machine.apply(group, { name: 'editors', gid: 4243 });
    if (world === 'shadow') expect(conclusion).toEqual({ kind: 'changed', fields: { gid: 4243 } });
    else
      expect(verdict).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('from 4242 to 4243'),
      });
  });

  test('a user is made with all that is said of it, once', () => {
    const { conclusion } = twice({
      uid: 4300,
      comment: "it's the web",
      shell: '/bin/sh',
      home: '/home/of/web',
      groups: ['editors', 'readers'],
      password: HASH,
    });
    expect(conclusion).toMatchObject({
      fields: { uid: 4300, home: '/home/of/web', password: 'NOT_LOGGING_PASSWORD' },
    });
    expect(passwd('web')).toMatch(/^web:x:4300:\d+:it's the web:\/home\/of\/web:\/bin\/sh$/);
    expect(groupsOf('web')).toEqual(['editors', 'readers', 'web']);
    expect(hashOf('web')).toBe(HASH);
    expect(machine.say('stat -c %U /home/of/web')).toBe('web');
  });

  test('groups are added with append, and otherwise are all there are', () => {
    machine.apply(group, { name: 'third' });
    twice({ groups: 'third', append: true });
    expect(groupsOf('web')).toEqual(['editors', 'readers', 'third', 'web']);
    twice({ groups: 'third,editors' });
    expect(groupsOf('web')).toEqual(['editors', 'third', 'web']);
    twice({ groups: [] });
    expect(groupsOf('web')).toEqual(['web']);
  });

  test('a password is locked, changed while locked, and unlocked', () => {
    twice({ password_lock: true });
    expect(hashOf('web')).toBe(`!${HASH}`);
    const other = HASH.replace('salt', 'pepper');
    const { verdict, script } = twice({ password: other });
    expect(hashOf('web')).toBe(`!${other}`);
    expect(JSON.stringify(verdict)).not.toContain('pepper');
    expect(script?.split('\n').filter((line) => line.includes('pepper'))).toEqual([
      expect.stringMatching(/^printf .* \| chpasswd -e/),
    ]);
    twice({ password_lock: false });
    expect(hashOf('web')).toBe(other);
    twice({ password: '!' });
    expect(hashOf('web')).toBe('!');
    expect(machine.apply(user, { name: 'web', password_lock: false }).verdict.kind).toBe('unchanged');
    twice({ password: HASH });
    expect(
      machine.apply(user, { name: 'web', password: HASH, update_password: 'on_create' }).verdict.kind,
    ).toBe('unchanged');
  });

  test('a home folder that is missing is made again, as the skeleton is', () => {
    machine.say('rm -r /home/of/web; mkdir -p /etc/skel/sub; ln -s /etc/shadow /etc/skel/sub/link');
    twice({});
    expect(machine.say('cd /home/of/web; stat -c %U:%G . sub sub/link .profile')).toBe(
      'web:web\nweb:web\nweb:web\nweb:web',
    );
    expect(machine.say('stat -c %U /etc/shadow')).toBe('root');
    expect(machine.apply(user, { name: 'web', create_home: false, home: '/home/of/web' }).verdict.kind).toBe(
      'unchanged',
    );
  });

  test('what else an account has changes, where the host has a program for it', () => {
    const args = {
      shell: '/bin/bash',
      comment: '',
      expires: 1_893_456_000,
      home: '/home/web',
      move_home: true,
    };
    if (world === 'busybox') {
      const { verdict } = machine.apply(user, { name: 'web', ...args });
      expect(verdict).toMatchObject({
        kind: 'failed',
        message: 'BusyBox has no program that can change the comment, home, shell, expires of an account',
      });
      return;
    }
    machine.say('echo kept >/home/of/web/kept; chown web /home/of/web/kept');
    twice(args);
    expect(passwd('web')).toMatch(/::\/home\/web:\/bin\/bash$/);
    expect(machine.say('cat /home/web/kept; ls /home/of')).toBe('kept');
    expect(machine.say('grep ^web: /etc/shadow').split(':')[7]).toBe('21915');
    twice({ expires: -1, uid: 4301, group: 'third' });
    expect(machine.say('grep ^web: /etc/shadow').split(':')[7]).toBe('');
    expect(machine.say('stat -c %u /home/web/kept')).toBe('4301');
    twice({ home: '/home/elsewhere' });
    expect(machine.say('stat -c %u:%G /home/elsewhere; ls /home/web/kept')).toBe(
      '4301:third\n/home/web/kept',
    );
  });

  test('a user whose name a group has already gets a group all the same', () => {
    machine.apply(group, { name: 'staffed' });
    expect(
      machine.apply(user, { name: 'staffed', system: true, create_home: false }).conclusion,
    ).toMatchObject({
      kind: 'changed',
      fields: { home: '/home/staffed' },
    });
    expect(Number(passwd('staffed').split(':')[2])).toBeLessThan(1000);
    expect(machine.run('test -e /home/staffed').exitCode).toBe(1);
  });

  test('a group that is missing is a failure before anything is done', () => {
    expect(machine.apply(user, { name: 'other', groups: ['nobodys'] }).verdict).toMatchObject({
      kind: 'failed',
      message: 'there is no group nobodys on the host',
    });
  });

  if (world === 'shadow') {
    test('a command that fails says why', () => {
      expect(machine.apply(user, { name: 'other', uid: 0 }).conclusion).toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('0 is not unique'),
      });
    });
  }

  test('a user and a group are removed, with the home where so asked', () => {
    expect(machine.apply(user, { name: 'staffed', state: 'absent' }).conclusion?.kind).toBe('changed');
    twice({ state: 'absent', remove: true });
    expect(passwd('web')).toBe('');
    expect(machine.run('test -e /home/of/web || test -e /home/elsewhere').exitCode).toBe(1);
    expect(machine.apply(group, { name: 'editors', state: 'absent' }).conclusion).toEqual({
      kind: 'changed',
      fields: {},
    });
    expect(machine.apply(group, { name: 'editors', state: 'absent' }).verdict.kind).toBe('unchanged');
  });
});

test('a host without any of these programs is told so', async () => {
  const machine = await PrivateMachine.start({
    shell: 'dash',
    setup: 'for tool in useradd adduser; do mount --bind /dev/null "/usr/sbin/$tool"; done',
  });
  expect(machine.apply(user, { name: 'web' }).verdict).toMatchObject({
    kind: 'failed',
    message: 'the host has no program that keeps accounts: neither useradd nor adduser',
  });
  expect(machine.apply(user, { name: 'web', state: 'absent' }).verdict.kind).toBe('unchanged');
  await machine.stop();
});
