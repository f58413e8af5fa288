// What an action saw of its host, short enough to keep: a plan is only carried out where the same is seen again.
import { createHash } from 'node:crypto';
import type { FileState } from '../modules/file/file-probe.ts';
import type { Inspected, Verdict } from '../modules/module.ts';
import type { HostAction } from './action.ts';
import { written } from './plan-value.ts';

/** Only of what counts for the decision: neither times nor counters. */
export interface Seen {
  readonly verdict: Verdict<unknown>['kind'];
  /** What was to be done, for people. */
  readonly message: string;
  /** Files that were looked at: `file 0644 root:root, sha256 …`. */
  readonly files: Readonly<Record<string, string>>;
  /** Of all that the decision rests on. */
  readonly hash: string;
}

export function seenOf({ module, wanted }: Pick<HostAction, 'module' | 'wanted'>, actual: Inspected): Seen {
  const verdict = module.decide(wanted, actual);
  const looksOnly = module.writes(wanted).length === 0;
  const files = Object.fromEntries([...actual.files].map(([path, state]) => [path, fileText(state)]));
  const message = 'message' in verdict ? (verdict.message ?? '') : '';
  const basis =
    verdict.kind !== 'unchanged'
      ? { verdict: { ...verdict, fields: undefined }, files }
      : // Of what only looks the result counts: others may rest on it. Else what is as wanted is as wanted.
        looksOnly
        ? { result: withoutTimes(verdict.fields), files }
        : {};
  const text = JSON.stringify(written({ kind: verdict.kind, ...basis }));
  return { verdict: verdict.kind, message, files, hash: createHash('sha256').update(text).digest('hex') };
}

/** What is not as it was, in sentences; empty where all is. */
export function movedSince(then: Seen, now: Seen): readonly string[] {
  if (then.hash === now.hash) return [];
  const paths = [...new Set([...Object.keys(then.files), ...Object.keys(now.files)])];
  const files = paths.flatMap((path) => {
    const [before = 'not looked at', after = 'not looked at'] = [then.files[path], now.files[path]];
    return before === after ? [] : [`${path} was: ${before}; is: ${after}`];
  });
  if (files.length > 0) return files;
  const [before, after] = [asText(then), asText(now)];
  return [before === after ? 'what it found is not what it was' : `was: ${before}; is: ${after}`];
}

/** Whoever reads a file changes when it was last read. */
function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'atime' && key !== 'ctime');
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutTimes(each)]));
}

function asText({ verdict, message }: Seen): string {
  if (verdict === 'unchanged') return 'as wanted';
  return message === '' ? verdict : message;
}

const SHOWN_HASH_LENGTH = 12;

function fileText(state: FileState): string {
  switch (state.kind) {
    case 'absent':
    case 'unreadable':
      return state.kind;
    case 'file': {
      const sum = state.sha256 === undefined ? '' : `, sha256 ${state.sha256.slice(0, SHOWN_HASH_LENGTH)}`;
      return `file ${attributesText(state)}${sum}`;
    }
    case 'directory':
      return `folder ${attributesText(state)}`;
    case 'link':
      return `link to ${state.target}`;
    case 'other':
      return `${state.type} ${attributesText(state)}`;
  }
}

function attributesText(state: {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}): string {
  return `${state.mode.toString(8).padStart(4, '0')} ${state.uid}:${state.gid}`;
}
