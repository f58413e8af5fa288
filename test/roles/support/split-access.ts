// What the tests of split-access share: variables for the test host's two links, and the script made from them.
import { renderRole, type Variables } from './render-role.ts';

export const ISP1 = {
  name: 'isp1',
  device: 'v0',
  address: '192.0.2.10/24',
  gateway: '192.0.2.1',
  address6: '2001:db8:1::10/64',
  gateway6: '2001:db8:1::1',
};

export const ISP2 = { name: 'isp2', device: 'v1', address: '203.0.113.10/24', gateway: '203.0.113.1' };

/** Without a word about it: both links, and no waiting. */
export function splitAccess(variables: Variables = {}): string {
  return renderRole('split-access', 'split-access.sh', {
    split_access_links: [ISP1, ISP2],
    split_access_wait_s: 0,
    ...variables,
  });
}
