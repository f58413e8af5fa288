// As whom the guard's steps run, by who logs in, who makes the changes, and what the play says of root.
import { expect, it, test } from 'vitest';
import { GuardIdentity } from '../../src/guard/identity.ts';
import type { Become } from '../../src/host/host.ts';

const ROOT: Become = { method: 'sudo', user: 'root' };
const WEB: Become = { method: 'doas', user: 'web' };

test.each([
  { title: 'root makes the changes', changing: ROOT, root: undefined, place: 'together' },
  { title: 'whoever logs in does, who may be root', changing: undefined, root: ROOT, place: 'together' },
  { title: 'a third one does', changing: WEB, root: ROOT, place: ROOT },
  {
    title: 'a third one does, nobody says how to be root',
    changing: WEB,
    root: undefined,
    place: { ...WEB, user: 'root' },
  },
])('$title', ({ changing, root, place }) => {
  const found = new GuardIdentity(() => root).placeFor(changing);
  expect(found).toEqual(place === 'together' ? { kind: 'together' } : { kind: 'apart', become: place });
});

it('learns that who logs in is not root, and goes apart from then on', () => {
  const identity = new GuardIdentity(() => ROOT);
  expect(identity.placeFor(undefined).kind).toBe('together');
  expect(identity.become).toBeUndefined();
  expect(identity.loginIsNotRoot()).toBe(true);
  expect(identity.placeFor(undefined)).toEqual({ kind: 'apart', become: ROOT });
  expect(identity.become).toEqual(ROOT);
});

it('stays where it is if nobody says how to be root: the host refuses it', () => {
  const identity = new GuardIdentity(() => undefined);
  identity.placeFor(undefined);
  expect(identity.loginIsNotRoot()).toBe(false);
  expect(identity.placeFor(undefined)).toEqual({ kind: 'together' });
});

it('learns that who logs in is root, who then needs nobody to become root', () => {
  const identity = new GuardIdentity(() => ROOT);
  identity.placeFor(undefined);
  identity.hasWorked();
  expect(identity.placeFor(WEB)).toEqual({ kind: 'apart', become: undefined });
});
