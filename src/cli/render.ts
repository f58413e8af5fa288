// fairlead render: every file as it would land, per host, without touching a host.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { Command } from 'commander';
import { DiagnosticError } from '../diagnostic.ts';
import { systemErrorText } from '../load/source.ts';
import { type RenderedFile, renderedFiles } from '../plan/rendered-files.ts';
import { escapeLine } from '../report/escape.ts';
import { preparePlaybook } from '../run/run.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { addOptions, optionsHelp, type RunFlags, toRunOptions } from './run-options.ts';

const OPTIONS = ['hosts', 'variables', 'vault', 'tasks'] as const;

const HELP = `Usage: fairlead render [OPTIONS] PLAYBOOK [--out DIR]

Writes every file that the playbook would put on its hosts to DIR/HOST/...
(default: prints them). No host is contacted, so what depends on facts or on
results of earlier tasks is named and left out.

${optionsHelp(OPTIONS)}`;

interface RenderFlags extends RunFlags {
  readonly out?: string;
}

/** The streams, with `***` in place of what was vaulted; files below --out hold what hosts will have. */
type Show = Pick<CliContext, 'out' | 'err'>;

export function renderCommand(context: CliContext): Command {
  return addOptions(new Command('render'), OPTIONS)
    .argument('<playbook>')
    .option('--out <folder>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (playbook: string, flags: RenderFlags) => {
      context.exit(await withDiagnostics(context, () => render(playbook, flags, context)));
    });
}

async function render(playbook: string, flags: RenderFlags, context: CliContext): Promise<number> {
  const prepared = preparePlaybook(playbook, await toRunOptions(flags, context));
  const { vault } = prepared.options;
  const shown: Show = {
    out: (text) => context.out(vault?.secrets.mask(text) ?? text),
    err: (text) => context.err(vault?.secrets.mask(text) ?? text),
  };
  for (const { play, scopes, files: projectFiles } of prepared.plays) {
    for (const host of play.hosts) {
      const { files, left } = renderedFiles(play, host, scopes, projectFiles);
      for (const file of files) {
        if (flags.out === undefined) print(host, file, shown);
        else context.out(`${write(host, file, flags.out)}\n`);
      }
      for (const { title, reason } of left) {
        shown.err(`${escapeLine(host)}: left out "${escapeLine(title)}": ${escapeLine(reason)}\n`);
      }
    }
  }
  return 0;
}

function print(host: string, { path, mode, bytes }: RenderedFile, { out }: Show): void {
  const text = Buffer.from(bytes).toString('utf8');
  out(`==> ${escapeLine(host)}:${escapeLine(path)} (mode ${mode}) <==\n`);
  out(`${text}${text.endsWith('\n') ? '' : '\n'}\n`);
}

/** Where it was written. Neither the host's name nor the path leads out of the folder. */
function write(host: string, { path, mode, bytes }: RenderedFile, folder: string): string {
  const target = join(folder, host.replaceAll('/', '_').replace(/^\.+$/, '_'), normalize(`/${path}`));
  try {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
    chmodSync(target, Number.parseInt(mode, 8));
  } catch (error) {
    throw new DiagnosticError([
      { code: 'usage', summary: 'file cannot be written', details: [`${target}: ${systemErrorText(error)}`] },
    ]);
  }
  return target;
}
