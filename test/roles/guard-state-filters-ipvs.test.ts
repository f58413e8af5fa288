// What the guard keeps of IPVS, against a stand-in for ipvsadm that keeps state: few kernels have IPVS in a namespace.
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FILTER_WORLDS, FilterHost } from './support/guard-filters.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const SERVICES = `-A -t 192.0.2.1:80 -s wlc -p 300 -M 255.255.255.0
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 2
-A -f 7 -s rr
-a -f 7 -r 10.0.0.1:0 -m -w 1
-A -f 7 -6 -s sh -b sh-port
-a -f 7 -6 -r [2001:db8::1]:0 -i -w 1 --tun-type ipip
-A -u [2001:db8::9]:53 -s rr -o
`;

/** What the stand-in of the modules' tests does not know: timeouts and synchronisation, in files beside it. */
const STAND_IN = `#!/bin/sh
folder=\${0%/*}
case "$1 \${2-}" in
'-L --timeout') [ ! -e "$folder/set" ] || echo "Timeout (tcp tcpfin udp): $(cat "$folder/set")" ;;
'-L -n') cat "$folder/thresholds" 2>/dev/null || : ;;
'-L --daemon')
  for kind in master backup; do
    [ ! -e "$folder/$kind" ] || echo "$kind sync daemon (mcast=$(cat "$folder/$kind"), maxlen=1472, group=224.0.0.81, port=8848, ttl=1)  "
  done
  ;;
--set*) echo "$*" >>"$folder/ipvs.calls"; shift; echo "$*" >"$folder/set" ;;
--start-daemon*) echo "$*" >>"$folder/ipvs.calls"; echo "$4, syncid=$6" >"$folder/$2" ;;
--stop-daemon*) echo "$*" >>"$folder/ipvs.calls"; rm "$folder/$2" ;;
*) exec sh "$folder/services" "$@" ;;
esac
`;

describe.each(FILTER_WORLDS)('$title', (world) => {
  let host: FilterHost;
  beforeEach(async () => {
    host = await FilterHost.create(
      world,
      'PATH=$' + '{0%/*}:$PATH\nhas_ipvs() { [ -e "$' + '{0%/*}/ipvs" ]; }',
    );
    copyFileSync(join(import.meta.dirname, '../modules/support/fake-ipvsadm.sh'), at('services'));
    writeFileSync(at('ipvsadm'), STAND_IN);
    chmodSync(at('ipvsadm'), 0o755);
    writeFileSync(at('set'), '900 120 300\n');
    state(SERVICES);
  });
  afterEach(() => host.close());

  const at = (name: string) => join(host.folder, name);
  const calls = () =>
    readFileSync(at('ipvs.calls'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('-S'));
  function state(text: string): void {
    writeFileSync(at('ipvs'), text);
    writeFileSync(at('ipvs.calls'), '');
  }
  const take = () => host.read(host.take(['ipvs']));

  test('the order in which services were made is no difference', () => {
    const before = take();
    const [first, ...others] = SERVICES.split(/(?=-A)/);
    state([...others, first].join(''));
    expect(take()).toBe(before);
  });

  test('what is as it was is not touched, what changed is edited', () => {
    const folder = host.take(['ipvs']);
    expect(host.put(folder, ['ipvs'])).toBe('');
    expect(calls()).toEqual([]);
    state(
      SERVICES.replace('-s wlc', '-s rr')
        .replace('-r 10.0.0.1:80 -g -w 2', '-r 10.0.0.1:80 -g -w 0')
        .replace(/-a -t .* 10.0.0.2.*\n/, '-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1\n'),
    );
    expect(host.put(folder, ['ipvs'])).toBe('');
    expect(calls()).toEqual([
      '-E -t 192.0.2.1:80 -s wlc -p 300 -M 255.255.255.0',
      '-e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 2',
      '-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1',
      '-d -t 192.0.2.1:80 -r 10.0.0.3:80',
    ]);
    expect(take()).toBe(host.read(folder));
  });

  test('services that are gone come back with their servers, surplus ones go', () => {
    const folder = host.take(['ipvs']);
    state(
      '-A -t 192.0.2.77:80 -s rr\n-a -t 192.0.2.77:80 -r 10.0.0.9:80 -g -w 1\n-A -f 7 -s rr\n-a -f 7 -r 10.0.0.1:0 -m -w 1\n',
    );
    expect(host.put(folder, ['ipvs'])).toBe('');
    expect(calls()).not.toContain('-d -t 192.0.2.77:80 -r 10.0.0.9:80');
    expect(calls().filter((call) => call.startsWith('-f 7 -s'))).toEqual([]);
    expect(take()).toBe(host.read(folder));
  });

  test('timeouts and synchronisation', () => {
    writeFileSync(at('master'), 'eth0, syncid=5\n');
    const folder = host.take(['ipvs']);
    expect(host.read(folder)).toContain(
      '--set 900 120 300\n--start-daemon master --mcast-interface eth0 --syncid 5 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1\n',
    );
    writeFileSync(at('set'), '1 2 3\n');
    writeFileSync(at('master'), 'eth1, syncid=5\n');
    writeFileSync(at('backup'), 'eth0, syncid=6\n');
    expect(host.put(folder, ['ipvs'])).toBe('');
    expect(take()).toBe(host.read(folder));
  });

  test('how many connections a server takes, of which -S says nothing', () => {
    const limited = 'TCP  192.0.2.1:80 wlc persistent 300\n  -> 10.0.0.2:80  10  5  0  0\n';
    writeFileSync(at('thresholds'), limited);
    const folder = host.take(['ipvs']);
    writeFileSync(at('thresholds'), limited.replace('10  5', '0  0'));
    host.put(folder, ['ipvs']);
    expect(calls()).toEqual(['-e -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1 -x 10 -y 5']);
  });

  test('no IPVS then: what came is taken away', () => {
    host.sh(`mv ${at('ipvs')} ${at('away')}`);
    const folder = host.take(['ipvs']);
    host.sh(`mv ${at('away')} ${at('ipvs')}`);
    writeFileSync(at('set'), '1 2 3\n');
    expect(host.put(folder, ['ipvs'])).toBe('');
    expect(readFileSync(at('ipvs'), 'utf8')).toBe('');
    expect(take()).toBe(host.read(folder));
  });

  test('a refusal is said, and the rest goes on', () => {
    const folder = host.take(['ipvs']);
    host.sh(`sed -i 's/^-A -f 7 -s/-A -f/' ${folder}/ipvs`);
    state('');
    expect(host.put(folder, ['ipvs'])).toMatch(
      /^ipvsadm -a -f 7 -r 10\.0\.0\.1:0 -m -w 1: Service not defined\n$/,
    );
    expect(readFileSync(at('ipvs'), 'utf8')).toContain('-A -u [2001:db8::9]:53');
  });

  test('any services, after any damage', () => {
    const service = fc.constantFrom('-t 192.0.2.1:80', '-u [2001:db8::1]:53', '-f 7', '-f 7 -6');
    const services = fc
      .uniqueArray(
        fc.tuple(
          service,
          fc.constantFrom('rr', 'wrr -p 300', 'sh -b sh-port'),
          fc.uniqueArray(fc.tuple(fc.nat(3), fc.nat(2)), { selector: ([server]) => server }),
        ),
        { selector: ([words]) => words },
      )
      .map((all) =>
        all
          .map(([words, scheduler, servers]) =>
            [
              `-A ${words} -s ${scheduler}\n`,
              ...servers.map(([server, weight]) => `-a ${words} -r 10.0.0.${server}:80 -g -w ${weight}\n`),
            ].join(''),
          )
          .join(''),
      );
    fc.assert(
      fc.property(services, services, (was, is) => {
        state(was);
        const folder = host.take(['ipvs']);
        state(is);
        expect(host.put(folder, ['ipvs'])).toBe('');
        expect(take()).toBe(host.read(folder));
        expect(host.put(folder, ['ipvs'])).toBe('');
      }),
      { numRuns: 25 },
    );
  });
});
