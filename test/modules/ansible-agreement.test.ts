// Where Ansible's own modules are on this machine: what they have made is left alone by ours of the same name, and what
// ours have made by theirs. On a private machine, so that neither touches this one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostModule } from '../../src/modules/module.ts';
import { cron } from '../../src/modules/system/cron.ts';
import { group } from '../../src/modules/system/group.ts';
import { knownHosts } from '../../src/modules/system/known-hosts.ts';
import { user } from '../../src/modules/system/user.ts';
import { PrivateMachine } from './support/private-machine.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZ0mFmBdPa4NHYZqKLJbV4DSEYvzi0IpsqYBDFqiNuo';
const PLACES = `for place in /home /root /var/mail /var/log; do mount -t tmpfs tmpfs "$place"; done
groupadd editors
printf 'db.lab %s\\n' '${KEY}' >/root/known`;

interface Wish {
  readonly module: HostModule<never, never, never>;
  readonly args: Readonly<Record<string, unknown>>;
}

const wish = <Args, Wanted, Changes>(module: HostModule<Args, Wanted, Changes>, args: Args): Wish => ({
  module: module as unknown as HostModule<never, never, never>,
  args: args as Readonly<Record<string, unknown>>,
});

const WISHES: readonly (readonly [string, Wish])[] = [
  ['a job', wish(cron, { name: 'back up', minute: '5', job: 'tar "a b" | gzip' })],
  ['a disabled job', wish(cron, { name: 'off', special_time: 'daily', job: 'x', disabled: true })],
  ['a variable', wish(cron, { name: 'MAILTO', env: true, job: 'me' })],
  ['a job in a file', wish(cron, { name: 'x', cron_file: 'toy', user: 'root', job: 'true' })],
  ['a group', wish(group, { name: 'crew', gid: 4400 })],
  [
    'a user',
    wish(user, {
      name: 'web',
      uid: 4300,
      groups: ['editors'],
      shell: '/bin/sh',
      comment: 'a b',
      expires: 1893456000,
    }),
  ],
  ['a locked user', wish(user, { name: 'shut', system: true, create_home: false, password: '!' })],
  ['a known host', wish(knownHosts, { name: 'web.lab', key: `web.lab ${KEY}`, path: '/root/known' })],
  [
    'a hashed one',
    wish(knownHosts, { name: 'x.lab', key: `x.lab ${KEY}`, path: '/root/known', hash_host: true }),
  ],
  ['a forgotten one', wish(knownHosts, { name: 'db.lab', state: 'absent', path: '/root/known' })],
];

describe('with Ansible', () => {
  let ours: PrivateMachine;
  let theirs: PrivateMachine;

  /** Whether each task changed something, as Ansible says. */
  function play(machine: PrivateMachine): readonly boolean[] {
    const tasks = WISHES.map(([name, { module, args }]) => ({ name, [module.name]: args }));
    const playbook = JSON.stringify([
      { hosts: 'localhost', connection: 'local', gather_facts: false, tasks },
    ]);
    machine.say(`cat >/root/play.yml <<'END'\n${playbook}\nEND`);
    const { stdout } = machine.run('HOME=/root LC_ALL=C.UTF-8 ansible-playbook /root/play.yml 2>&1');
    const outcomes = [...stdout.matchAll(/^(ok|changed|fatal|failed): \[localhost\].*$/gm)];
    if (outcomes.some(([, word]) => word === 'fatal' || word === 'failed') || outcomes.length === 0) {
      throw new Error(stdout);
    }
    return outcomes.map(([, word]) => word === 'changed');
  }

  const apply = (machine: PrivateMachine, { module, args }: Wish) => machine.apply(module, args as never);

  beforeAll(async () => {
    ours = await PrivateMachine.start({ shell: 'dash', setup: PLACES });
    theirs = await PrivateMachine.start({ shell: 'dash', setup: PLACES });
    expect(play(theirs)).toEqual(WISHES.map(() => true));
  }, 60_000);
  afterAll(async () => {
    await ours.stop();
    await theirs.stop();
  });

  test.each(WISHES)('%s that Ansible made is as wanted', (_name, each) => {
    expect(apply(theirs, each).verdict).toMatchObject({ kind: 'unchanged' });
  });

  test('what we made is as Ansible wants it', { timeout: 60_000 }, () => {
    for (const [, each] of WISHES) expect(apply(ours, each).conclusion).toMatchObject({ kind: 'changed' });
    expect(play(ours)).toEqual(WISHES.map(() => false));
  });

  test('both leave the same crontabs', () => {
    const tables = 'cat /run/crontabs/root /etc/cron.d/toy';
    expect(ours.say(tables)).toBe(theirs.say(tables));
  });
});
