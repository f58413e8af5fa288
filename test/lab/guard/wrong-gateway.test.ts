import { afterAll, beforeAll, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('wrong-gateway');
});

afterAll(() => guard.down());

it('a wrong default gateway in a policy table', async () => {
  await expectComesBack(
    guard,
    `
- ip_route: {dest: default, via: 10.77.0.250, dev: mgmt, table: 77}
- ip_rule: {priority: 10, table: 77}
`,
    { reason: /no new connection gets in|time was up/ },
  );
});
