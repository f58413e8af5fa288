// Which proofs of identity are offered to a server, in which order, and what is said when none was taken.
//   keys somebody named → agent → default keys → keyboard-interactive → password
import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2';
import type { Unreachable } from './connect-failure.ts';
import type { SshTarget } from './connection-settings.ts';
import { type KeyCache, type KeyFile, limitedAgent } from './ssh-keys.ts';

/** The proofs for one target; `handler` is for one connection. */
export interface Authentication {
  readonly handler: AuthHandlerMiddleware;
  /** Once the server has refused all of them. */
  failure(): Unreachable;
}

export interface AuthSources {
  readonly keys: KeyCache;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
}

interface Attempt {
  /** For people: `key ~/.ssh/id_ed25519`. */
  readonly label: string;
  /** What servers call it. */
  readonly type: AuthenticationType;
  readonly method: AnyAuthMethod;
}

/** Reads the keys. `unreachable` when a key file that somebody named is the only proof and cannot be used. */
export async function prepareAuthentication(
  target: SshTarget,
  sources: AuthSources,
): Promise<Authentication | Unreachable> {
  const loading = target.keyFiles.map((path) => sources.keys.load(path, target.passphrase));
  const files = await Promise.all(loading);
  const attempts = attemptsOf(target, files, sources.agentSocket);
  const troubles = files.flatMap((file) => troubleOf(file, target.keyFilesAre));
  const [trouble] = troubles;
  if (attempts.length === 0 && trouble !== undefined) return trouble;
  return authentication(target, attempts, troubles);
}

function attemptsOf(
  target: SshTarget,
  files: readonly KeyFile[],
  agentSocket: string | undefined,
): Attempt[] {
  const username = target.user;
  const keys = files.flatMap((file): Attempt[] =>
    file.kind === 'key'
      ? [
          {
            label: `key ${file.path}`,
            type: 'publickey',
            method: { type: 'publickey', username, key: file.key },
          },
        ]
      : [],
  );
  const agent = agentAttempt(target, files, agentSocket);
  const ordered = target.keyFilesAre === 'given' ? [...keys, ...agent] : [...agent, ...keys];
  const password = target.password?.reveal();
  if (password === undefined) return ordered;
  return [
    ...ordered,
    {
      label: 'password (keyboard-interactive)',
      type: 'keyboard-interactive',
      method: { type: 'keyboard-interactive', username, prompt: answerOnce(password) },
    },
    { label: 'password', type: 'password', method: { type: 'password', username, password } },
  ];
}

function agentAttempt(target: SshTarget, files: readonly KeyFile[], socket: string | undefined): Attempt[] {
  if (socket === undefined || socket === '') return [];
  const username = target.user;
  if (!target.identitiesOnly) {
    return [{ label: 'agent', type: 'publickey', method: { type: 'agent', username, agent: socket } }];
  }
  const wanted = files.flatMap((file) => {
    return file.kind === 'encrypted' && file.publicKey !== undefined ? [file.publicKey] : [];
  });
  if (wanted.length === 0) return [];
  const agent = limitedAgent(socket, wanted);
  return [{ label: 'agent', type: 'publickey', method: { type: 'agent', username, agent } }];
}

/** Every hidden question is for the password, and is answered once: a second round means that it was wrong. */
function answerOnce(password: string) {
  let answered = false;
  return (
    _name: string,
    _instructions: string,
    _lang: string,
    prompts: readonly { readonly echo?: boolean }[],
    finish: (answers: string[]) => void,
  ): void => {
    finish(prompts.map((prompt) => (answered || prompt.echo === true ? '' : password)));
    answered = true;
  };
}

function authentication(
  target: SshTarget,
  attempts: readonly Attempt[],
  troubles: readonly Unreachable[],
): Authentication {
  const tried: string[] = [];
  let allowed: readonly string[] = [];
  const waiting = [...attempts];
  let asked = false;
  const next = (methodsLeft: readonly string[] | null): AnyAuthMethod | undefined => {
    if (methodsLeft !== null) allowed = methodsLeft;
    for (let attempt = waiting.shift(); attempt !== undefined; attempt = waiting.shift()) {
      if (methodsLeft !== null && !methodsLeft.includes(attempt.type)) continue;
      tried.push(attempt.label);
      return attempt.method;
    }
    if (attempts.length > 0 || asked) return undefined;
    asked = true; // nothing to offer: at least learn what the server would take
    return { type: 'none', username: target.user };
  };
  return {
    handler: (methodsLeft, _partial, callback) => {
      const method = next(methodsLeft);
      // ssh2 ends with `false`, which its types do not have.
      callback(method ?? (false as unknown as AuthenticationType));
    },
    failure: () => {
      if (tried.length === 0 && troubles[0] !== undefined) return troubles[0];
      const offered = tried.length === 0 ? 'nothing to offer' : `tried ${tried.join(', ')}`;
      const takes = allowed.length === 0 ? '' : `; the server takes ${allowed.join(', ')}`;
      const notes = troubles.map((trouble) => `; ${trouble.message}`).join('');
      return {
        kind: 'unreachable',
        reason: 'authentication',
        message: `user "${target.user}" was not let in: ${offered}${takes}${notes}`,
        hint: troubles[0]?.hint ?? hintFor(attempts),
      };
    },
  };
}

function hintFor(attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return 'set ansible_ssh_private_key_file or ansible_password, or start an agent';
  return attempts.some((attempt) => attempt.type === 'publickey')
    ? 'check the user name, and that its authorized_keys has one of these keys'
    : 'check ansible_user and ansible_password';
}

function troubleOf(file: KeyFile, are: 'given' | 'default'): Unreachable[] {
  const trouble = (message: string, hint?: string): Unreachable[] => [
    { kind: 'unreachable', reason: 'key-file', message, ...(hint && { hint }) },
  ];
  switch (file.kind) {
    case 'key':
      return [];
    case 'absent':
      return are === 'default' ? [] : trouble(`key file ${file.path} is not there`);
    case 'encrypted':
      return trouble(
        `key file ${file.path} is encrypted, and there is no passphrase for it`,
        `give the key to the agent with\n    ssh-add ${file.path}`,
      );
    case 'unusable':
      return are === 'default' ? [] : trouble(`key file ${file.path} cannot be used: ${file.why}`);
  }
}
