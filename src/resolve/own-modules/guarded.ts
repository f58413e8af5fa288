// A user's module behind a guard: what it throws is told as theirs, not as a bug of fairlead's.
import { ArgumentError, type ControllerModule, type HostModule, type Module } from '../../modules/module.ts';

const VERDICTS: ReadonlySet<unknown> = new Set(['unchanged', 'skipped', 'failed', 'change']);

export function guarded(own: Module): Module {
  return own.kind === 'host' ? guardedHost(own) : guardedController(own);
}

/** What `reads`, `writes` and `inspect` throw shows in prepare: they only depend on what is wanted. */
function guardedHost(own: HostModule): HostModule {
  const { conclude } = own;
  return {
    ...own,
    prepare(args, controller) {
      try {
        const wanted = own.prepare(args, controller);
        own.reads(wanted);
        own.writes(wanted);
        own.inspect(wanted);
        return wanted;
      } catch (error) {
        throw argumentError(own.name, error);
      }
    },
    decide(wanted, actual) {
      try {
        const verdict = own.decide(wanted, actual);
        if (VERDICTS.has(verdict?.kind)) return verdict;
        return { kind: 'failed', message: `${own.name}: decide gives no verdict` };
      } catch (error) {
        return { kind: 'failed', message: told(own.name, error) };
      }
    },
    ...(conclude && {
      conclude(wanted, changes, output) {
        try {
          return conclude.call(own, wanted, changes, output);
        } catch (error) {
          return { kind: 'failed', message: told(own.name, error) };
        }
      },
    }),
  };
}

function guardedController(own: ControllerModule): ControllerModule {
  return {
    ...own,
    evaluate(args) {
      try {
        return own.evaluate(args);
      } catch (error) {
        return { kind: 'failed', message: told(own.name, error) };
      }
    },
  };
}

/** Any error with an `argument` points at that one. */
function argumentError(name: string, error: unknown): ArgumentError {
  if (error instanceof ArgumentError) return error;
  const { argument, hint } = (error ?? {}) as { argument?: unknown; hint?: unknown };
  const at = typeof argument === 'string' ? argument : '';
  const message = at === '' ? told(name, error) : (error as Error).message;
  return new ArgumentError(at, message, typeof hint === 'string' ? hint : undefined);
}

function told(name: string, error: unknown): string {
  return `${name}: ${error instanceof Error ? error.message : String(error)}`;
}
