// cron on private machines, with a stand-in for crontab.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cron } from '../../src/modules/system/cron.ts';
import { PrivateMachine } from './support/private-machine.ts';
import { controller, SHELLS } from './support/this-machine.ts';

describe.each(SHELLS)('under %s', (shell) => {
  let machine: PrivateMachine;
  const table = (user = 'root') => machine.say(`cat /run/crontabs/${user}`);

  function twice(args: Parameters<typeof cron.prepare>[0]) {
    const first = machine.apply(cron, args);
    expect(first.conclusion).toEqual({ kind: 'changed' });
    expect(machine.apply(cron, args).verdict).toMatchObject({ kind: 'unchanged' });
    return first;
  }

  beforeAll(async () => {
    machine = await PrivateMachine.start({ shell });
  });
  afterAll(() => machine.stop());

  test('a job is added, changed, disabled and removed', () => {
    const { verdict } = twice({ name: 'back up', minute: 5, hour: '*/2', job: "tar 'it''s' \\%d $HOME" });
    expect(verdict).toMatchObject({ message: 'crontab: add the job back up', fields: { jobs: ['back up'] } });
    expect(table()).toBe("#Ansible: back up\n5 */2 * * * tar 'it''s' \\%d $HOME");
    twice({ name: 'at boot', special_time: 'reboot', job: 'true' });
    twice({ name: 'back up', minute: 6, job: 'tar', disabled: true });
    expect(table()).toBe('#Ansible: back up\n#6 * * * * tar\n#Ansible: at boot\n@reboot true');
    twice({ name: 'back up', state: 'absent' });
    expect(table()).toBe('#Ansible: at boot\n@reboot true');
  });

  test('variables stand above the jobs, where they are wanted', () => {
    twice({ name: 'PATH', env: true, job: '/bin' });
    twice({ name: 'MAILTO', env: true, job: 'me', insertafter: 'PATH' });
    twice({ name: 'SHELL', env: true, job: '/bin/sh', insertbefore: 'MAILTO' });
    twice({ name: 'PATH', env: true, job: '/bin:/sbin' });
    expect(table()).toBe('PATH="/bin:/sbin"\nSHELL="/bin/sh"\nMAILTO="me"\n#Ansible: at boot\n@reboot true');
    twice({ name: 'SHELL', env: true, state: 'absent' });
  });

  test('the table of another user is another table', () => {
    twice({ name: 'one', user: 'nobody', job: 'true' });
    expect(table('nobody')).toBe('#Ansible: one\n* * * * * true');
    expect(table()).not.toContain('one');
  });

  test('what crontab says no to is a failure, and the table stays', () => {
    const before = table();
    expect(machine.apply(cron, { name: 'bad', minute: 'never', job: 'true' }).conclusion).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('errors in crontab file'),
    });
    expect(table()).toBe(before);
    expect(machine.apply(cron, { name: 'bad', user: 'nobodys', job: 'true' }).verdict).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('unknown'),
    });
  });

  test('a file in /etc/cron.d has a user in each line, and goes with its last job', () => {
    twice({ name: 'one', cron_file: 'toy', user: 'www-data', special_time: 'daily', job: 'true' });
    expect(machine.say('cat /etc/cron.d/toy; stat -c "%U %a" /etc/cron.d/toy')).toBe(
      '#Ansible: one\n@daily www-data true\nroot 644',
    );
    const { verdict } = twice({
      name: 'one',
      cron_file: '/etc/cron.d/toy',
      user: 'root',
      job: 'false',
      backup: true,
    });
    const backup = verdict.kind === 'change' ? verdict.fields?.backup_file : undefined;
    expect(machine.say(`cat '${backup}'`)).toContain('@daily');
    twice({ name: 'one', cron_file: 'toy', state: 'absent' });
    expect(machine.run('test -e /etc/cron.d/toy').exitCode).toBe(1);
  });
});

test('a host without crontab is told so', async () => {
  const machine = await PrivateMachine.start({ shell: 'dash' });
  const { script } = cron.inspect(cron.prepare({ name: 'x', job: 'y' }, controller()));
  expect(machine.run(`PATH=/nowhere\n${script}`)).toMatchObject({
    exitCode: 127,
    stderr: 'crontab is not on this host\n',
  });
  await machine.stop();
});
