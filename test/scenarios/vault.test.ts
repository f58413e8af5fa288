// Everything that can be vaulted, through the whole program onto a host: the host gets it in plain, nobody is shown it.
import { Buffer } from 'node:buffer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealText } from '../../src/load/vault/vault.ts';
import { newKey, startServer, type TestServer } from '../host/ssh-server.ts';
import { key } from '../load/vault/sample.ts';
import { buildIfStale } from '../support/compiled.ts';
import { Project, sumOf } from './support/program.ts';

const DEV = key('default', 'dev password');
const PROD = key('prod', 'prod password');

/** What nobody may see; each comes from a place of its own. */
const SECRETS = {
  group_vars: 'Gr0up "V4rs" \'quoted\'',
  host_vars: 'h0st-v4rs-t0ken',
  inventory: '1nventory-s3cret',
  play: 'pl4y-vars-s3cret',
  vars_files: 'v4rs-files-s3cret',
  role_defaults: 'r0le-defaults-s3cret',
  role_tasks: 't4sks-file-s3cret',
  extra: '3xtra-vars-s3cret',
  command: 'test -n c0mmand-s3cret',
  file: 'f1le-content-s3cret',
  template: 't3mplate-content-s3cret',
} as const;
const PIN = 71234599;

const vaulted = (text: string, by = DEV): string => sealText(Buffer.from(text), by);
const inline = (text: string, indent: string, by = DEV): string =>
  `!vault |\n${vaulted(text, by).trimEnd().replace(/^/gm, indent)}`;

const PLAYBOOK = `
- hosts: all
  name: secrets
  gather_facts: false
  vars_files: [more.yml]
  vars:
    of_play: ${inline(SECRETS.play, '      ', PROD)}
  roles: [app]
  tasks:
    - name: say {{of_host}}
      command: echo {{sh of_group}} {{sh of_host}}
      register: said
    - name: repeat
      debug: { msg: "{{said.stdout}} with pin {{pin}} and {{of_inventory}}" }
    - name: show
      debug: { msg: "{{all_of_them}}" }
    - name: each of them
      debug: { msg: "this is {{item}}" }
      loop: "{{all_of_them}}"
    - name: configuration
      copy:
        dest: "{{folder}}/configuration"
        content: "a={{of_group}}\\nb={{of_play}} {{of_files}}\\nc={{of_extra}} {{of_role}}\\npin={{pin}}\\n"
    - name: as JSON
      copy: { dest: "{{folder}}/json", content: { token: "{{of_group}}" } }
    - name: encoded
      command: sh -c 'printf %s "$0" | base64' {{sh of_host}}
    - name: a vaulted command
      shell: ${inline(SECRETS.command, '        ')}
    - name: certificate
      copy: { src: certificate.key, dest: "{{folder}}/certificate.key" }
    - name: made from a template
      template: { src: secret.hbs, dest: "{{folder}}/rendered" }
    - name: refused
      command: sh -c 'echo "cannot log in with $0" >&2; exit 3' {{sh of_host}}
      ignore_errors: true
  handlers: []
`;

function project({ port, hostKey }: TestServer): Project {
  const made = new Project({
    'site.yml': PLAYBOOK,
    key: newKey().private,
    '.ssh/known_hosts': `[127.0.0.1]:${port} ${hostKey.public}\n`,
    'dev-key': 'dev password\n',
    'prod-key': 'prod password\n',
    'group_vars/all/plain.yml':
      'all_of_them: ["{{of_group}}", "{{of_host}}", "{{of_inventory}}", "{{of_play}}", "{{of_files}}"]\n',
    'group_vars/all/vault.yml': vaulted(`of_group: ${JSON.stringify(SECRETS.group_vars)}\npin: ${PIN}\n`),
    'host_vars/one.yml': `of_host: ${inline(SECRETS.host_vars, '  ', PROD)}\n`,
    'more.yml': vaulted(`of_files: ${SECRETS.vars_files}\n`, PROD),
    'extra.yml': vaulted(`of_extra: ${SECRETS.extra}\n`),
    'files/certificate.key': vaulted(`-----BEGIN KEY-----\n${SECRETS.file}\n-----END KEY-----\n`),
    'templates/secret.hbs': vaulted(`{{of_host}} ${SECRETS.template} {{of_group}}\n`),
    'roles/app/defaults/main.yml': vaulted(`of_role: ${SECRETS.role_defaults}\n`),
    'roles/app/tasks/main.yml': vaulted(
      `- name: from a vaulted file\n  debug: { msg: ${SECRETS.role_tasks} }\n`,
    ),
  });
  const settings = `ansible_host=127.0.0.1 ansible_user=root ansible_ssh_private_key_file=${made.path('key')}`;
  made.write(
    'hosts.ini',
    vaulted(`one ansible_port=${port} ${settings} folder=${made.folder} of_inventory=${SECRETS.inventory}\n`),
  );
  return made;
}

const RUN = [
  'run',
  ...['-i', 'hosts.ini'],
  ...['--vault-password-file', 'dev-key'],
  ...['--vault-id', 'prod@prod-key'],
  ...['-e', '@extra.yml'],
  'site.yml',
] as const;

