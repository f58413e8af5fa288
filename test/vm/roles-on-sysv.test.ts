// Every role under SysV's init, on a kernel of its own, through a real reboot.
import { rolesOn } from './support/roles-on.ts';

rolesOn('sysv', {
  roles: ['ecmp', 'snat-rr', 'ipvs-dr', 'clusterip'],
  isEnabled: 'ls /etc/rc2.d/S[0-9][0-9]"$script"',
});
