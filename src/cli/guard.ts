// fairlead guard: what is pending on hosts, and its end by hand.
import { Command } from 'commander';
import { NOT_SO, PROBES_FAILED, type Question } from '../guard/ask.ts';
import { operator } from '../guard/operator.ts';
import { type GuardStatus, parseStatus } from '../guard/status.ts';
import type { StepOutput } from '../host/host.ts';
import { parseDuration } from '../load/duration.ts';
import { leftovers, type Saying, statusSaying } from '../report/guard-status-text.ts';
import { fleetStatus, type HostWork } from '../run/fleet-work.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';
import { addFleetOptions, FLEET_HELP, Fleet, type FleetFlags, NOT_UNDERSTOOD } from './fleet-command.ts';

const HELP = `Usage: fairlead guard COMMAND [OPTIONS] PATTERN

What guarded changes have left pending on hosts. Each host knows by itself: whoever
is root there may ask and decide, from any machine.

Commands:
  status PATTERN         what is pending, or how the last one went back
  confirm PATTERN        keep what is pending
  cancel PATTERN         go back now; also repairs what was cut short
  extend PATTERN TIME    go back that much later than now: 90s, 5m, 1h
  remove PATTERN         take the boot hook and the history off the hosts

${FLEET_HELP}`;

interface Answer {
  readonly status: GuardStatus;
  /** What was asked for is the case. */
  readonly isSo: boolean;
  readonly saying: Saying;
}

type Read = (asked: { readonly host: string; readonly status: GuardStatus; readonly output: StepOutput }) => {
  readonly isSo: boolean;
  readonly saying: Saying;
};

export function guardCommand(context: CliContext): Command {
  const command = new Command('guard').configureHelp({ formatHelp: () => HELP });
  const add = (name: string) =>
    addFleetOptions(command.command(name))
      .argument('<pattern>')
      .configureHelp({ formatHelp: () => HELP });
  const act =
    <Words extends readonly unknown[]>(does: (...words: Words) => Promise<number>) =>
    async (...words: Words): Promise<void> =>
      context.exit(await withDiagnostics(context, () => does(...words)));
  const asking = (question: () => Question, read: Read) =>
    act(async (pattern: string, flags: FleetFlags) =>
      ask(await Fleet.of(pattern, flags, context), question(), read),
    );

  add('status').action(asking(() => ({ kind: 'status' }), readStatus));
  add('confirm').action(asking(() => ({ kind: 'confirm' }), readConfirm));
  add('cancel').action(asking(() => ({ kind: 'cancel', reason: `${operator()} cancelled it` }), readCancel));
  add('remove').action(asking(() => ({ kind: 'remove', owner: operator() }), readRemove));
  add('extend')
    .argument('<time>')
    .action(
      act(async (pattern: string, time: string, flags: FleetFlags) => {
        const seconds = secondsOf(time);
        return ask(await Fleet.of(pattern, flags, context), { kind: 'extend', seconds }, readExtend);
      }),
    );
  return command;
}

const LONGEST_S = 86_400;

function secondsOf(time: string): number {
  const seconds = parseDuration(time);
  if (seconds === undefined || seconds < 1 || seconds > LONGEST_S)
    throw usageError(`"${time}" is no time up to 24h`, 'write it as 90s, 5m or 1h');
  return seconds;
}

async function ask(fleet: Fleet, question: Question, read: Read): Promise<number> {
  const answers = await fleet.ask<Answer>(question, (output, host) => {
    const status = parseStatus(`${output.stdout}\n${output.stderr}`);
    return status === undefined
      ? NOT_UNDERSTOOD
      : { kind: 'done', value: { status, ...read({ host, status, output }) } };
  });
  tell(answers, fleet, question);
  return fleetStatus(answers, ({ isSo }) => isSo);
}

function tell(answers: ReadonlyMap<string, HostWork<Answer>>, fleet: Fleet, { kind }: Question): void {
  const json: Record<string, unknown> = Object.create(null);
  for (const [host, came] of answers) {
    if (came.kind !== 'done') fleet.complainOf(host, came);
    else if (fleet.output === 'json') json[host] = statusJson(came.value);
    else if (came.value.isSo || kind === 'status') fleet.say(host, came.value.saying);
    else fleet.complain(host, came.value.saying);
  }
  if (fleet.output === 'json') fleet.json(json);
}

