// One host's guarded change, seen from the controller: armed with the first change, confirmed over a new connection, or
// gone back from. It holds no more than what is needed to ask; the host decides, and this reads back what it decided.
//
//   idle ─ arm ─► armed ─ confirm ─► confirmed
//                   └──── undo, or nobody asks ──► rolled back
import type { Become, Host, Program, ProgramOutcome, Step, StepOutcome } from '../host/host.ts';
import type { Resource } from '../modules/module.ts';
import { type GuardAnswer, parseAnswer } from './answer.ts';
import { GuardIdentity, type GuardPlace } from './identity.ts';
import { type HostProbe, isOfController, type Probe, probeLine, probeText } from './probes.ts';
import { Reach, type ReachOptions } from './reach.ts';
import {
  armScript,
  confirmScript,
  endScript,
  GUARD_STEP,
  idleScript,
  LOOK_SCRIPT,
  moreScript,
  NOT_ROOT,
  newTransactionId,
  step,
  type Transaction,
  undoScript,
} from './transaction.ts';

/** What the guard of a play is told. */
export interface GuardPlan {
  /** Seconds that a change has to be confirmed in, counted from the last program that changed something. */
  readonly windowS: number;
  /** `user@machine`. */
  readonly owner: string;
  readonly playbook: string;
  readonly play: string;
}

/** How a guarded change ended. */
export type GuardEnd =
  | { readonly kind: 'confirmed' }
  | {
      readonly kind: 'rolled-back';
      readonly reason: string;
      /** When, by the host's clock; empty where it is not known. */
      readonly at: string;
      readonly failures: readonly string[];
      readonly differences: readonly string[];
    }
  /** It goes back by itself, and nobody could see it do so. */
  | { readonly kind: 'unseen'; readonly message: string }
  | { readonly kind: 'interrupted' };

/** `look again`: the host is not what it was a moment ago. */
export interface GuardRefusal {
  readonly kind: 'refused' | 'look again';
  readonly message: string;
  readonly hint?: string;
}

export interface GuardClock {
  nowMs(): number;
  pause(ms: number): Promise<'passed' | 'interrupted'>;
}

export interface HostGuardOptions {
  readonly plan: GuardPlan;
  /** The connection that made the changes: it may be alive where nobody new gets in. */
  readonly host: Host;
  /** A way to the same host that has no connection yet. */
  readonly anotherWay: () => Host;
  readonly clock: GuardClock;
  /** For people: what an earlier run left behind. */
  readonly tell?: (message: string) => void;
  /** For people who want to know more: what does not count, for it did not work before either. */
  readonly note?: (message: string) => void;
  /** How to be root there; undefined: the login user is. */
  readonly become?: Become | undefined;
  /** How to be root where those who make the changes turn out not to be; undefined: nobody says. */
  readonly root?: () => Become | undefined;
  /** What has to be reached afterwards if it can be before. */
  readonly probes?: readonly Probe[];
  /** For probes from the controller. */
  readonly reach?: ReachOptions;
}

const LOOK_STEP = 'guard-look';
const IDLE_STEP = 'guard-idle';
/** templates/guard/transaction.sh, settle_earlier. */
const EXIT_REPAIRED = 79;
/** Between attempts to get in. */
const RETRY_MS = 500;
/** From the controller, as templates/guard/probes.sh does it on the host. */
const PROBE_TRIES = 3;
const PROBE_RETRY_MS = 1000;
/** For an answer on a connection that may be dead; what goes back does so whether anybody listens or not. */
const ASK_MS = 5_000;
/** What may pass after the deadline until a host is back: its own work, and the network's. */
const GRACE_MS = 30_000;
/** The same where it says again and again that it is at it. */
const LONGEST_GRACE_MS = 300_000;

export class HostGuard {
  readonly #options: HostGuardOptions;
  readonly #transaction: Transaction;
  #stage: 'idle' | 'armed' | 'over' = 'idle';
  #deadlineMs = 0;
  #hasLooked = false;
  readonly #identity: GuardIdentity;
  readonly #reach: Reach | undefined;
  readonly #hostProbes: readonly HostProbe[];
  #isWatching = false;
  /** Of a transaction that is pending the host has said so. */
  #hasArmed = false;

  constructor(options: HostGuardOptions) {
    this.#options = options;
    const { windowS, owner, playbook, play } = options.plan;
    const started = new Date().toISOString();
    this.#transaction = { id: newTransactionId(), owner, playbook, play, started, windowS };
    const { become, root = () => undefined, probes = [], reach } = options;
    this.#identity = new GuardIdentity(root, become);
    this.#hostProbes = probes.filter((probe) => !isOfController(probe));
    const own = probes.filter(isOfController);
    this.#reach = own.length === 0 || reach === undefined ? undefined : new Reach(own, reach);
  }

  /** Something has been changed, and is neither confirmed nor back. */
  get isArmed(): boolean {
    return this.#stage === 'armed';
  }

  /** Rides on the first inspection: what an earlier run left behind. */
  get look(): readonly Step[] {
    return this.#hasLooked ? [] : [{ id: LOOK_STEP, script: LOOK_SCRIPT, onFailure: 'continue' }];
  }

