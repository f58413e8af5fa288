// What the commands that ask the guard of a fleet have in common: their options, how an answer is read, and how hosts
// that give none are told.
import { type Command, Option } from 'commander';
import {
  ANSWERED,
  askProgramFor,
  complaint,
  NOT_ROOT,
  NOT_SO,
  PROBES_FAILED,
  type Question,
} from '../guard/ask.ts';
import type { StepOutput } from '../host/host.ts';
import { type Saying, sayingText } from '../report/guard-status-text.ts';
import { COLOURS, NO_COLOURS, type Paint } from '../report/paint.ts';
import { widthFor } from '../report/text-report.ts';
import { type FleetHost, type FleetOrder, type HostWork, onFleet, runAsRoot } from '../run/fleet-work.ts';
import type { RunOptions } from '../run/run.ts';
import type { CliContext } from './context.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'connection'] as const;

export type FleetFlags = Omit<RunFlags, 'output' | 'guard'> & { readonly output: 'text' | 'json' };

export const FLEET_HELP = `Output:
  -o, --output FORM      text or json (default text)

${optionsHelp(OPTIONS)}`;

export function addFleetOptions(command: Command): Command {
  return addOptions(command, OPTIONS).addOption(
    new Option('-o, --output <form>').choices(['text', 'json']).default('text'),
  );
}

/** The hosts of a command, and where its words go. */
export class Fleet {
  readonly context: CliContext;
  readonly options: RunOptions;
  readonly output: 'text' | 'json';
  readonly paint: Paint;
  readonly #pattern: string;
  #hostWidth = 0;

  private constructor(pattern: string, options: RunOptions, output: 'text' | 'json', context: CliContext) {
    this.#pattern = pattern;
    this.options = options;
    this.output = output;
    this.context = context;
    this.paint = context.terminal.outColours ? COLOURS : NO_COLOURS;
  }

  /** Throws a DiagnosticError where the options cannot be used. */
  static async of(pattern: string, flags: FleetFlags, context: CliContext): Promise<Fleet> {
    const { output, ...others } = flags;
    return new Fleet(pattern, await toRunOptions(others, context), output, context);
  }

  /** Throws a DiagnosticError where the pattern or the inventory is wrong. */
  async work<T>(
    does: (host: FleetHost) => Promise<HostWork<T>>,
    order: Partial<FleetOrder<T>> = {},
  ): Promise<ReadonlyMap<string, HostWork<T>>> {
    const { signal, environment } = this.context;
    return onFleet(
      {
        pattern: this.#pattern,
        options: this.options,
        signal,
        agentSocket: environment.SSH_AUTH_SOCK,
        onTrouble: 'go-on',
        begun: (hosts) => {
          this.#hostWidth = widthFor(hosts);
        },
        ...order,
      },
      does,
    );
  }

  /** Asks every host the same. */
  ask<T>(
    question: Question,
    read: (output: StepOutput, host: string) => HostWork<T>,
  ): Promise<ReadonlyMap<string, HostWork<T>>> {
    return this.work(async (host) => {
      const came = await runAsRoot(host, askProgramFor(question));
      return came.kind === 'done' ? understood(came.value, (output) => read(output, host.name)) : came;
    });
  }

  /** A result. */
  print(text: string): void {
    this.context.out(`${this.#masked(text)}\n`);
  }

  json(byHost: Readonly<Record<string, unknown>>): void {
    this.print(JSON.stringify(byHost, undefined, 2));
  }

  say(host: string, saying: Saying): void {
    this.print(sayingText(host, saying, { paint: this.paint, hostWidth: this.#hostWidth }));
  }

  complain(host: string, saying: Saying): void {
    const paint = this.context.terminal.errColours ? COLOURS : NO_COLOURS;
    this.context.err(`${this.#masked(sayingText(host, saying, { paint, hostWidth: this.#hostWidth }))}\n`);
  }

  /** What kept the work from being done; of interrupted hosts nothing. */
  complainOf<T>(host: string, came: HostWork<T>): void {
    if (came.kind === 'failed' || came.kind === 'unreachable')
      this.complain(host, {
        word: came.kind,
        mood: 'bad',
        text: came.message,
        ...(came.hint !== undefined && { hint: came.hint }),
      });
    if (came.kind === 'not-started')
      this.complain(host, { word: 'not started', mood: 'bad', text: 'it was not contacted' });
  }

  #masked(text: string): string {
    return this.options.vault?.secrets.mask(text) ?? text;
  }
}

function understood<T>(output: StepOutput, read: (output: StepOutput) => HostWork<T>): HostWork<T> {
  switch (output.exitCode) {
    case ANSWERED:
    case NOT_SO:
    case PROBES_FAILED:
      return read(output);
    case NOT_ROOT:
      return { kind: 'failed', message: 'only root may ask its guard', hint: '-b becomes root' };
    default:
      return { kind: 'failed', message: complaint(output) };
  }
}

/** It said something else than what is known here. */
export const NOT_UNDERSTOOD = { kind: 'failed', message: 'its answer makes no sense' } as const;
