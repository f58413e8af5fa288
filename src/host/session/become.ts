// Starting a command as somebody: the login user, or through sudo, su or doas once.
// The password goes to the command's stdin, and only after its prompt was seen.
//
//   open ──► prompt seen ──► password ──► ready mark seen ──► the command has stdin for itself
//     │           └─ prompt again, or the end: refused
//     └─ no password, sudo -n, doas -n: nothing to wait for, so no round trip is spent
import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { words } from '../../shell.ts';
import type { Become } from '../host.ts';
import type { ByteChannel, CommandOpener, Loss, Refusal } from './byte-channel.ts';
import type { Streams } from './session-program.ts';

export type Started =
  | { readonly kind: 'open'; readonly channel: ByteChannel; readonly streams: Streams }
  | ({ readonly kind: 'lost' } & Loss)
  | Refusal;

/** The script of a session: the shell itself, which reads its programs from stdin. */
export const SHELL = 'exec /bin/sh';

interface StartOptions {
  /**
   * One line of sh without single quotes and backslashes: the login shell may be fish or csh.
   * It prints nothing before it has read something, so that its output does not mix with the become program's.
   */
  readonly script: string;
  readonly become: Become | undefined;
  /** For opening the channel and becoming the user. */
  readonly openMs: number;
}

/** Starts `/bin/sh -c script`. `refused`: the script has not run and nothing but a password was sent. */
export async function startAs(
  opener: CommandOpener,
  { script, become, openMs }: StartOptions,
): Promise<Started> {
  const plan = startPlan(script, become);
  const deadline = timer(openMs);
  try {
    const opening = opener.open(plan.command, { terminal: plan.terminal });
    const opened = await Promise.race([opening, deadline.passed]);
    if (opened === 'passed') {
      void opening.then((late) => late.kind === 'open' && late.channel.destroy());
      return { kind: 'refused', message: `no channel was opened within ${openMs / 1000} s` };
    }
    if (opened.kind === 'refused') return opened;
    const { channel } = opened;
    const streams = plan.terminal ? 'merged' : 'separate';
    if (plan.handshake === undefined || become === undefined) return { kind: 'open', channel, streams };
    const failure = await Promise.race([shakeHands(channel, become, plan.handshake), deadline.passed]);
    if (failure === undefined) return { kind: 'open', channel, streams };
    channel.destroy();
    if (failure !== 'passed') return failure;
    return { kind: 'refused', message: `${become.method} did not finish within ${openMs / 1000} s` };
  } finally {
    deadline.clear();
  }
}

/** Why a command that was never heard of ended: the words of the become program, or of the login shell. */
export function startFailure(
  become: Become | undefined,
  status: number | undefined,
  printed: string,
): Refusal {
  const said = lastLine(printed);
  const why = said === '' ? '' : `: ${said}`;
  if (become === undefined) {
    return { kind: 'refused', message: `/bin/sh did not start (status ${status ?? 'unknown'})${why}` };
  }
  if (become.password === undefined && /password|authentication (is )?required/i.test(printed)) {
    return noPassword(become);
  }
  return { kind: 'refused', message: `${become.method} failed (status ${status ?? 'unknown'})${why}` };
}

interface Handshake {
  readonly isPrompt: (printed: string) => boolean;
  readonly readyMark: string;
}

interface StartPlan {
  readonly command: string;
  readonly terminal: boolean;
  readonly handshake?: Handshake;
}

