import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('link-down');
});

afterAll(() => guard.down());

it('the management link goes down', async () => {
  await expectComesBack(
    guard,
    `
- command: ip link set mgmt down
`,
    { reason: /time was up|no new connection/ },
  );
});
