// vars_prompt: who is asked for what and when, what becomes of the answers, and who gets to see them.
import { expect, test } from 'vitest';
import { DiagnosticError, run } from '../../src/index.ts';
import { type Surroundings, VaultFolder } from './support/vault-folder.ts';

const PLAY = `
- hosts: all
  vars: {version: of the play}
  vars_prompt:
    - name: version
      prompt: Which version?
      default: 12
      private: false
    - name: password
      confirm: true
  tasks:
    - debug: {msg: "{{version}} {{password}}"}
    - assert: {that: 'type(version) == string && size(password) > 0'}
`;

async function fairlead(play: string, around: Surroundings & { words?: readonly string[] } = {}) {
  const folder = new VaultFolder({ 'site.yml': play });
  const said = await folder.run(
    ['run', '-i', 'a,b,', folder.file('site.yml'), ...(around.words ?? [])],
    around,
  );
  return {
    ...said,
    lines: said.out
      .split('\n')
      .filter((line) => /debug/.test(line))
      .map((line) => line.replace(/ +/g, ' ')),
  };
}

test('all is asked for once before anything runs; an answer is text, and private ones are masked', async () => {
  const answers = ['13', 'open sesame', 'open sesame'];
  const { status, questions, lines, err } = await fairlead(PLAY, { answers });
  expect(questions).toEqual(['(shown) Which version? [12]: ', 'password: ', 'confirm password: ']);
  expect(lines.toSorted()).toEqual(['a ok debug: 13 ***', 'b ok debug: 13 ***']);
  expect({ status, err }).toEqual({ status: 0, err: '' });
});

test('an empty answer means the default, and two that differ are asked for again', async () => {
  const answers = ['', 'one', 'two', 'three', 'three'];
  const { questions, lines, err } = await fairlead(PLAY, { answers });
  expect(questions.length).toBe(5);
  expect(err).toBe('the two answers differ\n');
  expect(lines.toSorted()[0]).toBe('a ok debug: 12 ***');
});

test('what -e gives is not asked for', async () => {
  const words = ['-e', 'version=7', '-e', 'password=known'];
  const { questions, lines } = await fairlead(PLAY, { words });
  expect(questions).toEqual([]);
  expect(lines.toSorted()[0]).toBe('a ok debug: 7 known');
});

test('without a terminal: the default, or an error that names -e', async () => {
  const { status, err, out } = await fairlead(PLAY);
  expect(status).toBe(2);
  expect(out).toBe('');
  expect(err).toBe(`error[prompt-unanswered]: nobody can be asked
  DIR/site.yml:9:7
  9 |     - name: password
    |       ^^^^^^^^^^^^^^
  there is no terminal on which to ask for "password", and it has no default
  hint: give it with -e password=VALUE

1 problem, no host was contacted
`);
});

test('mistakes are told before anybody is asked, also where they stand beside an answer', async () => {
  const play = `
- hosts: all
  vars_prompt: [{name: colour}]
  vars: {url: "http://{{colour}}/"}
  tasks:
    - debug: {msg: "{{url}} {{colours}}"}
    - copy: {content: "{{colour}}", dest: "/tmp/{{colour}}", mod: "0644"}
    - debug: {msg: x}
      when: colour == "blue"
`;
  const { questions, err } = await fairlead(play, { answers: ['blue'] });
  expect(questions).toEqual([]);
  expect([...err.matchAll(/^error\[(.*?)\]/gm)].map(([, code]) => code)).toEqual([
    'name-unknown',
    'argument-unknown',
  ]);
});

test('an answer is data: braces in it are no template', async () => {
  const play =
    '- hosts: all\n  vars_prompt: [{name: x, private: false}]\n  tasks: [{debug: {msg: "{{x}}"}}]\n';
  const { lines } = await fairlead(play, { answers: ['{{inventory_hostname}}'] });
  expect(lines.toSorted()[0]).toBe('a ok debug: {{inventory_hostname}}');
});

test('connections and conditions may rest on answers', async () => {
  const play = `
- hosts: all
  vars_prompt: [{name: who, private: false}, {name: list, private: false}]
  vars: {ansible_connection: local, ansible_user: "{{who}}"}
  tasks:
    - command: "echo {{list}}"
      when: who != "nobody"
    - debug: {msg: "{{ansible_user}}"}
`;
  const { lines, status } = await fairlead(play, { answers: ['root', 'x'] });
  // Hosts run side by side: which of them is first is not promised.
  expect({ lines: lines.toSorted(), status }).toEqual({
    lines: ['a ok debug: root', 'b ok debug: root'],
    status: 0,
  });
});

test('the library takes answers by name', async () => {
  const folder = new VaultFolder({ 'site.yml': PLAY });
  const input = { playbook: folder.file('site.yml'), inventories: ['a,'] };
  expect(() => run(input)).toThrow(DiagnosticError);
  const running = run({ ...input, answers: { password: 'open sesame' } });
  const said: unknown[] = [];
  for await (const event of running) if (event.kind === 'task-finished') said.push(event.outcome.message);
  expect(said[0]).toBe('12 ***');
});
