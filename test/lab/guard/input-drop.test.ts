import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('input-drop');
});

afterAll(() => guard.down());

it('INPUT drops whatever is new: the old connection lives, a new one does not get in', async () => {
  await expectComesBack(
    guard,
    `
- shell: iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT && iptables -P INPUT DROP
`,
    { reason: /no new connection gets in/ },
  );
});
