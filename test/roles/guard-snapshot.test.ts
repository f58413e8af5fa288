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
      expect.arrayContaining(['./.raw.links', './.raw.routes4', './.raw.rules4', './.raw.sysctl']),
    );
    expect(kept('a1').filter((name) => /(interfaces|routes|rules|sysctl)/.test(name))).toEqual(
      kept('a1').filter((name) => name.startsWith('./.raw.') && /(routes|rules|sysctl)/.test(name)),
    );
    const last = host.inside(`for file in ${GUARD}/a1/before/.raw.*s4; do tail -n 1 $file; done`);
    expect(last).toBe('# whole\n# whole\n');
    host.inside('ip rule del priority 77; echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind');
    expect(host.tell('a1', 'undo', 'a task failed').stdout).toContain('state=undone');
    expect(host.inside('ip rule; cat /proc/sys/net/ipv4/ip_nonlocal_bind')).toMatch(
      /77:.*lookup 77\n[\s\S]*\n0\n$/,
    );
    expect(kept('a1').filter((name) => name.startsWith('./.raw.'))).toEqual([]);
    expect(host.inside(`cat ${GUARD}/a1/before/rules4`)).toContain('77: from 198.51.100.7 lookup 77\n');
  });

  it('has nothing of a tool that failed half-way, and leaves that alone', () => {
    const folder = host.host.folder;
    host.inside(`real=$(readlink -f "$(command -v ip)"); cp "$real" ${folder}/ip
      cat >${folder}/half <<'END'
#!/bin/sh
case " $* " in
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
