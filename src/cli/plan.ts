// fairlead plan: what a playbook would change, shown and written to a file that `fairlead apply` carries out.
import { Command } from 'commander';
import { Vault } from '../load/vault/vault.ts';
import type { Undecided } from '../plan/plan-recorder.ts';
import { plannedChanges } from '../plan/saved-plan.ts';
import { escapeLine } from '../report/escape.ts';
import { count } from '../report/numbers.ts';
import { exitCodeOf } from '../report/text-report.ts';
import { hasRescue, makePlan } from '../run/run-plan.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { savePlan } from './plan-file.ts';
import { prepareAnswered } from './prepare-runs.ts';
import { reportFor } from './report-for.ts';
import { addOptions, guardTime, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'tasks', 'connection', 'output'] as const;

const HELP = `Usage: fairlead plan [OPTIONS] --out FILE PLAYBOOK...

Shows what the playbooks would change, as run --check --diff does, and writes it to
a file: "fairlead apply FILE" does just that, and only where nothing has moved
since. Changes nothing. What holds secrets is sealed with the vault's key.

  --out FILE             where the plan goes (mode 0600)
  --guard TIME           undo what nobody can confirm within it (60s), or off

${optionsHelp(OPTIONS)}`;

type PlanFlags = RunFlags & { readonly out: string };

export function planCommand(context: CliContext): Command {
  return addOptions(new Command('plan'), OPTIONS)
    .requiredOption('--out <file>')
    .option('--guard <time>', '', guardTime)
    .argument('<playbook...>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (playbooks: readonly string[], flags: PlanFlags) => {
      context.exit(await withDiagnostics(context, () => plan(playbooks, flags, context)));
    });
}

async function plan(playbooks: readonly string[], flags: PlanFlags, context: CliContext): Promise<number> {
  const options = await toRunOptions(flags, context);
  const runs = await prepareAnswered(playbooks, options, { context });
  const report = await reportFor({ ...flags, diff: true }, context);
  const { body, undecided, recap } = await makePlan(runs, {
    emit: (event) => report.tell(event),
    signal: context.signal,
    agentSocket: context.environment.SSH_AUTH_SOCK,
  });
  await report.end();
  const status = exitCodeOf(recap, 'check');
  if (status === 130) return status;
  const { vault = new Vault() } = options;
  if (undecided.length > 0) {
    context.err(vault.secrets.mask(`${undecidedText(undecided)}\n`));
    return 1;
  }
  const sources = { playbooks, inventories: options.inventories };
  const form = savePlan(flags.out, body, { sources, vault });
  const changes = [...plannedChanges(body).values()].reduce((sum, each) => sum + each, 0);
  const hosts = new Set(body.plays.flatMap((play) => play.hosts)).size;
  const sealed = form === 'sealed' ? ', sealed' : '';
  context.err(
    `plan: ${escapeLine(flags.out)}${sealed}: ${count(hosts, 'host')}, ${count(changes, 'change')}\n`,
  );
  if (runs.some(hasRescue))
    context.err('note: rescue parts of blocks are not in it: what fails ends its host\n');
  const left = recap.filter((each) => each.status !== 'ok').map(({ host }) => escapeLine(host));
  if (left.length > 0) context.err(`not in the plan: ${left.join(', ')}\n`);
  return status === 3 ? 0 : status;
}

function undecidedText(undecided: readonly Undecided[]): string {
  const lines = undecided.map(({ title, place, reason }) => `  ${escapeLine(title)} (${place}): ${reason}`);
  return [
    'no plan was saved: these are decided when they run',
    ...lines,
    'hint: leave them out with --skip-tags; a task that only looks says so with check_mode: false and changed_when: false',
  ].join('\n');
}
