// fairlead doc: what a module does and takes, in the way of ansible-doc.
import { Command } from 'commander';
import { didYouMean, Problems } from '../diagnostic.ts';
import { findFlowWord, flowWords } from '../modules/controller/flow.ts';
import { moduleExamples } from '../modules/examples.ts';
import type { Module } from '../modules/module.ts';
import { findModule, moduleNames } from '../modules/registry.ts';
import { moduleList, moduleText } from '../report/module-text.ts';
import { OwnModules } from '../resolve/own-modules/own-modules.ts';
import { type CliContext, usageError, withDiagnostics } from './context.ts';

const HELP = `Usage: fairlead doc [MODULE...]

Says of modules what they do, take and return, with examples. Without a name it
lists them all. Your own are those in library/ below the working folder.
`;

export function docCommand(context: CliContext): Command {
  return new Command('doc')
    .argument('[module...]')
    .configureHelp({ formatHelp: () => HELP })
    .action(async (names: readonly string[]) => {
      context.exit(
        await withDiagnostics(context, async () => {
          context.out(answer(names, new OwnModules('.')));
          return 0;
        }),
      );
    });
}

function answer(words: readonly string[], own: OwnModules): string {
  const problems = new Problems();
  const known = [...new Set([...own.names(), ...moduleNames(), ...flowWords()])].sort();
  const names = words.length === 0 ? known : words.map((word) => nameOf(word, known));
  const modules = names.flatMap((name) => moduleCalled(name, own, problems) ?? []);
  problems.throwIfAny();
  if (words.length === 0) return moduleList(modules);
  return modules
    .map((module) =>
      moduleText(module, own.names().includes(module.name) ? undefined : moduleExamples(module.name)),
    )
    .join('\n');
}

/** With or without the collection in front. */
function nameOf(word: string, known: readonly string[]): string {
  const name = word.replace(/^.*\./, '');
  if (known.includes(name) || findModule(name) !== undefined) return name;
  throw usageError(`there is no module "${word}"`, didYouMean(name, known) ?? 'fairlead doc');
}

function moduleCalled(name: string, own: OwnModules, problems: Problems): Module | undefined {
  const found = own.find(name, undefined, problems);
  if (found === 'broken') return undefined;
  return found !== 'none' ? found : (findModule(name) ?? findFlowWord(name));
}
