// Brings a file from a host to the controller: only where it is another one, in pieces that go straight to the disk, and
// in its place once it has arrived as a whole.
import { readFileSync } from 'node:fs';
import type { ProgramOutcome, StepListener } from '../../host/host.ts';
import { systemErrorText } from '../../load/source.ts';
import type { Delivery } from '../../modules/errand.ts';
import { contentDiff } from '../../modules/file/content-diff.ts';
import { CONTENT_LIMIT_BYTES } from '../../modules/file/file-probe.ts';
import type { Diff } from '../../modules/module.ts';
import { quote } from '../../shell.ts';
import { hostAfter, interruptible } from '../interruptible.ts';
import type { RawOutcome } from '../task-outcome.ts';
import { ControllerFileError, controllerHash, controllerPath, IncomingFile } from './controller-file.ts';
import type { ErrandContext, ErrandOutcome } from './errands.ts';

const STEP = 'fetch';

export async function deliver(delivery: Delivery, context: ErrandContext): Promise<ErrandOutcome> {
  try {
    return await delivered(delivery, context);
  } catch (error) {
    const message = failureText(error);
    if (message === undefined) throw error;
    return { raw: { kind: 'failed', message, fields: { file: delivery.source.path } }, host: 'fine' };
  }
}

async function delivered(delivery: Delivery, context: ErrandContext): Promise<ErrandOutcome> {
  const { source, to, diff } = delivery;
  const dest = controllerPath(to.folder, to.path);
  const fields = { dest, file: source.path, checksum: source.sha256 };
  const present = controllerHash(dest);
  if (present === source.sha256) return { raw: { kind: 'ok', fields }, host: 'fine' };
  const message = `${present === undefined ? 'fetch' : 'fetch anew'} ${dest}`;
  const showsContent = diff && source.sizeBytes <= CONTENT_LIMIT_BYTES;
  if (context.mode === 'check') {
    const diffs = showsContent ? await expectedDiff(delivery, { dest, present, context }) : [];
    return { raw: { kind: 'would-change', message, fields, diffs }, host: 'fine' };
  }
  const before = showsContent && present !== undefined ? readFileSync(dest) : undefined;
  const incoming = new IncomingFile(dest);
  const outcome = await bring(delivery, context, (bytes) => incoming.write(bytes)).catch((error) => {
    incoming.drop();
    throw error;
  });
  const checksum = incoming.sha256();
  const trouble = troubleOf(outcome, delivery, checksum);
  if (trouble !== undefined) {
    incoming.drop();
    const host = hostAfter(outcome);
    if (host === 'interrupted') return { raw: undefined, host };
    return { raw: { ...trouble, fields: { file: source.path, dest } }, host };
  }
  incoming.keep();
  context.forgetFile(dest);
  const diffs = showsContent ? [contentDiff(dest, before, readFileSync(dest))] : [];
  const sums = { checksum, remote_checksum: source.sha256 };
  return { raw: { kind: 'changed', message, fields: { ...fields, ...sums }, diffs }, host: 'fine' };
}

/** The content goes to `write` as it comes, and nowhere else. Rejects with what `write` throws. */
async function bring(
  { source }: Delivery,
  { host, options, signal }: ErrandContext,
  write: (bytes: Uint8Array) => void,
): Promise<ProgramOutcome> {
  let failure: { readonly error: unknown } | undefined;
  const listener: StepListener = {
    heard(_step, from, bytes) {
      if (from === 'stderr') return 'left';
      try {
        if (failure === undefined) write(bytes);
      } catch (error) {
        failure = { error }; // a full disk: the host's output has to be taken all the same
      }
      return 'taken';
    },
  };
  const script = `cat -- ${quote(source.path)}`;
  const program = { kind: 'inspect', steps: [{ id: STEP, script, onFailure: 'stop' }] } as const;
  const outcome = await interruptible(host.run(program, { ...options, listener }), signal);
  if (failure !== undefined) throw failure.error;
  return outcome;
}

/** Undefined: what was wanted has arrived. */
function troubleOf(
  outcome: ProgramOutcome,
  { source, otherContent }: Delivery,
  checksum: string,
): RawOutcome | undefined {
  const { path, sha256 } = source;
  if (outcome.kind !== 'finished') {
    const said = outcome.kind === 'withheld' ? 'the host refuses to be read' : outcome.message;
    const isLost = hostAfter(outcome) === 'lost';
    return {
      kind: 'failed',
      message: `${said}, while ${path} was brought`,
      ...(isLost && { isFinal: true }),
    };
  }
  const step = outcome.steps.get(STEP);
  if (step?.kind !== 'exited' || step.exitCode !== 0) {
    const said = step?.kind === 'exited' ? step.stderr.trim() : '';
    return { kind: 'failed', message: `${path} could not be read${said === '' ? '' : `: ${said}`}` };
  }
  if (checksum === sha256 || otherContent === 'take') return undefined;
  return {
    kind: 'failed',
    message: `checksum mismatch: ${path} changed while it was brought`,
    hint: 'with validate_checksum: false it is taken as it comes',
  };
}

/** In check mode: what would change, where the host lets it be read. */
async function expectedDiff(
  delivery: Delivery,
  { dest, present, context }: { dest: string; present: string | undefined; context: ErrandContext },
): Promise<readonly Diff[]> {
  const pieces: Uint8Array[] = [];
  const outcome = await bring(delivery, context, (bytes) => pieces.push(bytes));
  if (outcome.kind !== 'finished') return [];
  return [contentDiff(dest, present === undefined ? undefined : readFileSync(dest), Buffer.concat(pieces))];
}

/** Undefined for a bug. */
function failureText(error: unknown): string | undefined {
  if (error instanceof ControllerFileError) return error.message;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : '';
  return `${path}${systemErrorText(error)}`;
}
