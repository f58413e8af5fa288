import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('blackhole-rule');
});

afterAll(() => guard.down());

it('an ip rule drops all', async () => {
  await expectComesBack(
    guard,
    `
- ip_rule: {priority: 5, action: blackhole}
`,
    { reason: /time was up|no new connection/ },
  );
});
