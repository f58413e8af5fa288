// What the roles are told on the machines of the tests, and how each is taken away again: the READMEs' "Undo".
import { POOLS } from '../../lab/support/addresses.ts';

/** Addresses in isp1's network: of a virtual service, of a real server that nobody is, and of a cluster of one node. */
export const VIRTUAL = { service: '192.0.2.200', realServer: '192.0.2.201', shared: '192.0.2.210' } as const;

/** Marks are not among it: CLUSTERIP and its kin write them, too. `links` is what each machine has, by its name. */
export const VARIABLES = {
  split_access_links: '{{lookup links inventory_hostname}}',
  snat_rr_pools: POOLS,
  snat_rr_from: 'any',
  snat_rr_manage_addresses: true,
  ipvs_dr_directors: ['edge-1'],
  ipvs_dr_address: '192.0.2.11',
  ipvs_dr_device: 'isp1',
  ipvs_dr_services: [
    {
      name: 'hello',
      vip: VIRTUAL.service,
      port: 7777,
      scheduler: 'wrr',
      real_servers: [{ address: VIRTUAL.realServer, weight: 3 }],
    },
  ],
  clusterip_vip: VIRTUAL.shared,
  clusterip_device: 'isp1',
  clusterip_nodes: 'edge',
  clusterip_mechanism: 'cluster',
} as const;

const scriptGoes = (name: string) => ({ boot_script: { name: `fairlead-${name}`, state: 'absent' } });
const fileGoes = (path: string) => ({ file: { path, state: 'absent' } });

export const UNDO = {
  'split-access': [
    scriptGoes('split-access'),
    fileGoes('/etc/iproute2/rt_tables.d/fairlead-split-access.conf'),
  ],
  // split-access comes with it.
  ecmp: [
    scriptGoes('ecmp'),
    fileGoes('/etc/iproute2/rt_tables.d/fairlead-ecmp.conf'),
    scriptGoes('split-access'),
    fileGoes('/etc/iproute2/rt_tables.d/fairlead-split-access.conf'),
  ],
  'snat-rr': [scriptGoes('snat-rr')],
  'ipvs-dr': [scriptGoes('ipvs-dr')],
  clusterip: [
    scriptGoes('clusterip'),
    fileGoes('/etc/fairlead/clusterip'),
    fileGoes('/var/lib/fairlead/clusterip'),
  ],
} as const;

export type RoleName = keyof typeof UNDO;
