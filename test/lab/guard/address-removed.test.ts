import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('address-removed');
});

afterAll(() => guard.down());

it('the management address is removed', async () => {
  await expectComesBack(
    guard,
    `
- ip_address: {address: "{{ansible_host}}/16", dev: mgmt, state: absent}
`,
    { reason: /time was up|no new connection/ },
  );
});
