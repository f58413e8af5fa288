// Every role under OpenRC, on a kernel of its own, through a real reboot.
import { rolesOn } from './support/roles-on.ts';

rolesOn('openrc', {
  roles: ['ecmp', 'snat-rr', 'ipvs-dr', 'clusterip'],
  isEnabled: 'rc-update show default | grep -q "$script" && rc-service "$script" status',
});
