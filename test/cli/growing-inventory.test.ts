// What fairlead run prints where hosts that tasks have added are wrong: the place and the caret, after the fact, status 1.
import { expect, test } from 'vitest';
import { VaultFolder } from './support/vault-folder.ts';

test('a play that does not fit its new hosts is told with its place, and fails', {
  timeout: 30_000,
}, async () => {
  const folder = new VaultFolder({
    'site.yml': `- hosts: localhost
  tasks: [{add_host: {name: n1, groups: new}}]
- hosts: new
  tasks:
    - command: "echo {{address}}"
`,
  });
  process.chdir(folder.path);
  const { status, out } = await folder.run(['run', '-i', 'localhost,', 'site.yml']);
  expect(out).toContain(`play new: 1 host
error[name-unknown]: name is not known
  site.yml:5:24
  5 |     - command: "echo {{address}}"
    |                        ^^^^^^^
  "address" is no variable, fact or registered result here
`);
  expect(out).toMatch(/^n1 .* failed, not contacted$/m);
  expect(status).toBe(1);
});
