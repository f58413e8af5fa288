import { describe, expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/host/host.ts';
import {
  type ConnectionSettings,
  jumpTarget,
  parseJump,
  sshAlias,
  sshTarget,
} from '../../src/host/ssh/connection-settings.ts';
import { parseSshArguments } from '../../src/host/ssh/ssh-arguments.ts';
import { readSshConfig, type SshHostOptions, sshHostOptions } from '../../src/host/ssh/ssh-config.ts';

const local = { user: 'me', homeDirectory: '/home/me' };

function options(alias: string, files: Readonly<Record<string, string>>): SshHostOptions {
  const reader = {
    homeDirectory: '/home/me',
    read: (path: string) => files[path],
    expand: (pattern: string) => {
      const regexp = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
      return Object.keys(files)
        .filter((path) => regexp.test(path))
        .sort();
    },
  };
  return sshHostOptions(
    readSshConfig(['/home/me/.ssh/config', '/etc/ssh/ssh_config'], reader),
    alias,
    local.user,
  );
}

function fromUser(alias: string, text: string): SshHostOptions {
  return options(alias, { '/home/me/.ssh/config': text });
}

describe('ssh_config', () => {
  test.each<[string, string, string, Partial<SshHostOptions>]>([
    ['nothing', 'web', '', {}],
    [
      'a host',
      'web',
      'Host web\n  HostName 10.0.0.1\n  Port 2222\n  User admin\n',
      { hostName: '10.0.0.1', port: 2222, user: 'admin' },
    ],
    ['another host', 'db', 'Host web\n  Port 2222\n', {}],
    ['the first value wins', 'web', 'Host web\n  User a\nHost *\n  User b\n', { user: 'a' }],
    [
      'keywords in any case, with an equals sign',
      'web',
      'host web\n  hostname=h\n  PORT = 22\n',
      { hostName: 'h', port: 22 },
    ],
    ['a negated pattern', 'web', 'Host * !web\n  User a\n', {}],
    ['a question mark is exactly one character', 'web1', 'Host web?\n  User a\n', { user: 'a' }],
    ['a question mark is not none', 'web', 'Host web?\n  User a\n', {}],
    ['%h in HostName', 'web', 'Host web\n  HostName %h.example.org\n', { hostName: 'web.example.org' }],
    [
      'several keys add up',
      'web',
      'Host web\n  IdentityFile ~/a\nHost *\n  IdentityFile "/b c"\n  IdentitiesOnly yes\n',
      { identityFiles: ['~/a', '/b c'], identitiesOnly: true },
    ],
    ['several known_hosts', 'web', 'UserKnownHostsFile ~/a /b\n', { userKnownHostsFiles: ['~/a', '/b'] }],
    ['ProxyJump', 'web', 'Host web\n  ProxyJump a,b@c:22\n', { proxyJump: 'a,b@c:22' }],
    [
      'ProxyCommand',
      'web',
      'Host web\n  ProxyCommand nc -x "p q" %h %p\n',
      { proxyCommand: 'nc -x p q %h %p' },
    ],
    [
      'the rest',
      'web',
      'HostKeyAlias x\nStrictHostKeyChecking Accept-New\n',
      { hostKeyAlias: 'x', strictHostKeyChecking: 'accept-new' },
    ],
    ['Match all', 'web', 'Match all\n  User a\n', { user: 'a' }],
    [
      'Match host looks at HostName',
      'web',
      'Host web\n HostName 10.0.0.1\nMatch host 10.*\n  User a\n',
      { hostName: '10.0.0.1', user: 'a' },
    ],
    ['Match originalhost and user', 'web', 'Match originalhost web,db user me\n  Port 23\n', { port: 23 }],
    ['Match user that is not', 'web', 'Match user you\n  Port 23\n', {}],
    ['Match exec never applies', 'web', 'Match exec "true"\n  User a\n', {}],
    ['Match final never applies', 'web', 'Match final all\n  User a\n', {}],
  ])('%s', (_, alias, text, expected) => {
    expect(fromUser(alias, text)).toEqual({ identityFiles: [], ...expected });
  });

  test('Include is followed where it stands, also inside a Host, by ~, glob and relative name', () => {
    const files = {
      '/home/me/.ssh/config':
        'Include conf.d/*\nHost web\n  Include ~/web.conf\n  Port 1\nHost *\n  User last\n',
      '/home/me/.ssh/conf.d/10': 'Host web\n  User first\n',
      '/home/me/.ssh/conf.d/20': 'Host web\n  User second\n',
      '/home/me/web.conf': 'Port 2\nHost db\n  HostName never\n',
      '/etc/ssh/ssh_config': 'Host web\n  HostName system\n',
    };
    expect(options('web', files)).toMatchObject({ user: 'first', port: 2, hostName: 'system' });
    expect(options('db', files)).toMatchObject({ user: 'last' });
    expect(options('db', files)).not.toHaveProperty('hostName');
  });

  test('an Include of itself and broken quotes are errors that name the file', () => {
    const circle = () => fromUser('web', 'Include /home/me/.ssh/config\n');
    expect(circle).toThrow('ssh configuration cannot be read');
    expect(() => fromUser('web', 'Host "web\n  User a\n')).toThrow('ssh configuration cannot be read');
  });
});

describe('ssh arguments', () => {
  test.each<[string, Partial<SshHostOptions>, readonly string[]]>([
    ['', {}, []],
    ['-o ProxyJump=bastion -p 2222', { proxyJump: 'bastion', port: 2222 }, []],
    ['-J a,b -i ~/k -i /l -ladmin', { proxyJump: 'a,b', identityFiles: ['~/k', '/l'], user: 'admin' }, []],
    [
      `-o 'UserKnownHostsFile /a /b' -oStrictHostKeyChecking=no`,
      { userKnownHostsFiles: ['/a', '/b'], strictHostKeyChecking: 'no' },
      [],
    ],
    ['-o ControlMaster=auto -o ControlPersist=60s -C -vvv', {}, []],
    ['-o ProxyCommand="ssh -W %h:%p -q bastion"', { proxyCommand: 'ssh -W %h:%p -q bastion' }, []],
    ['-o Ciphers=aes256-cbc -L 1:2:3', {}, ['-o Ciphers=aes256-cbc', '-L', '1:2:3']],
  ])('%j', (text, expected, unsupported) => {
    expect(parseSshArguments(text)).toEqual({ options: { identityFiles: [], ...expected }, unsupported });
  });
});

describe('a target', () => {
  function target(settings: ConnectionSettings, config = '') {
    return sshTarget('web', { settings, configured: fromUser(sshAlias('web', settings), config), local });
  }

  test('of which nothing is said', () => {
    expect(target({})).toEqual({
      name: 'web',
      address: 'web',
      port: 22,
      user: 'me',
      hostKeyName: 'web',
      hostKeyPort: 22,
      hostKeyPolicy: 'strict',
      knownHostsFiles: [
        '/home/me/.ssh/known_hosts',
        '/home/me/.ssh/known_hosts2',
        '/etc/ssh/ssh_known_hosts',
        '/etc/ssh/ssh_known_hosts2',
      ],
      keyFiles: ['/home/me/.ssh/id_ed25519', '/home/me/.ssh/id_ecdsa', '/home/me/.ssh/id_rsa'],
      keyFilesAre: 'default',
      identitiesOnly: false,
      jumps: [],
      timeouts: DEFAULT_TIMEOUTS,
      unsupported: [],
    });
  });

  const config = `Host web
    HostName 10.0.0.1
    Port 2222
    User admin
    IdentityFile ~/.ssh/%r@%n-%h
    IdentityFile %d/k%%
    UserKnownHostsFile ~/kh-%p
    StrictHostKeyChecking no
    ProxyJump %r@jump
    HostKeyAlias farm`;

  test('takes everything from the ssh configuration, tokens expanded', () => {
    expect(target({}, config)).toMatchObject({
      address: '10.0.0.1',
      port: 2222,
      user: 'admin',
      hostKeyName: 'farm',
      hostKeyPort: 22,
      hostKeyPolicy: 'off',
      knownHostsFiles: ['/home/me/kh-2222', '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      keyFiles: ['/home/me/.ssh/admin@web-10.0.0.1', '/home/me/k%'],
      keyFilesAre: 'given',
      jumps: ['admin@jump'],
    });
  });

  test('prefers what the inventory says, and ssh arguments to the configuration', () => {
    const settings: ConnectionSettings = {
      port: 22,
      user: 'root',
      privateKeyFiles: ['/k'],
      hostKeyPolicy: 'strict',
      sshArguments: '-o ProxyJump=none -o Port=7 -o HostName=10.9.9.9',
      timeouts: { connectMs: 1 },
    };
    expect(target(settings, config)).toMatchObject({
      address: '10.9.9.9',
      port: 22,
      user: 'root',
      keyFiles: ['/k'],
      hostKeyPolicy: 'strict',
      jumps: [],
      timeouts: { ...DEFAULT_TIMEOUTS, connectMs: 1 },
    });
  });

  test('with an address is looked up by that in the ssh configuration', () => {
    expect(target({ address: '10.0.0.9' }, 'Host web\n User no\nHost 10.*\n User yes\n')).toMatchObject({
      address: '10.0.0.9',
      user: 'yes',
    });
  });

  test.each([
    ['ssh -W %h:%p bastion', ['bastion'], []],
    ['/usr/bin/ssh -q -W %h:%p admin@bastion', ['admin@bastion'], []],
    ['none', [], []],
    ['nc -x proxy %h %p', [], ['ProxyCommand nc -x proxy %h %p']],
    ['ssh -F other -W %h:%p bastion', [], ['ProxyCommand ssh -F other -W %h:%p bastion']],
  ])('with ProxyCommand %j', (command, jumps, unsupported) => {
    expect(target({}, `ProxyCommand ${command}\n`)).toMatchObject({ jumps, unsupported });
  });

  test('gives its jump host its policy, timeouts and keys, and not its password', () => {
    const behind = target({
      privateKeyFiles: ['/k'],
      hostKeyPolicy: 'accept-new',
      timeouts: { connectMs: 1 },
    });
    const jump = jumpTarget('admin@[fe80::1]:2200', {
      target: behind,
      configured: { identityFiles: [] },
      local,
    });
    expect(jump).toMatchObject({
      name: 'fe80::1',
      address: 'fe80::1',
      port: 2200,
      user: 'admin',
      hostKeyPolicy: 'accept-new',
      keyFiles: ['/k'],
    });
    expect(jump.timeouts.connectMs).toBe(1);
    expect(jump).not.toHaveProperty('password');
  });
});

test.each([
  ['bastion', { name: 'bastion', settings: {} }],
  ['me@bastion:2222', { name: 'bastion', settings: { user: 'me', port: 2222 } }],
  ['ssh://me@bastion', { name: 'bastion', settings: { user: 'me' } }],
  ['[2001:db8::1]:22', { name: '2001:db8::1', settings: { port: 22 } }],
  ['2001:db8::1', { name: '2001:db8::1', settings: {} }],
])('the jump host %s', (text, expected) => {
  expect(parseJump(text)).toEqual(expected);
});
