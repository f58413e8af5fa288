// Every role under systemd, on a kernel of its own, through a real reboot.
import { rolesOn } from './support/roles-on.ts';

rolesOn('systemd', {
  roles: ['ecmp', 'snat-rr', 'ipvs-dr', 'clusterip'],
  isEnabled:
    'systemctl is-enabled "$script.service" && systemctl is-active "$script.service" && ! ls /etc/rc?.d/*"$script"',
});
