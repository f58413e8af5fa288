// The library: what the command line is made of. Everything else in src is free to change.
export type { Diagnostic, Span } from './diagnostic.ts';
export { DiagnosticError } from './diagnostic.ts';
export type { HostRecap, RunEvent, TaskOutcome } from './event.ts';
export {
  type PreparedRun,
  preparePlaybook,
  type RunEnvironment,
  type RunOptions,
  runPrepared,
} from './run.ts';
