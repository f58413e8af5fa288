// What the tests of ipvs-dr share: the script of host-1, as a director or as a real server, from a description; and a test
// host on which a stand-in keeps what ipvsadm is told.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderRole, type Variables } from './render-role.ts';
import { TestHost, type World } from './test-host.ts';

export const STATE = '/var/lib/fairlead/ipvs-dr/state';
export const VIP = '192.0.2.200';

/** As the inventory has them. */
const HOSTVARS = {
  'host-1': { ipvs_dr_address: '192.0.2.10', ipvs_dr_address6: '2001:db8:1::10' },
  'lb-1': { ipvs_dr_address: '192.0.2.1', ipvs_dr_address6: '2001:db8:1::1' },
  'web-1': { ipvs_dr_address: '192.0.2.11', ipvs_dr_address6: '2001:db8:1::11' },
  'web-2': { ipvs_dr_address: '192.0.2.12', ipvs_dr_address6: '2001:db8:1::12' },
};

/** A service of which little is said. */
export const SHOP = { name: 'shop', vip: VIP, port: 80, scheduler: 'rr', real_servers: ['web-1', 'web-2'] };

/** The variable for these services. */
export function services(...ipvs_dr_services: readonly object[]): Variables {
  return { ipvs_dr_services };
}

/** The script of a director. Unsaid: it is the only one, VIPs are on v0, the service is SHOP, nobody waits. */
export function director(variables: Variables = {}): string {
  return script({ ipvs_dr_directors: ['host-1'], ...variables });
}

/** The script of a real server of lb-1's. */
export function realServer(variables: Variables): string {
  return script({ ipvs_dr_directors: ['lb-1'], ...variables });
}

function script(variables: Variables): string {
  const own = HOSTVARS['host-1'];
  return renderRole('ipvs-dr', 'ipvs-dr.sh', {
    hostvars: HOSTVARS,
    address_of_family: { '4': 'ipvs_dr_address', '6': 'ipvs_dr_address6' },
    own_address: { '4': own.ipvs_dr_address, '6': own.ipvs_dr_address6 },
    whole_prefix: { '4': 32, '6': 128 },
    forwarding_letter: { dr: '-g', nat: '-m', tun: '-i' },
    ipvs_dr_device: 'v0',
    ipvs_dr_wait_s: 0,
    ...services(SHOP),
    ...variables,
  });
}

const SUPPORT = import.meta.dirname;
const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh'];

/** A host whose IPVS is a stand-in. Its kernel has a few schedulers only. */
export class IpvsHost {
  readonly host: TestHost;

  private constructor(host: TestHost) {
    this.host = host;
  }

  /** `arping`: it has it, and takes two seconds more to see whether a VIP is free. */
  static async create(world: World, { arping }: { readonly arping: boolean }): Promise<IpvsHost> {
    const modules = ['ip_vs', ...SCHEDULERS.map((name) => `ip_vs_${name}`)];
    const dress = `${world.dress}
      cp ${join(SUPPORT, '../../modules/support/fake-ipvsadm.sh')} "$1/services"
      sed "s|@FOLDER@|$1|" ${join(SUPPORT, 'stand-in-ipvsadm.sh')} >"$1/ipvsadm"
      chmod 755 "$1/ipvsadm"
      : >"$1/ipvs"; : >"$1/ipvs.calls"; : >"$1/connections"; echo 900 120 300 >"$1/set"
      mount --bind "$1/ipvsadm" /usr/sbin/ipvsadm
      ${arping ? ':' : 'mount --bind /dev/null "$(command -v arping)"'}
      for name in ${modules.join(' ')}; do echo "kernel/net/netfilter/ipvs/$name.ko: "; done >"$1/modules.dep"`;
    const host = await TestHost.create({ ...world, dress });
    host.sh('while ip -6 address | grep -q tentative; do sleep 0.05; done');
    return new IpvsHost(host);
  }

  /** Puts the script in place; it takes the stand-in for the kernel's. */
  install(text: string): void {
    const places = [
      ['[ -e /proc/net/ip_vs ]', `[ -e ${this.#file('ipvs')} ]`],
      ['"/lib/modules/$release/$list"', `"${this.host.folder}/$list"`],
    ] as const;
    for (const [asks] of places) if (!text.includes(asks)) throw new Error(`the script has no ${asks}`);
    this.host.install(places.reduce((script, [asks, standIn]) => script.replace(asks, standIn), text));
  }

  /** As `ipvsadm -S -n` prints them. */
  get services(): string {
    return readFileSync(this.#file('ipvs'), 'utf8');
  }

  set services(text: string) {
    writeFileSync(this.#file('ipvs'), text);
  }

  /** What changed anything since the last time this was asked. */
  takeCalls(): readonly string[] {
    const calls = readFileSync(this.#file('ipvs.calls'), 'utf8').split('\n');
    writeFileSync(this.#file('ipvs.calls'), '');
    return calls.filter((call) => call !== '' && !call.startsWith('-S'));
  }

  /** `KEY SERVER`: how many connections are active, and how many are not. */
  setConnections(counts: Readonly<Record<string, readonly [number, number]>>): void {
    const lines = Object.entries(counts).map(([server, both]) => `${server} ${both.join(' ')}\n`);
    writeFileSync(this.#file('connections'), lines.join(''));
  }

  #file(name: string): string {
    return join(this.host.folder, name);
  }
}
