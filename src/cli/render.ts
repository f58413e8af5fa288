// fairlead render: every file as it would land, per host, without touching a host.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import type { RenderedFile } from '../plan/rendered-files.ts';
import { renderedFiles } from '../plan/rendered-files.ts';
import { escapeLine } from '../report/escape.ts';
import { preparePlaybook } from '../run.ts';
import { type CliContext, withDiagnostics } from './context.ts';
import { addRunOptions, RUN_OPTIONS_HELP, type RunFlags, toRunOptions } from './run-options.ts';

const HELP = `Usage: fairlead render [OPTIONS] PLAYBOOK [--out DIR]

Writes every file that the playbook would put on its hosts to DIR/HOST/...
(default: prints them). No host is contacted, so what depends on facts or on
results of earlier tasks is named and left out.

${RUN_OPTIONS_HELP}`;

interface RenderFlags extends RunFlags {
  readonly out?: string;
}

export function renderCommand(context: CliContext): Command {
  return addRunOptions(new Command('render'))
    .argument('<playbook>')
    .option('--out <folder>')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (playbook: string, flags: RenderFlags) => {
      context.exit(
        await withDiagnostics(context, async () => {
          const prepared = preparePlaybook(playbook, toRunOptions(flags, context));
          for (const { play, scopes } of prepared.plays) {
            for (const host of play.hosts) {
              const { files, left } = renderedFiles(play, host, scopes, prepared.files);
              for (const file of files) show(host, file, flags.out, context);
              for (const { title, reason } of left) context.err(`${host}: left out "${title}": ${reason}\n`);
            }
          }
          return 0;
        }),
      );
    });
}

function show(host: string, file: RenderedFile, folder: string | undefined, context: CliContext): void {
  if (folder === undefined) {
    context.out(`==> ${escapeLine(host)}:${escapeLine(file.path)} (mode ${file.mode}) <==\n`);
    context.out(`${Buffer.from(file.bytes).toString('utf8')}\n`);
    return;
  }
  const path = join(folder, host.replaceAll('/', '_'), file.path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.bytes, { mode: Number.parseInt(file.mode, 8) });
  context.out(`${path}\n`);
}
