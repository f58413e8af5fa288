// A machine with BusyBox's init and shell, OpenRC and dropbear, without bash, Perl, Python and systemd: facts, commands,
// files and roles, through a real reboot.
import { expect, it } from 'vitest';
import { fairlead } from '../lab/support/fairlead.ts';
import type { RolesMachine } from './support/roles-machine.ts';
import { rolesOn } from './support/roles-on.ts';

rolesOn('busybox', {
  roles: ['ecmp', 'snat-rr'],
  isEnabled: '[ -e "/etc/runlevels/default/$script" ] && rc-service "$script" status',
  marks: true,
  emptyTables: 'stay',
  more: hostBasics,
});

function hostBasics(machine: () => RolesMachine): void {
  it('tells facts, runs commands, and gets files without SFTP', async () => {
    const { lab } = machine();
    const facts = await fairlead(lab, 'facts', 'edge');
    expect(facts).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(facts.stdout)).toMatchObject({
      'edge-1': { hostname: 'edge-1', init: 'openrc', distribution: { id: 'busybox' } },
    });
    const copy = { copy: { content: 'a\u0001ü\n', dest: '/root/files/copied', mode: '0640' } };
    const files = [
      { file: { path: '/root/files', state: 'directory', mode: '0700' } },
      copy,
      {
        template: { src: machine().writeTemplate('{{inventory_hostname}}\n'), dest: '/root/files/templated' },
      },
      { file: { path: '/root/files/link', src: 'copied', state: 'link' } },
    ];
    expect(await machine().play([{ hosts: 'edge', tasks: files }])).toBe(4);
    expect(await machine().play([{ hosts: 'edge', tasks: files }])).toBe(0);
    const look = 'cd /root/files && stat -c "%a %n" copied . && cat link templated && rm -r /root/files';
    const run = await lab.inHost('edge-1', ['sh', '-c', look]);
    expect(run).toMatchObject({ exitCode: 0, stdout: '640 copied\n700 .\na\u0001ü\nedge-1\n' });
  });
}
