// What the tests of keepalived's configuration share: the file made from a description for the first of two directors,
// and keepalived's own opinion of it, in a network that has their devices.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace, run } from './namespace.ts';
import { renderRole, schemaErrors, type Variables } from './render-role.ts';

/** The host that renderRole renders for, and its peer. */
export const DIRECTORS = ['host-1', 'host-2'];

export const VRRP = { name: 'outside', router_id: 51, priorities: { 'host-1': 150, 'host-2': 100 } };

export const SHOP = { name: 'shop', vip: '192.0.2.200', port: 80, real_servers: ['web-1', 'web-2'] };

const HOSTVARS = Object.fromEntries(
  ['host-1', 'host-2', 'web-1', 'web-2'].map((name, at) => [
    name,
    { ipvs_dr_address: `192.0.2.${11 + at}`, ipvs_dr_address6: `2001:db8:1::${11 + at}` },
  ]),
);

/** Without a word about it: the shop, on eth0. */
export function description(variables: Variables = {}): Variables {
  return {
    ipvs_dr_manager: 'keepalived',
    ipvs_dr_directors: DIRECTORS,
    ipvs_dr_device: 'eth0',
    ipvs_dr_address: '192.0.2.11',
    ipvs_dr_address6: '2001:db8:1::11',
    ipvs_dr_vrrp: [VRRP],
    ipvs_dr_services: [SHOP],
    hostvars: HOSTVARS,
    address_of_family: { '4': 'ipvs_dr_address', '6': 'ipvs_dr_address6' },
    unicast_directors: { true: DIRECTORS, false: [] },
    ...variables,
  };
}

export function keepalivedConf(variables: Variables = {}): string {
  return renderRole('ipvs-dr', 'keepalived.conf', description(variables));
}

export function refusals(variables: Variables): readonly string[] {
  return schemaErrors('ipvs-dr', description(variables));
}

/** Where keepalived looks at files: a namespace with eth0 and eth1. */
export class KeepalivedBench {
  readonly #folder: string;
  readonly #namespace: Namespace;

  private constructor(folder: string, namespace: Namespace) {
    this.#folder = folder;
    this.#namespace = namespace;
  }

  static async create(): Promise<KeepalivedBench> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-keepalived-'));
    const namespace = await Namespace.create(':', folder);
    namespace.sh(`for n in 0 1; do ip link add eth$n type veth peer name p$n; ip link set eth$n up; ip link set p$n up; done
      ip address add 192.0.2.11/24 dev eth0; ip address add 10.0.0.11/24 dev eth1`);
    return new KeepalivedBench(folder, namespace);
  }

  /** What it says against each of the files, in their order; empty: it takes it. */
  complaints(texts: readonly string[]): readonly string[] {
    texts.forEach((text, at) => {
      writeFileSync(join(this.#folder, `${at}.conf`), text);
    });
    const each = `keepalived -t -i fairlead-test -f "$1/$i.conf" 2>&1 || echo "exited $?"; printf '\\0'`;
    const script = `i=0; while [ $i -lt ${texts.length} ]; do ${each}; i=$((i + 1)); done`;
    const { status, stdout, stderr } = run([
      ...this.#namespace.enter('network'),
      'sh',
      '-c',
      script,
      'sh',
      this.#folder,
    ]);
    if (status !== 0 || stderr !== '') throw new Error(stderr);
    return stdout
      .split('\0')
      .slice(0, -1)
      .map((said) => said.replaceAll(`${this.#folder}/`, ''));
  }

  close(): void {
    this.#namespace.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
