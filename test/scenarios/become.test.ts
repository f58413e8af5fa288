// Another user by sudo, su and doas, with a password and with a wrong one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project, sumOf } from './support/program.ts';
import { onHost, scenarioLab } from './support/scenario-lab.ts';

const PASSWORD = `pa$$ 'w"rd`;

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('become', 1);
  await onHost(
    lab,
    'edge-1',
    `sed -i 's/pam_unix.so/& nodelay/' /etc/pam.d/common-auth
    useradd -m -s /bin/sh admin && useradd -m -s /bin/sh web
    printf '%s\\n' 'admin:${PASSWORD.replaceAll("'", `'\\''`)}' 'root:${PASSWORD.replaceAll("'", `'\\''`)}' | chpasswd
    cp -R /root/.ssh /home/admin/ && chown -R admin: /home/admin/.ssh
    echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin
    echo 'permit admin' >/etc/doas.conf && chmod 0400 /etc/doas.conf`,
  );
});

afterAll(() => lab.down());

function project(method: string, password: string): Project {
  return new Project(
    {
      'site.yml': `
- hosts: edge
  name: as somebody else
  gather_facts: false
  become: true
  become_method: ${method}
  tasks:
    - name: who
      command: id -un
      register: who
      changed_when: false
    - name: a file of root's
      copy: { content: "by {{who.stdout}}\\n", dest: /etc/scenario-small-${method}, mode: "0640" }
    - name: a large file of root's
      copy: { src: large, dest: /etc/scenario-large-${method}, mode: "0600" }
`,
      large: 'x'.repeat(300_000),
      'vars.json': JSON.stringify({ ansible_user: 'admin', ansible_become_password: password }),
    },
    lab,
  );
}

const RUN = ['run', 'site.yml', '-e', '@vars.json'] as const;

describe.each(['sudo', 'su', 'doas'])('%s', (method) => {
  it("with the password makes files that are root's", async () => {
    const made = project(method, PASSWORD);
    const said = await made.run(...RUN);
    expect(said.replaceAll(`-${method}`, '-METHOD')).toBe(`exit 0
--- stdout
play as somebody else: 1 host
edge-1    changed       a file of root's: create /etc/scenario-small-METHOD, mode 0640
edge-1    changed       a large file of root's: create /etc/scenario-large-METHOD, mode 0600

host      ok  changed  skipped  failed  state
edge-1     1        2        0       0  2 changes made

1 host: all ok, 2 changed, N s
`);
    expect(sumOf(await made.run(...RUN))).toBe('exit 0, 0 changed');
    const files = `cd /etc; stat -c '%n %U %a %s' scenario-*${method}; cat scenario-small-${method}`;
    expect(await onHost(lab, 'edge-1', files)).toBe(
      `scenario-large-${method} root 600 300000\nscenario-small-${method} root 640 8\nby root\n`,
    );
  });

  it('with a wrong password is refused, and nothing ran', async () => {
    await onHost(lab, 'edge-1', `rm -f /etc/scenario-*`);
    const said = await project(method, 'wrong').run(...RUN);
    expect(said).toBe(`exit 1
--- stdout
play as somebody else: 1 host
edge-1    failed        who: ${method} did not accept the password
    command at site.yml:8:7
    hint: check ansible_become_password

host      ok  changed  skipped  failed  state
edge-1     0        0        0       1  failed, nothing was changed

1 host: 0 ok, 1 failed, 0 changed, N s
`);
    expect(await onHost(lab, 'edge-1', 'cd /etc; echo scenario-*')).toBe('scenario-*\n');
  });
});

it('a task can become a user who is neither root nor the one who logs in', async () => {
  const made = new Project(
    {
      'site.yml': `
- hosts: edge
  name: as web
  tasks:
    - name: a file of web's
      copy: { content: "1\\n", dest: /home/web/file }
      become: true
      become_user: web
`,
    },
    lab,
  );
  const run = () => made.run('run', 'site.yml', '-e', `ansible_become_password=${JSON.stringify(PASSWORD)}`);
  expect(sumOf(await run())).toBe('exit 0, 1 changed');
  expect(sumOf(await run())).toBe('exit 0, 0 changed');
  expect(await onHost(lab, 'edge-1', 'stat -c "%U:%G" /home/web/file')).toBe('web:web\n');
});
