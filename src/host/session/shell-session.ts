// One long-lived /bin/sh of one identity on one host: programs go in on stdin, framed results come back.
// Who keeps sessions, and when one is opened anew, is left to host-sessions.ts.
//
//   opened ──hello──► idle ──run──► running ──done──► idle …
//      │                               ├─ timer or interruption: its process group is killed, lost
//      └─ ended before hello: refused  └─ channel gone: lost
import type { Buffer } from 'node:buffer';
import type { Become, LostReason, Program, ProgramOutcome, StepListener } from '../host.ts';
import { SHELL, startAs, startFailure } from './become.ts';
import type { ByteChannel, ChannelEnd, CommandOpener, Loss, Refusal } from './byte-channel.ts';
import { FrameParser, newMarker } from './frame-parser.ts';
import { ProgramReader, preamble, programText, type Streams, stepBehind } from './session-program.ts';

export interface SessionOptions {
  readonly opener: CommandOpener;
  readonly become: Become | undefined;
  readonly openMs: number;
}

type SessionOpening =
  | { readonly kind: 'open'; readonly session: ShellSession }
  | ({ readonly kind: 'lost' } & Loss)
  | Refusal;

interface ProgramOptions {
  readonly timeoutMs: number;
  readonly listener?: StepListener | undefined;
}

interface Running extends ProgramOptions {
  readonly program: Program;
  readonly reader: ProgramReader;
  readonly resolve: (outcome: ProgramOutcome) => void;
  timer: NodeJS.Timeout | undefined;
}

const PRINTED_LIMIT = 4096;

export class ShellSession {
  readonly #options: SessionOptions;
  readonly #channel: ByteChannel;
  readonly #streams: Streams;
  readonly #marker = newMarker();
  readonly #parsers = { stdout: this.#parser('stdout'), stderr: this.#parser('stderr') };
  #running: Running | undefined;
  #heard = false;
  /** What came before the shell's hello: why it did not start, where it did not. */
  #printed = '';
  #pgrp = '';
  /** A timer has fired, or the run is interrupted: what closes the channel now is our own doing. */
  #killing = false;
  #end: ChannelEnd | undefined;

