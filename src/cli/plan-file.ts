// Plans as files: for their owner alone, and where something in them must not be seen, sealed with the vault's key.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DiagnosticError } from '../diagnostic.ts';
import { operator } from '../guard/operator.ts';
import { displayPath, systemErrorText } from '../load/source.ts';
import { closedDiagnostic } from '../load/vault/closed.ts';
import { sealText, type Vault } from '../load/vault/vault.ts';
import { fairleadVersion } from '../package.ts';
import { hasSecret, type Json, read, UnwritableError, written } from '../plan/plan-value.ts';
import { PLAN_VERSION, type PlanBody, type PlanHead } from '../plan/saved-plan.ts';
import type { RevealedTexts } from '../secret-texts.ts';
import { replaceFile } from './replace-file.ts';

export interface PlanSources {
  readonly playbooks: readonly string[];
  readonly inventories: readonly string[];
}

/** `sealed`: nobody reads it without the key. Throws a DiagnosticError where it must not be written as it is. */
export function savePlan(
  path: string,
  body: PlanBody,
  { sources, vault }: { readonly sources: PlanSources; readonly vault: Vault },
): 'plain' | 'sealed' {
  const head: PlanHead = {
    fairlead_plan: PLAN_VERSION,
    version: fairleadVersion(),
    made: new Date().toISOString(),
    by: operator(),
    sources: sourcesOf(sources),
  };
  const json = written(body);
  const isSecret = hasSecret(json) || !vault.secrets.isEmpty || hasNoLog(body);
  const [key] = vault.keys;
  if (isSecret && key === undefined) {
    throw cannotSave(
      'it holds what must not be seen (vaulted values, passwords, or arguments of tasks with no_log)',
      'give a key to seal it with: --vault-password-file FILE, or -J',
    );
  }
  const content =
    isSecret && key !== undefined
      ? {
          ...head,
          sealed: sealText(Buffer.from(JSON.stringify({ body: json, secrets: vault.secrets.reveal() })), key),
        }
      : { ...head, body: json };
  replaceFile(path, Buffer.from(`${JSON.stringify(content, undefined, 1)}\n`));
  return isSecret ? 'sealed' : 'plain';
}

/** Throws a DiagnosticError where it is none, is of another form, or stays closed. */
export function readPlan(path: string, vault: Vault): { readonly head: PlanHead; readonly body: PlanBody } {
  const shown = displayPath(path);
  const content = parsed(bytesOf(path).toString('utf8'));
  if (content === null || typeof content !== 'object' || !('fairlead_plan' in content)) {
    throw cannotRead(`${shown} is no plan of fairlead's`, 'fairlead plan PLAYBOOK --out FILE makes one');
  }
  const { sealed, body, ...head } = content as unknown as PlanHead & {
    readonly sealed?: string;
    readonly body?: Json;
  };
  if (head.fairlead_plan !== PLAN_VERSION) {
    throw cannotRead(
      `${shown} is a plan of another form (${head.fairlead_plan}, made by fairlead ${head.version}); this one reads ${PLAN_VERSION}`,
      'make it anew with this fairlead',
    );
  }
  const json = sealed === undefined ? body : openedBody(sealed, shown, vault);
  try {
    return { head, body: read(json ?? null) as PlanBody };
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error;
    throw cannotRead(`${shown} is damaged: ${error.message} stands where none can be`, 'make it anew');
  }
}

/** Which of its sources are not what they were. */
export function changedSources({ sources }: PlanHead): readonly string[] {
  return sources.filter(({ path, sha256 }) => hashOf(path) !== sha256).map(({ path }) => path);
}

interface SealedContent {
  readonly body: Json;
  readonly secrets: RevealedTexts;
}

function openedBody(sealed: string, shown: string, vault: Vault): Json | undefined {
  const opened = vault.open(sealed);
  if (opened.kind !== 'open') {
    const { code, summary, details, hint } = closedDiagnostic(opened);
    throw new DiagnosticError([
      {
        code,
        summary,
        details: [`${shown} is sealed`, ...(details ?? [])],
        ...(hint !== undefined && { hint }),
      },
    ]);
  }
  const content = parsed(Buffer.from(opened.bytes).toString('utf8')) as unknown as SealedContent | undefined;
  // What was masked when the plan was made is masked now.
  if (content !== undefined) vault.secrets.take(content.secrets);
  for (const secret of secretsIn(content?.body)) vault.secrets.add(secret);
  return content?.body;
}

/** Passwords and their like are masked wherever they may turn up. */
function secretsIn(json: Json | undefined): readonly string[] {
  if (json === null || typeof json !== 'object') return [];
  if ('$secret' in json) return [String(json.$secret)];
  return Object.values(json).flatMap(secretsIn);
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function hasNoLog({ plays }: PlanBody): boolean {
  return plays.some(({ actions }) =>
    Object.values(actions).some((list) => list.some(({ task }) => task.noLog)),
  );
}

const FOLDERS = ['group_vars', 'host_vars', 'roles', 'tasks', 'templates', 'files', 'vars', 'handlers'];
const MOST_SOURCES = 5000;

/** Playbooks, inventories and what belongs to them. */
function sourcesOf({ playbooks, inventories }: PlanSources): PlanHead['sources'] {
  const roots = [...playbooks, ...inventories.filter((each) => !each.includes(','))].map((each) =>
    resolve(each),
  );
  const beside = roots.flatMap((root) => FOLDERS.map((folder) => join(dirname(root), folder)));
  const paths = [...new Set([...roots, ...beside].flatMap(filesIn))].slice(0, MOST_SOURCES);
  return paths.map((path) => ({ path, sha256: hashOf(path) ?? '' }));
}

function filesIn(path: string): readonly string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile()) return [path];
  if (!stat?.isDirectory()) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .sort();
}

/** Undefined: it cannot be read. */
function hashOf(path: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return undefined;
  }
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw cannotRead(`${displayPath(path)}: ${systemErrorText(error)}`);
  }
}

function cannotRead(detail: string, hint?: string): DiagnosticError {
  return new DiagnosticError([
    {
      code: 'plan-unusable',
      summary: 'plan cannot be used',
      details: [detail],
      ...(hint !== undefined && { hint }),
    },
  ]);
}

function cannotSave(detail: string, hint: string): DiagnosticError {
  return new DiagnosticError([
    { code: 'plan-unusable', summary: 'plan cannot be saved', details: [detail], hint },
  ]);
}