  looked(steps: ReadonlyMap<string, StepOutcome>): void {
    this.#hasLooked = true;
    const own = steps.get(LOOK_STEP);
    const answer = own?.kind === 'exited' ? parseAnswer(own.stdout) : undefined;
    if (answer?.state === 'undone') this.#options.tell?.(earlierMessage(answer));
  }

  /** Before anything is changed: what can be reached by now. Costs nothing from the second time on. */
  async watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    for (const each of (await this.#reach?.keep()) ?? []) this.#noteSilent(each);
  }

  /** Where its step goes for changes of this identity: with them, or in a program of its own before theirs. */
  placeFor(changing: Become | undefined): GuardPlace {
    return this.#identity.placeFor(changing);
  }

  /** Whether it ran as somebody who is not root, though the play says how to be: then it goes apart from now on. */
  mustGoApart(outcome: ProgramOutcome): boolean {
    const own = stepsOf(outcome)?.get(GUARD_STEP);
    if (own?.kind !== 'exited' || own.exitCode !== NOT_ROOT || !this.#identity.loginIsNotRoot()) return false;
    this.#stage = this.#hasArmed ? 'armed' : 'idle';
    return true;
  }

  /** What goes first in a program that is about to touch these, and that now will be sent. */
  lead(touched: readonly Resource[]): Step {
    const script =
      this.#stage === 'idle'
        ? armScript(this.#transaction, touched, this.#hostProbes.map(probeLine))
        : moreScript(this.#transaction.id, touched);
    // Who knows how far it gets.
    this.#stage = 'armed';
    this.#deadlineMs = this.#options.clock.nowMs() + this.#transaction.windowS * 1000;
    return step(script);
  }

  /** What goes last in it. */
  trail(): Step {
    return { id: IDLE_STEP, script: idleScript(this.#transaction.id), onFailure: 'continue' };
  }

  /** Why nothing behind its step was run; undefined where all is well, or nobody knows. */
  refusal(outcome: ProgramOutcome): GuardRefusal | undefined {
    // Nothing ran, nobody became root: there is nothing to confirm and nothing to undo.
    if (outcome.kind === 'refused' && !this.#hasArmed) this.#stage = 'idle';
    const own = stepsOf(outcome)?.get(GUARD_STEP);
    if (own?.kind !== 'exited') return undefined;
    if (own.exitCode === 0) {
      this.#hasArmed = true;
      this.#identity.hasWorked();
      for (const [, line = ''] of own.stdout.matchAll(/^silent (.*)$/gm)) this.#noteSilent(this.#named(line));
      return undefined;
    }
    const answer = parseAnswer(`${own.stdout}\n${own.stderr}`);
    if (answer?.state === 'armed' || answer?.state === 'unknown' || answer === undefined) {
      if (answer === undefined && !this.#hasArmed) this.#stage = 'over';
      const said = own.stderr.trim() || `exited ${own.exitCode}`;
      const message = `nothing was changed, for the way back cannot be prepared: ${said}`;
      const needsRoot = own.exitCode === NOT_ROOT;
      const hint = needsRoot ? 'say become: true on the play, or guard: off' : 'guard: off goes without';
      return { kind: 'refused', message, hint };
    }
    if (own.exitCode === EXIT_REPAIRED) {
      this.#stage = 'idle';
      this.#isWatching = false;
      return { kind: 'look again', message: earlierMessage(answer) };
    }
    if (answer.state === 'busy') {
      this.#stage = 'over';
      return { kind: 'refused', message: busyMessage(answer) };
    }
    return { kind: 'refused', message: 'its time was up before everything was done' };
  }

  /** Over a new connection, again and again for half of the window; where that comes to nothing it goes back. */
  async confirm(): Promise<GuardEnd> {
    const { clock } = this.#options;
    const untilMs = this.#deadlineMs - this.#transaction.windowS * 500;
    let reason = '';
    let probeTries = 0;
    do {
      // While the new connection is made.
      const reaching = this.#reach?.lost() ?? Promise.resolve([]);
      const answer = await this.#askAnew(confirmScript(this.#transaction.id), reaching);
      const unreached = await reaching;
      if (answer === 'interrupted') return { kind: 'interrupted' };
      if (typeof answer !== 'string') {
        const end = this.#endOf(answer);
        if (end !== undefined) return end;
        const failed = [...unreached, ...answer.failedProbes.map((line) => this.#named(line))];
        reason =
          failed.length > 0
            ? `what worked before does not: ${failed.join(', ')}`
            : 'no new connection gets in: it answers, and does not confirm';
        if (failed.length > 0) probeTries += 1;
        // The host has tried its own often enough.
        if (answer.failedProbes.length > 0 || probeTries === PROBE_TRIES) return this.undo(reason);
      } else reason = `no new connection gets in: ${answer}`;
      const pauseMs = unreached.length > 0 ? PROBE_RETRY_MS : RETRY_MS;
      if ((await clock.pause(pauseMs)) === 'interrupted') return { kind: 'interrupted' };
    } while (clock.nowMs() < untilMs);
    return this.undo(reason);
  }

  /** At once where the host answers, by its timer where it does not. */
  async undo(reason: string): Promise<GuardEnd> {
    const { host } = this.#options;
    const { id } = this.#transaction;
    // What this connection was asked to change has ended, or it would not take another program.
    const outcome = await host.run(program(`${idleScript(id)}\n${undoScript(id, reason)}`), {
      ...this.#asRoot(),
      timeoutMs: ASK_MS,
    });
    const answer = answerOf(outcome);
    const end = answer && this.#endOf(answer);
    if (end !== undefined) return end;
    const anew = await this.#askAnew(undoScript(id, reason));
    const endAnew = typeof anew === 'string' ? undefined : this.#endOf(anew);
    return endAnew ?? this.#awaitTimer(reason);
  }

  async #awaitTimer(reason: string): Promise<GuardEnd> {
    const { clock } = this.#options;
    let problem = reason;
    let untilMs = this.#deadlineMs + GRACE_MS;
    do {
      const answer = await this.#askAnew(endScript(this.#transaction.id));
      if (answer === 'interrupted') return { kind: 'interrupted' };
      if (typeof answer !== 'string') {
        const end = this.#endOf(answer);
        if (end !== undefined) return end;
        if (answer.state === 'undoing')
          untilMs = Math.min(clock.nowMs() + GRACE_MS, this.#deadlineMs + LONGEST_GRACE_MS);
      } else problem = answer;
      if ((await clock.pause(RETRY_MS)) === 'interrupted') return { kind: 'interrupted' };
    } while (clock.nowMs() < untilMs);
    return { kind: 'unseen', message: problem };
  }

  /**
   * By a connection of its own; a text where it came to nothing. Where something is `lost`, it is only asked how it
   * stands.
   */
  async #askAnew(script: string, lost?: Promise<readonly string[]>): Promise<GuardAnswer | string> {
    const way = this.#options.anotherWay();
    try {
      const connected = await way.connect();
      if (connected.kind === 'unreachable')
        return connected.reason === 'interrupted' ? 'interrupted' : connected.message;
      const isLost = ((await lost) ?? []).length > 0;
      const question = isLost ? endScript(this.#transaction.id) : script;
      const outcome = await way.run(program(question), { ...this.#asRoot(), timeoutMs: 60_000 });
      if (outcome.kind === 'lost' && outcome.reason === 'interrupted') return 'interrupted';
      return answerOf(outcome) ?? ('message' in outcome ? outcome.message : 'it does not answer');
    } finally {
      await way.close();
    }
  }

  #asRoot(): { readonly become?: Become } {
    const { become } = this.#identity;
    return become === undefined ? {} : { become };
  }

  /** A probe of the host's as people know it. */
  #named(line: string): string {
    const probe = this.#hostProbes.find((each) => probeLine(each) === line);
    return probe === undefined ? line : probeText(probe);
  }

  #noteSilent(probe: string): void {
    this.#options.note?.(`${probe} does not work before the change, and need not after it`);
  }

  /** Undefined while it is pending. */
  #endOf(answer: GuardAnswer): GuardEnd | undefined {
    switch (answer.state) {
      case 'confirmed':
        this.#stage = 'over';
        return { kind: 'confirmed' };
      case 'undone': {
        this.#stage = 'over';
        const { reason, at, failures, differences } = answer;
        return { kind: 'rolled-back', reason, at, failures, differences };
      }
      case 'unknown':
        // The program that was to arm it never began.
        this.#stage = 'over';
        return {
          kind: 'rolled-back',
          reason: 'it had not begun',
          at: '',
          failures: [],
          differences: [],
        };
      default:
        return undefined;
    }
  }
}

/** What an earlier run left behind, and what has become of it. */
export function earlierMessage({ owner, playbook, started, state, reason, at }: GuardAnswer): string {
  const what = `what ${owner} changed with ${playbook} at ${started}`;
  if (state === 'confirmed') return `${what} had been confirmed, and stays`;
  return `${what} was rolled back${at === '' ? '' : ` at ${at}`}: ${reason}`;
}

/** Another controller is at work there. */
export function busyMessage({ owner, playbook, started, leftS }: GuardAnswer): string {
  const left = leftS === undefined ? '' : `, ${Math.max(0, leftS)} s before it goes back`;
  return `${owner} is changing this host (${playbook}, since ${started}${left})`;
}

function program(script: string): Program {
  return { kind: 'change', steps: [step(script)] };
}

function stepsOf(outcome: ProgramOutcome): ReadonlyMap<string, StepOutcome> | undefined {
  return outcome.kind === 'finished' || outcome.kind === 'lost' ? outcome.steps : undefined;
}

function answerOf(outcome: ProgramOutcome): GuardAnswer | undefined {
  const ran = outcome.kind === 'finished' ? outcome.steps.get(GUARD_STEP) : undefined;
  return ran?.kind === 'exited' ? parseAnswer(`${ran.stdout}\n${ran.stderr}`) : undefined;
}
