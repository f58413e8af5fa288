// Wrong words on the command line: exit 2, stdout silent, nobody contacted. test/cases/bad-input has the wrong files.
import { expect, it } from 'vitest';
import { Project } from './support/program.ts';

const FILES = {
  'hosts.ini': '[edge]\nedge-1\nedge-2\n',
  'site.yml': '- hosts: edge\n  tasks:\n    - ping:\n',
};

const COMMAND_LINES = [
  'run -i hosts.ini site.yml --limit edge-3',
  'run -i hosts.ini site.yml --limt edge-1',
  'run -i hosts.ini site.yml --forks many',
  'run -i hosts.ini site.yml --host-key maybe',
  'run -i hosts.ini site.yml --guard soon',
  'run -i hosts.ini site.yml -e @vars.json',
  'run -i hosts.ini missing.yml',
  'run -i missing.ini site.yml',
  'run site.yml',
  'run',
  'rnu site.yml',
  'exec -i hosts.ini edge',
  'exec -i hosts.ini nobody -- true',
  'facts -i hosts.ini nobody',
  'inventory -i hosts.ini',
  'inventory -i hosts.ini --host edge-3',
  'render -i hosts.ini missing.yml',
];

it('tells what is wrong, on stderr alone', async () => {
  const project = new Project(FILES);
  const said: Record<string, string> = {};
  const run = async (words: string): Promise<void> => {
    said[`fairlead ${words}`] = await project.run(...words.split(' '));
  };
  await Promise.all(COMMAND_LINES.map(run));
  for (const [words, text] of Object.entries(said)) {
    expect({ words, text }).toEqual({ words, text: expect.stringMatching(/^exit 2\n--- stderr\n/) });
  }
  expect(said).toMatchInlineSnapshot(`
    {
      "fairlead exec -i hosts.ini edge": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      there is nothing to run
      hint: put the command behind --
    ",
      "fairlead exec -i hosts.ini nobody -- true": "exit 2
    --- stderr
    error[unknown-group]: group is not in the inventory
      command line:3:13
      3 |   "hosts": "nobody",
        |             ^^^^^^
      hosts.ini has all, edge

    1 problem, no host was contacted
    ",
      "fairlead facts -i hosts.ini nobody": "exit 2
    --- stderr
    error[unknown-group]: group is not in the inventory
      command line:3:13
      3 |   "hosts": "nobody",
        |             ^^^^^^
      hosts.ini has all, edge

    1 problem, no host was contacted
    ",
      "fairlead inventory -i hosts.ini": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      one of --list, --host, --graph and --hosts is needed
      hint: fairlead inventory --help
    ",
      "fairlead inventory -i hosts.ini --host edge-3": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      "edge-3" is not in the inventory
      hint: did you mean "edge-1"?
    ",
      "fairlead render -i hosts.ini missing.yml": "exit 2
    --- stderr
    error[file-unreadable]: file cannot be read
      missing.yml: no such file or directory

    1 problem, no host was contacted
    ",
      "fairlead rnu site.yml": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      unknown command 'rnu'
      hint: did you mean "run"?
    ",
      "fairlead run": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      missing required argument 'playbook'
      hint: fairlead run --help
    ",
      "fairlead run -i hosts.ini missing.yml": "exit 2
    --- stderr
    error[file-unreadable]: file cannot be read
      missing.yml: no such file or directory

    1 problem, no host was contacted
    ",
      "fairlead run -i hosts.ini site.yml --forks many": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      option '-f, --forks <count>' argument 'many' is invalid. a whole number from 1 is wanted.
      hint: fairlead run --help
    ",
      "fairlead run -i hosts.ini site.yml --guard soon": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      option '--guard <time>' argument 'soon' is invalid. a time from 5s to 24h, or off, is wanted.
      hint: fairlead run --help
    ",
      "fairlead run -i hosts.ini site.yml --host-key maybe": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      option '--host-key <policy>' argument 'maybe' is invalid. Allowed choices are strict, accept-new, off.
      hint: fairlead run --help
    ",
      "fairlead run -i hosts.ini site.yml --limit edge-3": "exit 2
    --- stderr
    error[unknown-group]: group is not in the inventory
      the pattern "edge-3" stands on the command line
      hosts.ini has all, edge
      hint: did you mean "edge-1"?

    1 problem, no host was contacted
    ",
      "fairlead run -i hosts.ini site.yml --limt edge-1": "exit 2
    --- stderr
    error[usage]: command line cannot be used
      unknown option '--limt'
      hint: did you mean "--limit"?
    ",
      "fairlead run -i hosts.ini site.yml -e @vars.json": "exit 2
    --- stderr
    error[file-unreadable]: file cannot be read
      vars.json: no such file or directory

    1 problem, no host was contacted
    ",
      "fairlead run -i missing.ini site.yml": "exit 2
    --- stderr
    error[file-unreadable]: file cannot be read
      missing.ini: no such file or directory

    1 problem, no host was contacted
    ",
      "fairlead run site.yml": "exit 2
    --- stderr
    error[unknown-group]: group is not in the inventory
      site.yml:1:10
      1 | - hosts: edge
        |          ^^^^
      the inventory has all
      hint: name an inventory with -i

    1 problem, no host was contacted
    ",
    }
  `);
});

it.each(['', 'run ', 'exec ', 'facts ', 'inventory ', 'render ', 'lab '])(
  'fairlead %s--help is an answer, not an error',
  async (words) => {
    const said = await new Project().run(...`${words}--help`.split(' '));
    expect(said).toMatch(/^exit 0\n--- stdout\nUsage: fairlead /);
    expect(said).not.toContain('--- stderr');
  },
);
