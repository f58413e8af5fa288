// Words of the language that look like modules: they say where a play goes on, and touch no host.

import type { Module } from '../module.ts';
import { importRole, importTasks, includeRole, includeTasks } from './include.ts';
import { meta } from './meta.ts';

const FLOW: ReadonlyMap<string, Module> = new Map(
  [importRole, importTasks, includeRole, includeTasks, meta].map((module): [string, Module] => [
    module.name,
    module,
  ]),
);

export function findFlowWord(name: string): Module | undefined {
  return FLOW.get(name);
}

export function flowWords(): readonly string[] {
  return [...FLOW.keys()];
}