  private constructor(options: SessionOptions, channel: ByteChannel, streams: Streams) {
    this.#options = options;
    this.#channel = channel;
    this.#streams = streams;
    channel.listen({
      stdout: (chunk) => this.#receive('stdout', chunk),
      stderr: (chunk) => this.#receive('stderr', chunk),
    });
    void channel.closed.then((end) => this.#closed(end));
    channel.stdin.write(preamble(this.#marker, streams));
  }

  /** Opens the channel and becomes the user. Without a password this does not wait for the shell's first word. */
  static async open(options: SessionOptions): Promise<SessionOpening> {
    const { opener, become, openMs } = options;
    const started = await startAs(opener, { script: SHELL, become, openMs });
    if (started.kind !== 'open') return started;
    return { kind: 'open', session: new ShellSession(options, started.channel, started.streams) };
  }

  /** False: it is of no further use. */
  get alive(): boolean {
    return this.#end === undefined;
  }

  /** One program at a time; the caller waits for one before it gives the next. */
  run(program: Program, options: ProgramOptions): Promise<ProgramOutcome> {
    const text = programText(program, this.#marker, this.#streams);
    const reader = new ProgramReader(program.steps, this.#streams);
    return new Promise((resolve) => {
      this.#running = { ...options, program, reader, resolve, timer: undefined };
      if (this.#end !== undefined) return this.#closed(this.#end);
      const { openMs } = this.#options;
      if (this.#heard) this.#startTimer(options.timeoutMs, () => this.#timeOut());
      else
        this.#startTimer(openMs, () =>
          this.#lose('timeout', `the shell said nothing within ${openMs / 1000} s`),
        );
      this.#channel.stdin.write(text);
    });
  }

  /** End of input: the shell leaves by itself. */
  close(): void {
    this.#end ??= { status: undefined };
    this.#channel.stdin.end();
  }

  /** Kills what runs. Resolves when it is dead, or after `patienceMs`: the host goes on killing by itself then. */
  async interrupt(patienceMs: number): Promise<void> {
    if (this.#running === undefined || this.#killing) return;
    this.#killing = true;
    this.#end = { status: undefined, loss: { reason: 'interrupted', message: 'interrupted' } };
    let impatient: NodeJS.Timeout | undefined;
    const patience = new Promise<string>((resolve) => {
      impatient = setTimeout(() => resolve('are being killed'), patienceMs);
    });
    const killing = this.#killGroup().then((killed) => (killed ? 'were killed' : 'may still run'));
    const processes = await Promise.race([killing, patience]);
    clearTimeout(impatient);
    this.#lose('interrupted', `interrupted; its processes ${processes}`);
  }

  #parser(from: 'stdout' | 'stderr'): FrameParser {
    return new FrameParser(this.#marker, (bytes, behind) => {
      const { listener, program } = this.#running ?? {};
      if (listener === undefined || program === undefined) return 'left';
      const step = stepBehind(behind, program.steps);
      return step === undefined ? 'left' : listener.heard(step.id, from, bytes);
    });
  }

  #receive(from: 'stdout' | 'stderr', chunk: Buffer): void {
    if (!this.#heard && this.#printed.length < PRINTED_LIMIT) this.#printed += chunk.toString('utf8');
    for (const frame of this.#parsers[from].push(chunk)) {
      if (from === 'stdout' && frame.tag.startsWith('h')) this.#greet(frame.tag);
      else this.#running?.reader.frame(from, frame);
    }
    const running = this.#running;
    if (running?.reader.done) this.#finish({ kind: 'finished', steps: running.reader.outcomes() });
  }

  #greet(tag: string): void {
    this.#heard = true;
    this.#pgrp = /^h (\d+)$/.exec(tag)?.[1] ?? '';
    const timeoutMs = this.#running?.timeoutMs;
    if (timeoutMs !== undefined) this.#startTimer(timeoutMs, () => this.#timeOut());
  }

  #closed(end: ChannelEnd): void {
    if (this.#killing) return;
    this.#end = end;
    if (end.loss !== undefined) this.#lose(end.loss.reason, end.loss.message);
    else if (this.#heard) {
      const status = end.status === undefined ? '' : ` with status ${end.status}`;
      this.#lose('connection', `the shell ended${status} before the program was done`);
    } else this.#finish(startFailure(this.#options.become, end.status, this.#printed));
  }

  #timeOut(): void {
    const running = this.#running;
    if (running === undefined || this.#killing) return;
    this.#killing = true;
    const after = `not done within ${running.timeoutMs / 1000} s`;
    this.#end = { status: undefined, loss: { reason: 'timeout', message: after } };
    void this.#killGroup().then((killed) => {
      if (killed) this.#lose('killed', `${after}; its processes were killed`);
      else this.#lose('timeout', `${after}; its processes may still run`);
    });
  }

  #lose(reason: LostReason, message: string): void {
    this.#end ??= { status: undefined, loss: { reason, message } };
    this.#channel.destroy();
    const reader = this.#running?.reader;
    if (reader === undefined) return;
    this.#finish({ kind: 'lost', reason, message, during: reader.during(), steps: reader.outcomes() });
  }

  #finish(outcome: ProgramOutcome): void {
    const running = this.#running;
    this.#running = undefined;
    clearTimeout(running?.timer);
    running?.resolve(outcome);
  }

  #startTimer(ms: number, passed: () => void): void {
    if (this.#running === undefined) return;
    clearTimeout(this.#running.timer);
    this.#running.timer = setTimeout(passed, ms);
  }

  /** Through a second channel, as the same user: TERM, so that traps may tidy up, and KILL for what is left after 2 s. */
  async #killGroup(): Promise<boolean> {
    if (this.#pgrp === '') return false;
    const group = `-${this.#pgrp}`;
    const script = [
      // Not every sleep takes fractions.
      `wait_for_end() { for nap in 0.1 0.4 1.5; do kill -0 ${group} 2>/dev/null || exit 0; sleep $nap 2>/dev/null || sleep 1; done; }`,
      `kill -TERM ${group}; wait_for_end`,
      `kill -KILL ${group} 2>/dev/null; wait_for_end`, // dead only once the kernel has come round to it
      'exit 0', // a zombie that nobody has waited for yet is no failure
    ].join('; ');
    const { opener, become, openMs } = this.#options;
    const started = await startAs(opener, { script, become, openMs });
    if (started.kind !== 'open') return false;
    started.channel.listen({ stdout: () => {}, stderr: () => {} });
    const giveUp = setTimeout(() => started.channel.destroy(), openMs);
    const end = await started.channel.closed;
    clearTimeout(giveUp);
    return end.status === 0;
  }
}
