// The library, as docs/library.md tells of it. Everything else in src is free to change.
export type { Diagnostic, Span } from './diagnostic.ts';
export { DiagnosticError } from './diagnostic.ts';
export type { HostRecap, RunEvent, TaskOutcome } from './event.ts';
export {
  type Fleet,
  type InventoryOptions,
  loadInventory,
  type Run,
  type RunInput,
  type RunResult,
  run,
} from './library.ts';
// For modules of one's own: docs/own-modules.md.
export type { ArgumentSchema, ControllerModule, HostModule } from './modules/module.ts';
export { diagnosticsText } from './report/diagnostic-text.ts';
// The same in two steps, for those who bring a vault or an `emit` of their own.
export {
  type PreparedRun,
  preparePlaybook,
  type RunEnvironment,
  type RunOptions,
  runPrepared,
} from './run/run.ts';
