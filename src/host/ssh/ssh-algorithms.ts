// Which algorithms are offered to a server: ssh2's without SHA-1 and without group exchange, which costs over a second
// of CPU per connection; curve25519, ed25519 and AES-GCM first.
import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';

/** `knownKeyTypes` (of known_hosts) come first, or a host that has several keys would show one we do not know. */
export function algorithmsFor(knownKeyTypes: readonly string[]): Algorithms {
  const known = SERVER_HOST_KEY.filter((algorithm) => knownKeyTypes.includes(keyTypeFor(algorithm)));
  return { ...ALGORITHMS, serverHostKey: [...new Set([...known, ...SERVER_HOST_KEY])] };
}

const SERVER_HOST_KEY: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

const ALGORITHMS: Algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
};

/** One RSA key serves both signature algorithms (RFC 8332). */
function keyTypeFor(algorithm: ServerHostKeyAlgorithm): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm;
}
