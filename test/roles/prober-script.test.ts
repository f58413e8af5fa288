// The text of the prober's and conntrack's partials, and what the latter makes the kernel forget.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from './support/namespace.ts';
import { PROBER_WORLDS, ProbedHost, proberScript } from './support/prober.ts';

test.each(['sh -n', 'busybox ash -n', 'shellcheck -s sh -f gcc -'])('is clean to %s', (checker) => {
  const command = `${checker} <<'END OF THE SCRIPT'\n${proberScript()}\nEND OF THE SCRIPT`;
  expect(run(['sh', '-c', command])).toEqual({ status: 0, stdout: '', stderr: '' });
});

describe.each(PROBER_WORLDS.slice(0, 2))('conntrack, $title', (world) => {
  let host: ProbedHost;

  beforeEach(async () => {
    host = await ProbedHost.create(world);
    host.install();
    for (const [n, reply, mark] of [
      [1, '192.0.2.10', '0x100000'],
      [2, '203.0.113.10', '0x200007'],
      [3, '203.0.113.10', '0'],
    ]) {
      host.sh(`conntrack -I -p tcp --state ESTABLISHED -t 100 -s 10.0.0.${n} -d 198.51.100.10 --sport ${n} --dport 2 \
        -r 198.51.100.10 -q ${reply} --reply-port-src 2 --reply-port-dst ${n} -m ${mark}`);
      host.sh(`conntrack -I -p tcp --state ESTABLISHED -t 100 -s 2001:db8::${n} -d 2001:db8:9::10 --sport ${n} --dport 2 \
        -r 2001:db8:9::10 -q 2001:db8:${n}::10 --reply-port-src 2 --reply-port-dst ${n} -m ${mark}`);
    }
  });
  afterEach(() => host.close());

  const left = (family: 'ipv4' | 'ipv6') =>
    [...host.sh(`conntrack -L -f ${family} 2>/dev/null`).matchAll(/ESTABLISHED src=(\S+)/g)]
      .map(([, source]) => source)
      .sort();
  const SILENT = { status: 0, stdout: '', stderr: '' };
  const all4 = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const all6 = ['2001:db8::1', '2001:db8::2', '2001:db8::3'];

  test('connections whose replies go to an address are forgotten, others are not', () => {
    expect([left('ipv4'), left('ipv6')]).toEqual([all4, all6]);
    expect(host.run('forget', '-4', '203.0.113.10')).toEqual(SILENT);
    expect([left('ipv4'), left('ipv6')]).toEqual([['10.0.0.1'], all6]);
    expect(host.run('forget', '-6', '2001:db8:1::10')).toEqual(SILENT);
    expect([left('ipv4'), left('ipv6')]).toEqual([['10.0.0.1'], all6.slice(1)]);
    expect(host.run('forget', '-4', '203.0.113.10')).toEqual(SILENT);
  });

  test('connections of a mark are forgotten, whatever its other bits', () => {
    expect(host.run('forget_marked', '-4', '0x200000/0xff00000')).toEqual(SILENT);
    expect([left('ipv4'), left('ipv6')]).toEqual([['10.0.0.1', '10.0.0.3'], all6]);
    expect(host.run('forget_marked', '-6', '0x100000/0xff00000')).toEqual(SILENT);
    expect([left('ipv4'), left('ipv6')]).toEqual([['10.0.0.1', '10.0.0.3'], all6.slice(1)]);
  });

  test('without the tool nothing is forgotten, and that is no failure', () => {
    host.sh('mount --bind /dev/null /usr/sbin/conntrack');
    expect(host.run('forget', '-4', '203.0.113.10')).toEqual(SILENT);
    host.sh('umount /usr/sbin/conntrack');
    expect(left('ipv4')).toEqual(all4);
  });
});
