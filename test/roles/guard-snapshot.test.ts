// What arming keeps: the tools' own words, made comparable only when somebody goes back or asks.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GUARD, GUARD_WORLDS, GuardedHost } from './support/guarded-host.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let host: GuardedHost;
afterEach(() => host.close());

/** Files of what was kept, those behind a dot too. */
function kept(id: string): readonly string[] {
  return host.inside(`cd ${GUARD}/${id}/before && find . -type f | sort`).trim().split('\n');
}

describe.each(GUARD_WORLDS)('in $title', (world) => {
  beforeEach(async () => {
    host = await GuardedHost.create(world);
    host.inside('ip link set lo up; ip rule add priority 77 from 198.51.100.7 lookup 77');
  });

  it('is as the tools tell it, whole, until it is put back', () => {
    host.arm('a1', []);
    expect(kept('a1')).toEqual(
      expect.arrayContaining(['./.raw.ip', './.raw.ip4', './.raw.ip6', './.raw.sysctl']),
    );
    expect(kept('a1').filter((name) => /(interfaces|routes|rules|sysctl)/.test(name))).toEqual([
      './.raw.sysctl',
    ]);
    const last = host.inside(`for file in ${GUARD}/a1/before/.raw.ip*; do tail -n 1 $file; done`);
    expect(last).toMatch(/^(# whole\n){3,4}$/);
    host.inside('ip rule del priority 77; echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind');
    expect(host.tell('a1', 'undo', 'a task failed').stdout).toContain('state=undone');
    expect(host.inside('ip rule; cat /proc/sys/net/ipv4/ip_nonlocal_bind')).toMatch(
      /77:.*lookup 77\n[\s\S]*\n0\n$/,
    );
    expect(kept('a1').filter((name) => name.startsWith('./.raw.'))).toEqual([]);
    expect(host.inside(`cat ${GUARD}/a1/before/rules4`)).toContain('77: from 198.51.100.7 lookup 77\n');
  });

  it('is the same whether it was asked at once or one by one, to the byte', () => {
    // Lines of each sort that could be taken for another's.
    host.inside(`ip link add 7 type veth peer name p7; ip link set 7 up; ip link set v0 alias 'id 1: <UP> inet'
      ip maddr add 01:00:5e:00:00:21 dev 7; ip addr add 198.51.100.1/32 dev 7; ip -6 addr add 2001::1/128 dev 7 nodad
      ip neigh add 192.0.2.77 dev v0 lladdr 02:00:00:00:00:77 nud permanent; ip neigh add proxy 192.0.2.78 dev v0
      ip neigh add proxy 2001:db8:1::78 dev v0; ip neigh add 2001:db8:1::77 dev v0 lladdr 02:00:00:00:00:78 nud permanent
      ip nexthop add id 4 via 192.0.2.1 dev v0; ip nexthop add id 6 via 2001:db8:1::1 dev v0; ip nexthop add id 8 group 4
      ip nexthop add id 9 blackhole; ip -6 nexthop add id 10 blackhole
      ip route add 10.0.0.0/8 nhid 8; ip -6 route add 2001:db8:9::/48 nhid 6; ip route add unreachable 11.0.0.0/8 table 11
      ip -6 route add 2002::/16 dev 7; ip -6 route add 2002:: dev 7; ip -6 route add blackhole default metric 9 table 12
      ip -6 rule add priority 2002 from 2002::/16 lookup 12; ip rule add priority 10 prohibit`);
    host.arm('a1', []);
    expect(kept('a1')).not.toContain('./.raw.links');
    // An ip that takes no list of questions.
    const folder = host.host.folder;
    host.inside(`real=$(readlink -f "$(command -v ip)"); cp "$real" ${folder}/ip
      printf '%s\\n' '#!/bin/sh' 'case " $* " in *" -batch "*) exit 1 ;; esac' 'exec ${folder}/ip "$@"' >${folder}/plain
      chmod 755 ${folder}/plain`);
    const shaped = (id: string, tool: string): string => {
      host.prepare(id, 60);
      return host.inside(`[ "${tool}" != plain ] || mount --bind ${folder}/plain "$(readlink -f "$(command -v ip)")"
        sed '$d; /^usual "/d' ${host.program} >${folder}/parts
        cat >${folder}/take <<'END'
. ${folder}/parts
mkdir "$1"; snap_state "$1"; ls -A "$1" >&2; shape_state "$1"
cd "$1"; for file in interfaces addresses neighbours multicast nexthops routes4 routes6 rules4 rules6; do echo "== $file"; cat $file; done
END
        ${world.shell.join(' ')} ${folder}/take ${folder}/${id} 2>${folder}/${id}.kept`);
    };
    const atOnce = shaped('a2', 'ip');
    expect(host.inside(`cat ${folder}/a2.kept`)).not.toContain('.raw.links');
    const oneByOne = shaped('a3', 'plain');
    expect(host.inside(`cat ${folder}/a3.kept`)).toContain('.raw.links');
    expect(atOnce).toBe(oneByOne);
    for (const line of [
      '7 up',
      '2001::1/128',
      'proxy 192.0.2.78',
      '7 01:00:5e:00:00:21\n',
      'inet id 4',
      '2002:: dev 7',
      '2002:',
      '10:',
    ])
      expect(atOnce).toContain(line);
  });

  it('of the settings it is the same whoever reads them', () => {
    const folder = host.host.folder;
    host.inside(`echo >/proc/sys/net/ipv4/ip_local_reserved_ports; ip link add l33t type veth peer name p7
      sed '$d; /^usual "/d' ${host.program} >${folder}/parts
      cat >${folder}/take <<'END'
. ${folder}/parts
mkdir "$1" "$2"
snap "$1" sysctl read_settings; snap "$2" sysctl search_settings
shape_sysctl "$1"; shape_sysctl "$2"
END
      ${world.shell.join(' ')} ${folder}/take ${folder}/read ${folder}/searched`);
    expect(
      host.inside(
        `diff ${folder}/read/sysctl ${folder}/searched/sysctl; cmp ${folder}/read/.raw.sysctl ${folder}/searched/.raw.sysctl | wc -l`,
      ),
    ).toBe('1\n');
    expect(
      host.inside(`grep -c . ${folder}/read/sysctl; grep ip_local_reserved ${folder}/read/sysctl`),
    ).toMatch(/^\d{3,}\nnet\/ipv4\/ip_local_reserved_ports = \n$/);
  });

  it('has nothing of a tool that failed half-way, and leaves that alone', () => {
    const folder = host.host.folder;
    host.inside(`real=$(readlink -f "$(command -v ip)"); cp "$real" ${folder}/ip
      cat >${folder}/half <<'END'
#!/bin/sh
case " $* " in
  *' -4 '*-batch*) ${folder}/ip "$@" | head -n 1; exit 1 ;;
  *' -4 '*rule*show*) echo '0: from all lookup local'; exit 1 ;;
esac
exec ${folder}/ip "$@"
END
      chmod 755 ${folder}/half; mount --bind ${folder}/half "$real"`);
    host.arm('a1', []);
    expect(kept('a1')).not.toContain('./.raw.rules4');
    expect(kept('a1')).toContain('./.raw.rules6');
    expect(host.tell('a1', 'undo', 'a task failed').stdout).toMatch(
      /^state=undone\n(?:(?!differs|failed).*\n)*$/,
    );
    expect(host.inside(`${folder}/ip rule`)).toContain('lookup 77');
  });
});
