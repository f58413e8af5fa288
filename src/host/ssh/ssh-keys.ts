// Private key files and the agent's keys: read and parsed once per run, whatever the number of hosts that use them.
// The order in which they are offered is ssh-auth.ts's.
import type { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import ssh2, { type BaseAgent, type ParsedKey, type PublicKeyEntry } from 'ssh2';
import type { Secret } from '../../secret.ts';

export type KeyFile =
  | { readonly kind: 'key'; readonly path: string; readonly key: ParsedKey }
  | { readonly kind: 'absent'; readonly path: string }
  /** `publicKey`: from FILE.pub, to find the key in the agent. */
  | { readonly kind: 'encrypted'; readonly path: string; readonly publicKey?: Buffer }
  | { readonly kind: 'unusable'; readonly path: string; readonly why: string };

export class KeyCache {
  readonly #files = new Map<string, Promise<KeyFile>>();

  /** Never rejects. The passphrase of the first who asks for a file counts. */
  load(path: string, passphrase: Secret | undefined): Promise<KeyFile> {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = readKey(path, passphrase);
      this.#files.set(path, file);
    }
    return file;
  }
}

/** The agent, showing only these public keys: what IdentitiesOnly asks for. */
export function limitedAgent(socket: string, publicKeys: readonly Buffer[]): BaseAgent {
  const agent = ssh2.createAgent(socket);
  class LimitedAgent extends ssh2.BaseAgent<ParsedKey> {
    override getIdentities(callback: Parameters<BaseAgent<ParsedKey>['getIdentities']>[0]): void {
      agent.getIdentities((error, keys) => {
        const parsed = (keys ?? []).map(publicKeyOf).filter((key) => key !== undefined);
        callback(
          error,
          parsed.filter((key) => publicKeys.some((wanted) => wanted.equals(key.getPublicSSH()))),
        );
      });
    }

    override sign(...parameters: unknown[]): void {
      Reflect.apply(agent.sign, agent, parameters);
    }
  }
  return new LimitedAgent();
}

function publicKeyOf(entry: string | Buffer | ParsedKey | PublicKeyEntry): ParsedKey | undefined {
  const key = typeof entry === 'object' && 'pubKey' in entry ? entry.pubKey : entry;
  const parsed = ssh2.utils.parseKey(typeof key === 'object' && 'pubKey' in key ? key.pubKey : key);
  return parsed instanceof Error ? undefined : parsed;
}

async function readKey(path: string, passphrase: Secret | undefined): Promise<KeyFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return { kind: 'absent', path };
    return { kind: 'unusable', path, why: code === 'EACCES' ? 'permission denied' : String(code ?? error) };
  }
  const parsed: ParsedKey | Error | readonly ParsedKey[] = ssh2.utils.parseKey(text, passphrase?.reveal());
  const key = parsed instanceof Error || !Array.isArray(parsed) ? parsed : parsed[0];
  if (key instanceof Error) {
    if (/no passphrase/i.test(key.message)) return encrypted(path);
    const wrong = passphrase !== undefined && /bad passphrase|bad decrypt|integrity/i.test(key.message);
    if (wrong) return { kind: 'unusable', path, why: 'the passphrase is wrong' };
    if (/^sk-|security key/i.test(key.message) || /sk-(ssh|ecdsa)/.test(await publicHalf(path))) {
      return { kind: 'unusable', path, why: 'keys of security tokens (FIDO) are not supported' };
    }
    return { kind: 'unusable', path, why: 'not a private key in a known format' };
  }
  if (!key.isPrivateKey()) return { kind: 'unusable', path, why: 'a public key, not a private one' };
  return { kind: 'key', path, key };
}

async function encrypted(path: string): Promise<KeyFile> {
  const publicKey = ssh2.utils.parseKey(await publicHalf(path));
  if (publicKey instanceof Error) return { kind: 'encrypted', path };
  return { kind: 'encrypted', path, publicKey: publicKey.getPublicSSH() };
}

function publicHalf(path: string): Promise<string> {
  return readFile(`${path}.pub`, 'utf8').catch(() => '');
}
