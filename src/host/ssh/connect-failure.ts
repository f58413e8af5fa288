// Why a host could not be reached, in words: one sentence that names things, and one act as a hint. Pure.
import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { ConnectOutcome, UnreachableReason } from '../host.ts';
import type { SshTarget } from './connection-settings.ts';
import { type HostKeyVerdict, keyTypeOf } from './known-hosts.ts';

export type Unreachable = Extract<ConnectOutcome, { kind: 'unreachable' }>;

/** How far a connection has come. */
export type Phase = 'connect' | 'handshake' | 'authentication';

/** A system's or ssh2's error on the way to being connected. */
export function connectFailure(target: SshTarget, phase: Phase, error: unknown): Unreachable {
  const { code, message } = errorParts(error);
  const where = place(target);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return because('address', `the name "${target.address}" does not resolve`, {
        hint: target.address === target.name ? 'set ansible_host to its address' : 'check ansible_host',
      });
    case 'ECONNREFUSED':
      return because('refused', `${where} refused the connection`, {
        hint: 'is sshd running, and on this port?',
      });
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return because('refused', `no route to ${where} (${code})`);
    case 'ETIMEDOUT':
      return because('timeout', `no TCP connection to ${where}: ${code}`);
  }
  if (phase === 'authentication') {
    return because('authentication', `${where} ended the connection during the authentication: ${message}`);
  }
  if (/no matching/i.test(message)) {
    return because('protocol', `${where} and fairlead have no algorithm in common: ${message}`, {
      hint: 'post-quantum-only and SHA-1-only servers are not supported; compare with\n    ssh -Q kex',
    });
  }
  return because('protocol', `${where} ended the connection during the SSH handshake: ${message}`);
}

/** Our own timer for the whole of connecting has fired. */
export function connectTimeout(target: SshTarget, phase: Phase): Unreachable {
  const within = `within ${target.timeouts.connectMs / 1000} s`;
  const where = place(target);
  switch (phase) {
    case 'connect':
      return because('timeout', `no TCP connection to ${where} ${within}`);
    case 'handshake':
      return because(
        'timeout',
        `${where} accepts connections but did not finish the SSH handshake ${within}`,
      );
    case 'authentication':
      return because('timeout', `${where} did not finish the authentication ${within}`);
  }
}

/** A key that is not accepted. */
export function hostKeyFailure(
  target: SshTarget,
  key: Buffer,
  verdict: Exclude<HostKeyVerdict, { kind: 'match' }>,
  otherTypes: readonly string[],
): Unreachable {
  const where = place(target);
  const shown = `${shortType(keyTypeOf(key))} ${fingerprint(key)}`;
  switch (verdict.kind) {
    case 'unknown': {
      const authority =
        verdict.certificateAuthority === undefined
          ? ''
          : `; ${verdict.certificateAuthority} trusts a certificate authority, which is not supported`;
      const others = otherTypes.length === 0 ? '' : `; known is ${otherTypes.map(shortType).join(', ')}`;
      return because(
        'host-key-unknown',
        `the host key of ${where} is not known: ${shown}${others}${authority}`,
        {
          hint: `compare the fingerprint, then run with --host-key accept-new, or connect once with\n    ${sshCommand(target)}`,
        },
      );
    }
    case 'changed':
      return because(
        'host-key-changed',
        `the host key of ${where} has changed: it shows ${shown}, ${verdict.at} has ${fingerprint(verdict.oldKey)}`,
        {
          hint: `somebody may be in between; if the host was reinstalled, remove the old key with\n    ${keygenCommand(target, verdict.at)}`,
        },
      );
    case 'revoked':
      return because('host-key-revoked', `the host key of ${where} is revoked at ${verdict.at}: ${shown}`);
  }
}

/** An unreachable jump host, or one that does not forward. */
export function jumpFailure(jump: string, failure: Unreachable): Unreachable {
  const reason = failure.reason === 'interrupted' ? failure.reason : 'jump';
  const hint = failure.hint;
  return because(reason, `jump host ${jump}: ${failure.message}`, hint === undefined ? {} : { hint });
}

export function because(
  reason: UnreachableReason,
  message: string,
  more: { readonly hint?: string } = {},
): Unreachable {
  return { kind: 'unreachable', reason, message, ...more };
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `10.0.0.1:22`, `[2001:db8::1]:22`. */
export function place({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function errorParts(error: unknown): { readonly code: string | undefined; readonly message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return errorParts(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return { code: typeof code === 'string' ? code : undefined, message };
}

/** `ssh-ed25519` → `ED25519`, as ssh prints them. */
function shortType(keyType: string): string {
  return keyType
    .replace(/^ssh-/, '')
    .replace(/^ecdsa-sha2-.*/, 'ecdsa')
    .toUpperCase();
}

function sshCommand({ user, address, port, jumps }: SshTarget): string {
  const jump = jumps.length === 0 ? '' : `-J ${jumps.join(',')} `;
  return `ssh ${jump}${port === 22 ? '' : `-p ${port} `}${user}@${address}`;
}

function keygenCommand({ hostKeyName, hostKeyPort }: SshTarget, at: string): string {
  const name = hostKeyPort === 22 ? hostKeyName : `'[${hostKeyName}]:${hostKeyPort}'`;
  return `ssh-keygen -R ${name} -f ${at.replace(/:\d+$/, '')}`;
}
