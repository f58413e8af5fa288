import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('conntrack-flushed');
});

afterAll(() => guard.down());

it('conntrack forgets the connection, and the rules only accept what is established', async () => {
  await expectComesBack(
    guard,
    `
- shell: |
    iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
    iptables -A INPUT -p tcp --dport 22 -j DROP
- command: conntrack -F
`,
    { reason: /time was up|no new connection/ },
  );
});
