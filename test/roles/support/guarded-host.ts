// A host whose guard is asked and told as the controller does, with an /etc and a /var/lib of its own: the guard's boot
// hook, files and services are not this machine's.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { askProgramFor, type Question } from '../../../src/guard/ask.ts';
import { guardProgram } from '../../../src/guard/program.ts';
import { type Outcome, run } from './namespace.ts';
import { TestHost, WORLDS, type World } from './test-host.ts';

export const GUARD = '/var/lib/fairlead/guard';

/** The shells that a guard may meet; where it is BusyBox's, /bin/sh is too. */
export const GUARD_WORLDS: readonly World[] = WORLDS.filter(
  ({ title }) => title === 'dash' || title === 'BusyBox ash and awk',
).map((world) =>
  world.title === 'dash'
    ? world
    : { ...world, dress: `${world.dress}\nmount --bind /usr/bin/busybox "$(readlink -f /bin/sh)"` },
);

const PRIVATE_ETC = `mkdir "$1/etc"; cp -a /etc/. "$1/etc"; mount --bind "$1/etc" /etc`;

export class GuardedHost {
  readonly host: TestHost;
  readonly program: string;

  private constructor(host: TestHost) {
    this.host = host;
    this.program = join(host.folder, 'program');
    writeFileSync(this.program, guardProgram());
  }

  static async create(world: World): Promise<GuardedHost> {
    const host = await TestHost.create({ ...world, dress: `${PRIVATE_ETC}\n${world.dress}` });
    return new GuardedHost(host);
  }

  /** What an operator asks. */
  ask(question: Question): Outcome {
    const script = join(this.host.folder, 'question');
    writeFileSync(
      script,
      askProgramFor(question)
        .steps.map((each) => each.script)
        .join('\n'),
    );
    return run(['setsid', '-w', ...this.host.inner.enter('all'), ...this.host.world.shell, script]);
  }

  /** The same where it has to be answered. */
  answer(question: Question): string {
    const { status, stdout, stderr } = this.ask(question);
    expect({ question, status, stdout, stderr }).toMatchObject({ question, status: 0, stderr: '' });
    return stdout;
  }

  /** The folder of a transaction that can be armed. */
  prepare(id: string, windowS: number): void {
    this.inside(`mkdir -p ${GUARD} && mkdir ${GUARD}/${id} && cp ${this.program} ${GUARD}/${id}/program
      cat >${GUARD}/${id}/about <<'END'
id=${id}
owner=ann@desk
playbook=site.yml
play=edge
started=2026-01-02T03:04:05Z
window=${windowS}
END`);
  }

  /** A transaction that is about to touch these: `file PATH`, `service NAME`. */
  arm(id: string, wants: readonly string[], windowS = 60): void {
    this.prepare(id, windowS);
    expect(this.tell(id, 'arm', wants.join('\n'), '')).toMatchObject({ status: 0, stdout: 'armed\n' });
  }

  /** A command of the transaction's own program. */
  tell(id: string, command: string, ...words: readonly string[]): Outcome {
    const argv = [`${GUARD}/${id}/program`, command, `${GUARD}/${id}`, ...words];
    // Of a group of its own, as a session is: the way back ends the group that is still at work.
    return run(['setsid', '-w', ...this.host.inner.enter('all'), ...this.host.world.shell, ...argv]);
  }

  /** A change that was confirmed: the next generation. */
  change(id: string, wants: readonly string[], script: string): void {
    this.arm(id, wants);
    this.inside(script);
    expect(this.tell(id, 'confirm')).toMatchObject({ status: 0, stdout: 'confirmed\n' });
  }

  killTimer(id: string): void {
    // What is left of a process may stay until somebody asks for its status.
    this.inside(`read -r pid _ <${GUARD}/${id}/timer
      kill -9 "$pid"
      while grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null; do :; done`);
  }

  /** A command line with the host's files and tools. Throws where it fails. */
  inside(line: string): string {
    return this.host.inside(line);
  }

  close(): void {
    this.host.close();
  }
}
