// Takes a host back to an earlier generation, as a guarded change of its own: what cuts the host off is undone.
import type { Host } from '../host/host.ts';
import { complaint } from './ask.ts';
import { type GuardEnd, HostGuard, type HostGuardOptions } from './host-guard.ts';
import type { RollbackPlan } from './plan.ts';
import { revertScript } from './transaction.ts';

export type RollbackEnd =
  /** It is a generation of its own. What could not be put back, or is not as it was, is told beside it. */
  | {
      readonly kind: 'reverted';
      readonly generation: number;
      readonly failures: readonly string[];
      readonly differences: readonly string[];
    }
  /** Nothing was changed. */
  | { readonly kind: 'refused'; readonly message: string }
  /** It did not come about, and how the host is now. `message`: why; empty where `end` says it. */
  | {
      readonly kind: 'undone';
      readonly message: string;
      readonly end: Exclude<GuardEnd, { kind: 'confirmed' }>;
    };

export type RollbackOptions = HostGuardOptions & {
  readonly host: Host;
  readonly plan: HostGuardOptions['plan'];
  readonly rollback: Extract<RollbackPlan, { kind: 'back' }>;
};

const REVERT = 'revert';

export async function rollBack({ rollback, ...options }: RollbackOptions): Promise<RollbackEnd> {
  const { host, become } = options;
  const guard = new HostGuard(options);
  const arm = guard.lead(rollback.touched);
  const revert = { id: REVERT, script: revertScript(rollback), onFailure: 'stop' } as const;
  const outcome = await host.run(
    { kind: 'change', steps: [arm, revert] },
    become === undefined ? {} : { become },
  );
  if (outcome.kind === 'refused') return { kind: 'refused', message: outcome.message };
  const refusal = guard.refusal(outcome);
  if (refusal !== undefined) return { kind: 'refused', message: refusal.message };
  if (outcome.kind === 'lost' && outcome.reason === 'interrupted')
    return { kind: 'undone', message: 'interrupted', end: { kind: 'interrupted' } };
  const said = outcome.kind === 'finished' ? outcome.steps.get(REVERT) : undefined;
  if (said?.kind !== 'exited' || !/^reverted$/m.test(said.stdout)) {
    const message =
      said?.kind === 'exited' ? complaint(said) : 'message' in outcome ? outcome.message : 'nothing was run';
    return undone(message, await guard.undo(`the rollback failed: ${message}`), rollback);
  }
  const end = await guard.confirm();
  if (end.kind !== 'confirmed') return { kind: 'undone', message: '', end };
  return confirmed(rollback, said.stdout);
}

function undone(
  message: string,
  end: GuardEnd,
  rollback: Extract<RollbackPlan, { kind: 'back' }>,
): RollbackEnd {
  // Somebody has confirmed it meanwhile.
  return end.kind === 'confirmed'
    ? confirmed(rollback, `failed ${message}`)
    : { kind: 'undone', message, end };
}

function confirmed({ newest }: Extract<RollbackPlan, { kind: 'back' }>, said: string): RollbackEnd {
  const lines = (word: string) =>
    [...said.matchAll(new RegExp(`^${word} (.*)$`, 'gm'))].map(([, rest = '']) => rest);
  return {
    kind: 'reverted',
    generation: newest + 1,
    failures: lines('failed'),
    differences: lines('differs'),
  };
}
