// INPUT that drops what is new, in each of the ways in which kernels filter.
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectComesBack, GuardLab } from '../support/guard-lab.ts';

const accept = (program: string) =>
  `${program} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT && ${program} -P INPUT DROP`;

const WAYS: Readonly<Record<string, string>> = {
  'iptables-nft': accept('iptables-nft'),
  'iptables-legacy': accept('iptables-legacy'),
  'an nft table of somebody else': `nft 'table inet strict {
      set trusted { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 } }
      chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        ip saddr @trusted accept
      }
    }'`,
};

let guard: GuardLab;

beforeAll(async () => {
  guard = await GuardLab.create('every-filter');
});

afterAll(() => guard.down());

describe('whatever is new is dropped', () => {
  it.each(Object.entries(WAYS))('by %s', async (_, script) => {
    const tasks = `- shell: |\n    ${script.replaceAll('\n', '\n    ')}`;
    await expectComesBack(guard, tasks, { reason: /no new connection gets in/ });
  });
});
