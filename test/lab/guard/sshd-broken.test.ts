import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('sshd-broken');
});

afterAll(() => guard.down());

it('sshd does not start with its new configuration', async () => {
  await expectComesBack(
    guard,
    `
- copy: { dest: /etc/ssh/sshd_config, content: "Nonsense yes" }
- command: pkill -o -x sshd
`,
    { reason: /no new connection gets in/, files: ['/etc/ssh/sshd_config'] },
  );
});
