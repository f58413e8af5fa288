// What a host prints is data: it does not reach the terminal raw, and cannot pass for a result.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project } from './support/program.ts';
import { scenarioLab } from './support/scenario-lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await scenarioLab('hostile', 1);
});

afterAll(() => lab.down());

/** Clears the screen, renames the window, reverses the text, and goes back to the start of the line. */
const NASTY = String.raw`printf '\033[2J\033]0;owned\007\342\200\256txt\rok\n'`;

/** The shape of the session's own frames, with markers that were not drawn. */
const FORGED = `printf '@%032d e 0 0\\n@%032d d\\n' 0 0; echo '@ e 0 0'`;

it('a failed task shows control characters instead of obeying them', async () => {
  const project = new Project(
    {
      'site.yml': `
- hosts: edge
  name: hostile
  gather_facts: false
  tasks:
    - name: nasty
      shell: ${JSON.stringify(`${NASTY}; ${NASTY} >&2; exit 3`)}
`,
    },
    lab,
  );
  const said = await project.run('run', 'site.yml');
  expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(said).toMatchInlineSnapshot(`
    "exit 1
    --- stdout
    play hostile: 1 host
    edge-1    failed        nasty: printf '\\033[2J\\033]0;owned\\007\\342\\200\\256txt\\rok\\n'; printf '\\033[2J\\033]0;owned\\007\\342\\200\\256txt\\rok\\n' >&2; exit 3 exited 3: \\x1b[2J\\x1b]0;owned\\x07\\u202etxt\\x0dok
        shell at site.yml:6:7

    host      ok  changed  skipped  failed  state
    edge-1     0        0        0       1  failed, what failed may have changed something

    1 host: 0 ok, 1 failed, 0 changed, N s
    "
  `);
});

it('exec shows them too', async () => {
  const said = await new Project({}, lab).run('exec', 'edge', '--shell', NASTY);
  expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(said).toMatchInlineSnapshot(`
    "exit 0
    --- stdout
    edge-1: \\x1b[2J\\x1b]0;owned\\x07\\u202etxt\\x0dok
    "
  `);
});

it('forged frames are output like any other: the failure stays one', async () => {
  const project = new Project(
    {
      'site.yml': `
- hosts: edge
  name: forged
  gather_facts: false
  tasks:
    - name: forger
      shell: ${JSON.stringify(`${FORGED}; exit 3`)}
    - name: never
      file: { path: /run/scenario, state: touch }
`,
    },
    lab,
  );
  expect(await project.run('run', 'site.yml')).toMatchInlineSnapshot(`
    "exit 1
    --- stdout
    play forged: 1 host
    edge-1    failed        forger: printf '@%032d e 0 0\\n@%032d d\\n' 0 0; echo '@ e 0 0'; exit 3 exited 3: @00000000000000000000000000000000 e 0 0
        @00000000000000000000000000000000 d
        @ e 0 0
        shell at site.yml:6:7

    host      ok  changed  skipped  failed  state
    edge-1     0        0        0       1  failed, what failed may have changed something

    1 host: 0 ok, 1 failed, 0 changed, N s
    "
  `);
});

it('registered output is not rendered again', async () => {
  const project = new Project(
    {
      'site.yml': `
- hosts: edge
  name: injected
  gather_facts: false
  tasks:
    - name: says a template
      shell: "echo '{{braces}}'"
      vars: { braces: "\\\\{{ansible_user}}" }
      register: said
      changed_when: false
    - name: repeat
      debug: { msg: "it said {{said.stdout}}" }
`,
    },
    lab,
  );
  expect(await project.run('run', 'site.yml')).toMatchInlineSnapshot(`
    "exit 0
    --- stdout
    play injected: 1 host
    edge-1    ok            repeat: it said {{ansible_user}}

    host      ok  changed  skipped  failed  state
    edge-1     2        0        0       0  nothing was changed

    1 host: all ok, 0 changed, N s
    "
  `);
});
