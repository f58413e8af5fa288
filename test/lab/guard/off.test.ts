// Without the guard these tests would see what they are about: the host stays cut off.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GuardLab, PROMISE_S } from '../support/guard-lab.ts';

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('off');
});

afterAll(() => guard.down());

it('guard: off, and nobody gets in any more', async () => {
  const cut = `- shell: iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT && iptables -P INPUT DROP`;
  const run = await guard.run(guard.playbook(cut, { guard: 'off' }));
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  const began = performance.now();
  do {
    const tried = await guard.fairlead('exec', 'all', 'true', '--timeout', '4');
    expect(tried.exitCode).toBe(1);
  } while ((performance.now() - began) / 1000 < PROMISE_S);
  expect(await guard.role.onHost('edge-1', 'ls /var/lib/fairlead 2>/dev/null || echo none')).toBe('none\n');
});
