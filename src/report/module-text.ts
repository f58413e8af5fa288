// A module for people at a terminal: what it does, its arguments, what it returns, examples. Nothing is printed here.

import type { Module } from '../modules/module.ts';
import { meaningText, valueText } from './argument-text.ts';

const WIDTH = 80;
const INDENT = 4;

/** One line per module: its name and what it does. */
export function moduleList(modules: readonly Module[]): string {
  const width = Math.max(...modules.map(({ name }) => name.length));
  return modules.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join('');
}

/** Everything about a module; `examples` is YAML. */
export function moduleText(module: Module, examples: string | undefined): string {
  const { name, summary, freeForm, schema, returns = {} } = module;
  const { properties, required = [] } = schema;
  const bare = freeForm === undefined ? '' : ` A bare text is ${freeForm}.`;
  const args = Object.entries(properties).map(([argument, property]) =>
    entry(
      `${argument}${required.includes(argument) ? ' (required)' : ''}: ${valueText(property)}`,
      meaningText(property),
    ),
  );
  const fields = Object.entries(returns).map(([field, meaning]) => entry(field, meaning));
  return [
    `${name}\n${wrapped(`${summary}${bare}`, 2)}`,
    ...section('Arguments', args),
    ...section('Returns', fields),
    ...(examples === undefined ? [] : [`Examples\n${examples.replace(/^(?=.)/gm, '  ')}`]),
  ].join('\n');
}

function section(title: string, entries: readonly string[]): readonly string[] {
  return entries.length === 0 ? [] : [`${title}\n${entries.join('')}`];
}

function entry(head: string, meaning: string): string {
  return `${wrapped(head, 2, INDENT + 4)}${wrapped(meaning, 2 + INDENT)}`;
}

/** Lines of at most 80 columns, where words allow it; `indent` before each, `hanging` from the second on. */
function wrapped(text: string, indent: number, hanging = indent): string {
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  let isEmpty = true;
  for (const word of text.split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(hanging);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].map((each) => `${each}\n`).join('');
}