function startPlan(script: string, become: Become | undefined): StartPlan {
  if (become === undefined) {
    const command = script === SHELL ? script : `exec /bin/sh -c '${script}'`;
    return { command, terminal: false };
  }
  // Written in two parts: sudo prints the command it does not allow, and that must not look like the mark.
  const random = randomBytes(12).toString('hex');
  const readyMark = `ready-${random}`;
  const announce = `echo ready-""${random} >&2`;
  const announced = `${announce}; ${script}`;
  const { password } = become;
  const flags = (become.flags ?? '').split(/\s+/).filter((flag) => flag !== '');
  switch (become.method) {
    case 'sudo': {
      if (password === undefined) {
        const sudo = words('sudo', '-H', '-n', ...flags, '-u', become.user, '--', '/bin/sh', '-c');
        return { command: `exec ${sudo} '${script}'`, terminal: false };
      }
      const prompt = `prompt-${randomBytes(12).toString('hex')}`;
      const asking = flags.filter((flag) => flag !== '-n'); // Ansible's default flags have it: never prompt
      const sudo = words(
        'sudo',
        '-H',
        '-S',
        '-p',
        prompt,
        ...asking,
        '-u',
        become.user,
        '--',
        '/bin/sh',
        '-c',
      );
      return {
        command: `exec ${sudo} '${announced}'`,
        terminal: false,
        handshake: { isPrompt: (printed) => printed.includes(prompt), readyMark },
      };
    }
    case 'su':
      // su may ask also where no password is known, and would take the program's first line for one: always wait.
      return {
        command: `exec env LC_ALL=C ${words('su', ...flags, '-s', '/bin/sh', '-c')} '${announced}' ${words(become.user)}`,
        terminal: false,
        handshake: { isPrompt: asksForPassword, readyMark },
      };
    case 'doas': {
      if (password === undefined) {
        const doas = words('doas', '-n', ...flags, '-u', become.user, '/bin/sh', '-c');
        return { command: `exec ${doas} '${script}'`, terminal: false };
      }
      // doas reads a password from a terminal only. Raw mode keeps the bytes there as they are. A shell with a
      // terminal as its input would be interactive: `cat |` keeps it from that, and dies with it.
      const doas = words('doas', ...flags, '-u', become.user, '/bin/sh', '-c');
      const run = script === SHELL ? 'cat | ( /bin/sh; kill -HUP 0 )' : script;
      return {
        command: `exec ${doas} 'stty raw -echo; ${announce}; ${run}'`,
        terminal: true,
        handshake: { isPrompt: asksForPassword, readyMark },
      };
    }
  }
}

/** Undefined: the command runs, and stdin is its own. */
function shakeHands(
  channel: ByteChannel,
  become: Become,
  { isPrompt, readyMark }: Handshake,
): Promise<Refusal | ({ readonly kind: 'lost' } & Loss) | undefined> {
  return new Promise((resolve) => {
    let answered = false;
    let since = ''; // what was printed since the password went out
    let all = '';
    const heard = (chunk: Buffer) => {
      since += chunk.toString('latin1');
      all += chunk.toString('latin1');
      if (all.includes(readyMark)) return resolve(undefined);
      if (!isPrompt(since)) return;
      if (answered) return resolve(wrongPassword(become));
      if (become.password === undefined) return resolve(noPassword(become));
      answered = true;
      since = '';
      channel.stdin.write(`${become.password.reveal()}\n`);
    };
    channel.listen({ stdout: heard, stderr: heard });
    void channel.closed.then((end) => {
      if (end.loss !== undefined) return resolve({ kind: 'lost', ...end.loss });
      const wrong =
        answered && /incorrect|try again|authentication fail|authorization fail|denied/i.test(since);
      if (wrong && !/not in the sudoers/i.test(since)) return resolve(wrongPassword(become));
      return resolve(startFailure(become, end.status, since));
    });
  });
}

function asksForPassword(printed: string): boolean {
  return /(?:assword|asscode|PIN)[^\n]*: *$/.test(printed);
}

function wrongPassword({ method }: Become): Refusal {
  return {
    kind: 'refused',
    message: `${method} did not accept the password`,
    hint: 'check ansible_become_password',
  };
}

function noPassword({ method, user }: Become): Refusal {
  return {
    kind: 'refused',
    message: `${method} wants a password to become ${user}, and none was given`,
    hint: 'set ansible_become_password',
  };
}

function lastLine(printed: string): string {
  return printed.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}

function timer(ms: number): { readonly passed: Promise<'passed'>; clear(): void } {
  let handle: NodeJS.Timeout | undefined;
  const passed = new Promise<'passed'>((resolve) => {
    handle = setTimeout(() => resolve('passed'), ms);
  });
  return { passed, clear: () => clearTimeout(handle) };
}
