// explain against a lab: what stands on stdout, the status, and that the hosts are as they were.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { Project } from './support/program.ts';
import { onEachHost, onHost, scenarioLab } from './support/scenario-lab.ts';

const STATE = 'ip rule; ip route show table all; ls /tmp /run /var/lib; nft list tables';

let lab: Lab;
beforeAll(async () => {
  lab = await scenarioLab('explain', 2);
});
afterAll(() => lab.down());

const explain = async (...words: readonly string[]) => {
  const said = await new Project({}, lab).run('explain', ...words);
  const [, status, out = '', err = ''] =
    /^exit (\d+)\n(?:--- stdout\n([\s\S]*?))?(?:--- stderr\n([\s\S]*))?$/.exec(said) ?? [];
  return { status: Number(status), out, err };
};

it('tells each host, in the order of the inventory, and changes nothing', async () => {
  const before = await onEachHost(lab, STATE);
  const { status, out, err } = await explain('edge', '--to', '198.51.100.10', '--dport', '7778');
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(out.match(/^edge-\d: .*→ 198\.51\.100\.10 tcp dport 7778/gm)).toHaveLength(2);
  expect(out.match(/^ {2}kernel {2}agrees: /gm)).toHaveLength(4);
  expect(out.indexOf('edge-1:')).toBeLessThan(out.indexOf('edge-2:'));
  expect(await onEachHost(lab, STATE)).toEqual(before);
});

it('is one JSON object by host', async () => {
  const { status, out } = await explain(
    'edge',
    '--to',
    '198.51.100.10',
    '--sport',
    '1234',
    '--dport',
    '7778',
    '-o',
    'json',
  );
  expect(status).toBe(0);
  const told = JSON.parse(out) as Record<
    string,
    { way: { device: string; source: string }; agrees: boolean }
  >;
  expect(Object.keys(told)).toEqual(['edge-1', 'edge-2']);
  for (const { name, links } of lab.hosts) {
    const [first] = links;
    expect(told[name]).toMatchObject({
      agrees: true,
      way: { device: first?.device, source: first?.address.replace(/\/.*/, '') },
    });
  }
});

it('a host that fails is told on stderr, the others on stdout; status 1', async () => {
  await onHost(lab, 'edge-1', 'ip route del default; ip rule add prio 5 to 172.16.0.0/12 unreachable');
  const { status, out, err } = await explain('edge', '--to', '198.51.100.10', '--from', '172.16.0.1');
  expect(status).toBe(1);
  expect(err).toContain('edge-1');
  expect(err).toContain('172.16.0.1 is not its own address, and it knows no way there');
  expect(err).toContain('say with --iif by which device it comes in');
  expect(out).toMatch(/^edge-2: 172\.16\.0\.1 → /);
});

it('shouts where the walk and the kernel differ, status 1', async () => {
  // An ip that is silent about a rule, as old ones are about selectors they do not know.
  await onHost(
    lab,
    'edge-2',
    `ip rule add prio 7 to 198.51.100.77 blackhole
    ip=$(readlink -f "$(command -v ip)")
    cp "$ip" /tmp/real-ip
    cat >/tmp/ip <<'END'
#!/bin/sh
case "$*" in *rule*) /tmp/real-ip "$@" | grep -v 198.51.100.77 ;; *) exec /tmp/real-ip "$@" ;; esac
END
    chmod 755 /tmp/ip
    mount --bind /tmp/ip "$ip"`,
  );
  const { status, out } = await explain('edge-2', '--to', '198.51.100.77');
  expect(status).toBe(1);
  expect(out).toContain('  kernel  DISAGREES: RTNETLINK answers: Invalid argument\n');
  expect(out).toContain('  these rules and routes do not lead where the kernel goes: the kernel refuses it');
});
