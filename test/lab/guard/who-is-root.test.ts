// The guard is root's business: whoever logs in and whoever makes the changes may be somebody else.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { GuardLab } from '../support/guard-lab.ts';

const HOST = 'edge-1';
const PASSWORD = `pa$$ 'w"rd`;
const FILES = ['/home/admin/file', '/home/web/file'];

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('who-is-root');
  const quoted = PASSWORD.replaceAll("'", `'\\''`);
  await guard.role.onHost(
    HOST,
    `sed -i 's/pam_unix.so/& nodelay/' /etc/pam.d/common-auth
    useradd -m -s /bin/sh admin && useradd -m -s /bin/sh web
    printf '%s\\n' 'admin:${quoted}' 'root:${quoted}' | chpasswd
    cp -R /root/.ssh /home/admin/ && chown -R admin: /home/admin/.ssh
    echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin
    echo 'permit admin' >/etc/doas.conf && chmod 0400 /etc/doas.conf`,
  );
});

afterAll(() => guard.down());

beforeEach(async () => {
  await guard.role.onHost(HOST, `rm -f ${FILES.join(' ')}; ip rule del priority 99 2>/dev/null || :`);
});

const AS_ADMIN = `- command: touch ${FILES[0]}\n  args: { creates: ${FILES[0]} }`;
const RULE = '- ip_rule: { priority: 99, from: 198.51.100.7, table: 77 }';
const run = (tasks: string, { keys = '', user = 'admin', password = PASSWORD } = {}) => {
  const vars = guard.write(
    'vars.json',
    JSON.stringify({ ansible_user: user, ansible_become_password: password }),
  );
  return guard.run(guard.playbook(tasks, { keys }), '-v', '-e', `@${vars}`);
};
const there = async () =>
  (await guard.role.onHost(HOST, `ls ${FILES.join(' ')} 2>/dev/null || :; ip rule show priority 99`))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/:.*/, ''));

it.each(['sudo', 'su', 'doas'])('the play becomes root by %s', async (method) => {
  const keys = `  become: true\n  become_method: ${method}\n`;
  const said = await run(RULE, { keys });
  expect({ exitCode: said.exitCode, stderr: said.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(said.stdout).toMatch(/^edge-1 +confirmed/m);
  expect(await there()).toEqual(['99']);
  expect((await run(RULE, { keys })).stdout).toMatch(/ 0 changed/);
});

it('only a later task does: what comes before it is guarded all the same', async () => {
  const tasks = `${AS_ADMIN}\n${RULE}\n  become: true`;
  const said = await run(tasks);
  expect({ exitCode: said.exitCode, stderr: said.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(said.stdout.match(/^edge-1 +confirmed/gm)).toHaveLength(1);
  expect(await there()).toEqual([FILES[0], '99']);
  expect(await guard.role.onHost(HOST, `stat -c %U ${FILES[0]}`)).toBe('admin\n');
});

it('goes back where a task of somebody else fails', async () => {
  const tasks = `${RULE}\n  become: true\n- command: "false"`;
  const said = await run(tasks);
  expect(said.exitCode).toBe(1);
  expect(said.stdout).toMatch(/^edge-1 +rolled back +a task failed$/m);
  expect(await there()).toEqual([]);
});

it('with the way to root barred nothing is changed', async () => {
  const said = await run(`${AS_ADMIN}\n${RULE}\n  become: true`, { password: 'wrong' });
  expect(said.exitCode).toBe(1);
  expect(said.stdout).toMatch(/sudo did not accept the password/);
  expect(await there()).toEqual([]);
});

it('with no way to root nothing is changed, and it says what to do', async () => {
  const said = await run(AS_ADMIN);
  expect(said.exitCode).toBe(1);
  expect(said.stdout).toMatch(
    /nothing was changed, for the way back cannot be prepared: the guard needs root/,
  );
  expect(said.stdout).toMatch(/hint: say become: true on the play, or guard: off/);
  expect(await there()).toEqual([]);
});

it.each(['admin', 'root'])('a task becomes a third one, %s logs in', async (user) => {
  const tasks = `- copy: { dest: ${FILES[1]}, content: "1" }\n  become: true\n  become_user: web`;
  const said = await run(tasks, { user });
  expect({ exitCode: said.exitCode, stderr: said.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(said.stdout).toMatch(/^edge-1 +confirmed/m);
  expect(await guard.role.onHost(HOST, `stat -c %U ${FILES[1]}`)).toBe('web\n');
  await guard.role.onHost(HOST, `rm ${FILES[1]}`);
  const failing = await run(`${tasks}\n- command: "false"`, { user });
  expect(failing.stdout).toMatch(/^edge-1 +rolled back +a task failed$/m);
  expect(await there()).toEqual([]);
});