/** Each secret in every form that it takes on its way. */
function leaksIn(said: string): readonly string[] {
  const texts = [...Object.values(SECRETS), String(PIN)];
  const forms = texts.flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1),
    text.replaceAll("'", "'\\''"),
    Buffer.from(text).toString('base64'),
  ]);
  return forms.filter((form) => said.includes(form));
}

let server: TestServer;

beforeAll(async () => {
  await buildIfStale();
  server = await startServer();
});
afterAll(() => server.close());

describe('what is vaulted', () => {
  it.each([
    ['text', ['--output', 'text', '-vv', '--diff']],
    ['json', ['--output', 'json', '-vv', '--diff']],
    ['a check', ['--check', '--diff', '-vv']],
  ])('is shown nowhere in %s', async (_form, options) => {
    const made = project(server);
    const said = await made.run(...RUN, ...options);
    expect(said).toMatch(/^exit [03]\n--- stdout\n/);
    expect(said).not.toContain('--- stderr');
    expect(said).toContain('***');
    if (!options.includes('--check')) expect(said).toContain('cannot log in with ***');
    expect(leaksIn(said)).toEqual([]);
  });

  it('reaches the host in plain, and once', async () => {
    const made = project(server);
    expect(sumOf(await made.run(...RUN))).toBe('exit 0, 7 changed');
    expect(made.read('configuration')).toBe(
      `a=${SECRETS.group_vars}\nb=${SECRETS.play} ${SECRETS.vars_files}\nc=${SECRETS.extra} ${SECRETS.role_defaults}\npin=${PIN}\n`,
    );
    expect(made.read('json')).toBe(JSON.stringify({ token: SECRETS.group_vars }));
    expect(made.read('certificate.key')).toContain(SECRETS.file);
    expect(made.read('rendered')).toBe(`${SECRETS.host_vars} ${SECRETS.template} ${SECRETS.group_vars}\n`);
    // The commands alone.
    expect(sumOf(await made.run(...RUN))).toBe('exit 0, 3 changed');
  });

  it('would be found if it were shown', async () => {
    const made = project(server);
    made.write('host_vars/one.yml', `of_host: ${SECRETS.host_vars}\n`);
    const said = await made.run(...RUN, '-vv');
    expect(leaksIn(said)).toEqual([
      SECRETS.host_vars,
      SECRETS.host_vars,
      SECRETS.host_vars,
      SECRETS.host_vars,
      Buffer.from(SECRETS.host_vars).toString('base64'),
    ]);
  });

  it('is printed by neither render nor exec nor facts', async () => {
    const made = project(server);
    const [, ...options] = RUN.slice(0, -1);
    const rendered = await made.run('render', ...options, 'site.yml');
    expect(rendered).toContain(
      '==> one:***/configuration (mode 0644) <==\na=***\nb=*** ***\nc=*** ***\npin=***\n',
    );
    const executed = await made.run(
      'exec',
      ...options,
      'all',
      '--shell',
      `echo ${SECRETS.inventory}; echo fine`,
    );
    expect(executed).toBe('exit 0\n--- stdout\none: ***\none: fine\n');
    for (const said of [rendered, executed, await made.run('facts', ...options, 'all')]) {
      expect(said).toMatch(/^exit 0\n/);
      expect(leaksIn(said)).toEqual([]);
    }
  });

  it('lands in the files of render --out as it lands on hosts', async () => {
    const made = project(server);
    const [, ...options] = RUN.slice(0, -1);
    await made.run('render', ...options, '--out', 'out', 'site.yml');
    expect(made.read(`out/one/${made.folder}/certificate.key`)).toContain(SECRETS.file);
  });
});

describe('without the right key', () => {
  it('no host is contacted, and the place of each vaulted text is told', async () => {
    const made = project(server);
    const before = server.events.length;
    made.write('hosts.ini', 'one\n');
    const said = await made.run('run', '-i', 'hosts.ini', '--vault-password-file', 'dev-key', 'site.yml');
    expect(said).toMatch(/^exit 2\n--- stderr\n/);
    expect(said).toContain(`error[vault-key]: vaulted text cannot be opened
  more.yml:1:1
  1 | $ANSIBLE_VAULT;1.2;AES256;prod
    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  the key "default" does not fit, and it is labelled "prod", or the text was changed later
`);
    expect(leaksIn(said)).toEqual([]);
    expect(server.events.length).toBe(before);
  });

  it('an inline value is told where it stands', async () => {
    const made = project(server);
    const words = RUN.filter((word) => word !== '--vault-id' && word !== 'prod@prod-key');
    made.write('more.yml', 'of_files: x\n');
    const said = await made.run(...words);
    expect(said).toContain('host_vars/one.yml:1:');
    expect(said).toContain('of_host: !vault |');
    expect(said).toContain('site.yml:7:');
    expect(said).toContain('2 problems, no host was contacted');
    expect(leaksIn(said)).toEqual([]);
  });
});
