// The words of the command line: what is wrong with them is said before any host is contacted.
import { describe, expect, test } from 'vitest';
import { parseFlow } from '../../src/explain/flow.ts';
import { runInFolder } from '../docs/support/command.ts';

describe('words that cannot be a flow', () => {
  test.each([
    ['--to 198.51.100', '--to "198.51.100" is not an IP address', ''],
    ['--to example.org', '--to "example.org" is not an IP address', 'names are not looked up here'],
    ['--to fe80::1%eth0', '--to "fe80::1%eth0" is not an IP address', ''],
    ['--to 224.0.0.1', '--to 224.0.0.1 is a multicast address', ''],
    ['--to ::', '--to :: is no address of anybody', ''],
    ['--to 2001:db8::1 --from 192.0.2.1', '--from 192.0.2.1 is IPv4, --to 2001:db8::1 is IPv6', ''],
    ['--to 192.0.2.1 --proto sctp', '--proto "sctp" is none of tcp, udp, icmp', ''],
    ['--to 192.0.2.1 --dport 0', '--dport "0" is no whole number from 1 to 65535', ''],
    ['--to 192.0.2.1 --sport http', '--sport "http" is no whole number', ''],
    ['--to 192.0.2.1 --proto icmp --dport 1', 'icmp has no ports', ''],
    ['--to 192.0.2.1 --iif eth0', '--iif is for a flow that comes in from elsewhere', 'add --from ADDRESS'],
    ['--to 192.0.2.1 --from 10.0.0.1 --iif "eth0 x"', '--iif "eth0 x" is no name', ''],
    ['--to 192.0.2.1 --mark 0x100000000', '--mark "0x100000000" is no mark', ''],
    ['--to 192.0.2.0/24', '--to 192.0.2.0/24 is a network', 'give one address, or --sample'],
    ['--to 192.0.2.0/33 --sample 5', '--to "192.0.2.0/33" is not an IP address', ''],
    ['--to 192.0.2.1 --sample 0', '--sample "0" is no whole number from 1 to 100000', ''],
    ['--to 192.0.2.1 --sample 5 --sport 5', '--sport cannot be given with it', ''],
    ['--to 192.0.2.1 -o yaml', "argument 'yaml' is invalid", ''],
  ])('%s', async (words, said, hint) => {
    const { status, out, err } = await runInFolder([], `fairlead explain -i edge-1, all ${words}`);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(said);
    expect(err).toContain(hint === '' ? 'error[usage]' : `hint: ${hint}`);
  });
});

test('addresses are spelled as the kernel spells them, networks give their first address', () => {
  expect(parseFlow({ to: '2001:DB8:0:0::1' }).to.text).toBe('2001:db8::1');
  expect(parseFlow({ to: '198.51.100.77/24', sample: '5' }).to.text).toBe('198.51.100.1');
  expect(parseFlow({ to: '198.51.100.1', mark: '0x10' })).toMatchObject({
    mark: 16,
    protocol: 'tcp',
    family: 4,
  });
});
