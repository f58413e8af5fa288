// Hosts that cannot be reached, each in its own way, and what that means for the others.
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, newKey, startServer, startSilentServer, type TestServer } from '../host/ssh-server.ts';
import { Project, sumOf } from './support/program.ts';

const servers: { close(): unknown }[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function server(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const started = await startServer(options);
  servers.push(started);
  return started;
}

const COPY = `
- hosts: all
  name: motd
  gather_facts: false
  tasks:
    - name: say who it is
      copy: { content: "{{inventory_hostname}}\\n", dest: "{{folder}}/motd-{{inventory_hostname}}" }
`;

/** Three hosts on 127.0.0.1 by port; the key that all of them let in, and known_hosts, are the project's. */
function project(ports: Readonly<Record<string, number>>, known: readonly TestServer[]): Project {
  const made = new Project({
    'site.yml': COPY,
    key: newKey().private,
    '.ssh/known_hosts': known.map(({ port, hostKey }) => `[127.0.0.1]:${port} ${hostKey.public}\n`).join(''),
  });
  const hosts = Object.entries(ports).map(([name, port]) => `${name} ansible_port=${port}\n`);
  made.write(
    'hosts.ini',
    `${hosts.join('')}
[all:vars]
ansible_host=127.0.0.1
ansible_user=root
ansible_ssh_private_key_file=${made.path('key')}
folder=${made.folder}
`,
  );
  return made;
}

const RUN = ['run', '-i', 'hosts.ini', 'site.yml'] as const;

describe('one of three hosts', () => {
  it('refuses the connection: the others get their changes', async () => {
    const [one, three] = [await server(), await server()];
    const made = project({ one: one.port, two: await freePort(), three: three.port }, [one, three]);
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 3 hosts
      one       changed       say who it is: create HOME/motd-one, mode 0644
      three     changed       say who it is: create HOME/motd-three, mode 0644
      two       unreachable   127.0.0.1:PORT refused the connection
          hint: is sshd running, and on this port?

      host     ok  changed  skipped  failed  state
      one       0        1        0       0  1 change made
      two       0        0        0       0  unreachable, nothing was changed
      three     0        1        0       0  1 change made

      3 hosts: 2 ok, 1 unreachable, 2 changed, N s
      "
    `);
    expect(made.read('motd-one') + made.read('motd-three')).toBe('one\nthree\n');
    expect(sumOf(await made.run(...RUN, '--limit', '!two'))).toBe('exit 0, 0 changed');
  });

  it('accepts the connection and stays silent: given up after the timeout', async () => {
    const one = await server();
    const silent = await startSilentServer();
    servers.push(silent);
    const made = project({ one: one.port, two: silent.port }, [one]);
    expect(await made.run(...RUN, '-T', '1')).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 2 hosts
      one       changed       say who it is: create HOME/motd-one, mode 0644
      two       unreachable   127.0.0.1:PORT accepts connections but did not finish the SSH handshake within 1 s

      host    ok  changed  skipped  failed  state
      one      0        1        0       0  1 change made
      two      0        0        0       0  unreachable, nothing was changed

      2 hosts: 1 ok, 1 unreachable, 1 changed, N s
      "
    `);
    expect(made.read('motd-one')).toBe('one\n');
  });

  it('has a name that does not resolve', async () => {
    const one = await server();
    const made = project({ one: one.port, two: 22 }, [one]);
    // Longer than a name in DNS may be, so that no server of names is asked.
    made.write('host_vars/two.yml', `ansible_host: ${'long-'.repeat(20)}name\n`);
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 2 hosts
      one       changed       say who it is: create HOME/motd-one, mode 0644
      two       unreachable   the name "long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-name" does not resolve
          hint: check ansible_host

      host    ok  changed  skipped  failed  state
      one      0        1        0       0  1 change made
      two      0        0        0       0  unreachable, nothing was changed

      2 hosts: 1 ok, 1 unreachable, 1 changed, N s
      "
    `);
  });

  it('hangs up instead of answering', async () => {
    const one = await server();
    const rude = createServer((socket) => socket.once('data', () => socket.end()));
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
    servers.push(rude);
    const address = rude.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const made = project({ one: one.port, two: port }, [one]);
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 2 hosts
      one       changed       say who it is: create HOME/motd-one, mode 0644
      two       unreachable   127.0.0.1:PORT ended the connection during the SSH handshake: Connection lost before handshake

      host    ok  changed  skipped  failed  state
      one      0        1        0       0  1 change made
      two      0        0        0       0  unreachable, nothing was changed

      2 hosts: 1 ok, 1 unreachable, 1 changed, N s
      "
    `);
  });
});

