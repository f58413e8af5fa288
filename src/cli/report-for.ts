// The report that the command line asks for: drawn, plain lines, or one event per line.
import { JsonReport } from '../report/json-report.ts';
import type { Report } from '../report/report.ts';
import { TextReport } from '../report/text-report.ts';
import type { CliContext } from './context.ts';
import type { RunFlags } from './run-options.ts';

export async function reportFor(
  flags: Pick<RunFlags, 'output' | 'verbose' | 'step' | 'diff'>,
  context: CliContext,
): Promise<Report> {
  const { isLive, outColours } = context.terminal;
  const form =
    flags.step === true && flags.output !== 'json' ? 'text' : (flags.output ?? (isLive ? 'live' : 'text'));
  if (form === 'json') return new JsonReport(context.out);
  const options = {
    write: context.out,
    isColoured: outColours,
    // Who answers wants to see what became of it, also where nothing was to be changed.
    verbosity: Math.max(flags.verbose ?? 0, flags.step === true ? 1 : 0),
    diff: flags.diff === true,
  };
  if (form !== 'live' || !isLive) return new TextReport(options);
  const { LiveReport } = await import('../report/live-report.ts');
  return new LiveReport(options);
}
