// A play that stands in no file: what exec and facts run. Made as the text of a playbook, so that it is checked like one.
import { join } from 'node:path';
import { Problems } from '../diagnostic.ts';
import { readPlaybook } from '../load/playbook.ts';
import { SourceFile } from '../load/source.ts';
import { type PreparedRun, prepare, type RunOptions } from '../run.ts';

export function prepareOneOff(play: Readonly<Record<string, unknown>>, options: RunOptions): PreparedRun {
  const problems = new Problems();
  const source = new SourceFile('command line', JSON.stringify([play], undefined, 1));
  return prepare(readPlaybook(source, problems), join(process.cwd(), 'command-line.yml'), options, problems);
}