describe('the host key', () => {
  it('of an unknown host keeps anything from being sent', async () => {
    const one = await server();
    const made = project({ one: one.port }, []);
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 1 host
      one       unreachable   the host key of 127.0.0.1:PORT is not known: ED25519 SHA256:KEY
          hint: compare the fingerprint, then run with --host-key accept-new, or connect once with
                ssh -p PORT root@127.0.0.1

      host    ok  changed  skipped  failed  state
      one      0        0        0       0  unreachable, nothing was changed

      1 host: 0 ok, 1 unreachable, 0 changed, N s
      "
    `);
    expect(one.events).toEqual(['connection']);
    expect(made.read('.ssh/known_hosts')).toBe('');
  });

  it('of an unknown host is added with accept-new, and known from then on', async () => {
    const one = await server();
    const made = project({ one: one.port }, []);
    expect(await made.run(...RUN, '--host-key', 'accept-new')).toMatchInlineSnapshot(`
      "exit 0
      --- stdout
      play motd: 1 host
      one       changed       say who it is: create HOME/motd-one, mode 0644

      host    ok  changed  skipped  failed  state
      one      0        1        0       0  1 change made

      1 host: all ok, 1 changed, N s
      "
    `);
    expect(made.read('.ssh/known_hosts')).toBe(`[127.0.0.1]:${one.port} ${one.hostKey.public}\n`);
    expect(sumOf(await made.run(...RUN))).toBe('exit 0, 0 changed');
  });

  it.each(['strict', 'accept-new'])(
    'that has changed is refused with %s, and the old one named',
    async (policy) => {
      const one = await server();
      const made = project({ one: one.port }, [{ ...one, hostKey: newKey() }]);
      const before = made.read('.ssh/known_hosts');
      const said = await made.run(...RUN, '--host-key', policy);
      expect(said).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 1 host
      one       unreachable   the host key of 127.0.0.1:PORT has changed: it shows ED25519 SHA256:KEY, HOME/.ssh/known_hosts:1 has SHA256:KEY
          hint: somebody may be in between; if the host was reinstalled, remove the old key with
                ssh-keygen -R '[127.0.0.1]:PORT' -f HOME/.ssh/known_hosts

      host    ok  changed  skipped  failed  state
      one      0        0        0       0  unreachable, nothing was changed

      1 host: 0 ok, 1 unreachable, 0 changed, N s
      "
    `);
      expect(one.events).toEqual(['connection']);
      expect(made.read('.ssh/known_hosts')).toBe(before);
    },
  );

  it('that is revoked is refused, even where it is known too', async () => {
    const one = await server();
    const made = project({ one: one.port }, [one]);
    made.write('.ssh/known_hosts', `${made.read('.ssh/known_hosts')}@revoked * ${one.hostKey.public}\n`);
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 1 host
      one       unreachable   the host key of 127.0.0.1:PORT is revoked at HOME/.ssh/known_hosts:2: ED25519 SHA256:KEY

      host    ok  changed  skipped  failed  state
      one      0        0        0       0  unreachable, nothing was changed

      1 host: 0 ok, 1 unreachable, 0 changed, N s
      "
    `);
    expect(one.events).toEqual(['connection']);
  });
});

describe('a login', () => {
  it('with a wrong password is refused, and nothing runs', async () => {
    const one = await server({
      methods: ['password'],
      letIn: (context) => context.method === 'password' && context.password === 'right',
    });
    const made = project({ one: one.port }, [one]);
    made.write('host_vars/one.yml', 'ansible_password: wrong\nansible_ssh_private_key_file: null\n');
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 1 host
      one       unreachable   user "root" was not let in: tried password (keyboard-interactive), password; the server takes password
          hint: check ansible_user and ansible_password

      host    ok  changed  skipped  failed  state
      one      0        0        0       0  unreachable, nothing was changed

      1 host: 0 ok, 1 unreachable, 0 changed, N s
      "
    `);
    expect(one.events).not.toContain('exec');
    made.write('host_vars/one.yml', 'ansible_password: right\nansible_ssh_private_key_file: null\n');
    expect(sumOf(await made.run(...RUN))).toBe('exit 0, 1 changed');
    expect(sumOf(await made.run(...RUN))).toBe('exit 0, 0 changed');
  });

  it('with a key that the host does not know is refused, and the key named', async () => {
    const one = await server({ letIn: () => false });
    const made = project({ one: one.port }, [one]);
    expect(await made.run(...RUN)).toMatchInlineSnapshot(`
      "exit 1
      --- stdout
      play motd: 1 host
      one       unreachable   user "root" was not let in: tried key HOME/key; the server takes publickey
          hint: check the user name, and that its authorized_keys has one of these keys

      host    ok  changed  skipped  failed  state
      one      0        0        0       0  unreachable, nothing was changed

      1 host: 0 ok, 1 unreachable, 0 changed, N s
      "
    `);
    expect(one.events).not.toContain('exec');
  });
});