/** Somebody has to do something about it: it will not end by itself. */
const readStatus: Read = ({ host, status }) => ({
  isSo: status.kind !== 'pending' || status.trouble === undefined,
  saying: statusSaying(host, status),
});

const readConfirm: Read = ({ host, status, output }) => {
  const saying = statusSaying(host, status);
  if (output.exitCode === PROBES_FAILED && status.kind === 'pending') {
    const { failedProbes } = status.answer;
    const text = `not confirmed: what worked before does not: ${failedProbes.join(', ')}`;
    return { isSo: false, saying: { word: 'failed', mood: 'bad', text } };
  }
  return output.exitCode === NOT_SO ? tooLate(status, saying) : { isSo: true, saying };
};

const readExtend: Read = ({ host, status, output }) => {
  const saying = statusSaying(host, status);
  return output.exitCode === NOT_SO ? tooLate(status, saying) : { isSo: true, saying };
};

function tooLate(status: GuardStatus, saying: Saying): ReturnType<Read> {
  const isTold = status.kind === 'pending' && status.trouble !== undefined;
  return {
    isSo: false,
    saying: isTold
      ? saying
      : { ...saying, word: 'failed', mood: 'bad', text: `too late: ${endOf(status, saying)}` },
  };
}

function endOf(status: GuardStatus, { text }: Saying): string {
  switch (status.kind) {
    case 'went-back':
      return `it went back ${text}`;
    case 'pending':
      return 'it is going back';
    default:
      return text;
  }
}

const readCancel: Read = ({ host, status, output }) => {
  const saying = statusSaying(host, status);
  switch (status.kind) {
    case 'confirmed':
      return {
        isSo: false,
        saying: {
          word: 'failed',
          mood: 'bad',
          text: 'it had been confirmed already',
          hint: `fairlead rollback ${host}`,
        },
      };
    case 'pending':
      return { isSo: false, saying };
    case 'went-back': {
      // Only where nothing was pending it tells of generations.
      if (/^newest=/m.test(output.stdout)) return { isSo: true, saying: beforeSaying(saying) };
      const hasRebooted = /^rebooted=yes$/m.test(output.stdout);
      const more = [...(saying.more ?? []), ...(hasRebooted ? [REBOOTED] : [])];
      return {
        isSo: leftovers(status.answer).length === 0,
        saying: { ...saying, more },
      };
    }
    default:
      return { isSo: true, saying };
  }
};

function beforeSaying({ text, more = [] }: Saying): Saying {
  return {
    word: 'idle',
    mood: 'good',
    text: 'nothing is pending',
    more: [`the last change was rolled back ${text}`, ...more],
  };
}

const REBOOTED = 'it came up with the new files: what they started stays until it reboots once more';

const readRemove: Read = ({ host, status }) => {
  if (status.kind === 'idle')
    return {
      isSo: true,
      saying: { word: 'idle', mood: 'good', text: 'there is nothing of the guard on it' },
    };
  const saying = statusSaying(host, status);
  return status.kind === 'removed'
    ? { isSo: true, saying }
    : { isSo: false, saying: { ...saying, more: [...(saying.more ?? []), 'nothing was removed'] } };
};

/** Without the transaction's id: who knows it may confirm. */
function statusJson({ status, isSo }: Answer): unknown {
  if (!('answer' in status)) return { state: status.kind, ok: isSo };
  const { owner, playbook, started, reason, at, leftS, failures, differences, failedProbes } = status.answer;
  const pending = status.kind === 'pending' && {
    stage: status.stage,
    trouble: status.trouble ?? null,
    secondsLeft: leftS ?? null,
    failedProbes,
  };
  const back = status.kind === 'went-back' && { reason, at, failures, differences };
  return { state: status.kind, ok: isSo, owner, playbook, started, ...pending, ...back };
}
