// What a test needs of a Markdown file: its sections, their fenced blocks and their tables.
import { readFileSync } from 'node:fs';

export interface Block {
  readonly language: string;
  /** What follows the language: the name of a file, mostly. */
  readonly title: string;
  /** With its last newline. */
  readonly text: string;
}

export interface Section {
  readonly heading: string;
  readonly blocks: readonly Block[];
  /** Rows of all tables, without their headers; cells without the backticks around them. */
  readonly rows: readonly (readonly string[])[];
}

/** The sections (`##`) of a file in docs/. */
export function sectionsOf(name: string): readonly Section[] {
  const text = readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      heading: section.slice(0, section.indexOf('\n')),
      blocks: blocksOf(section),
      rows: rowsOf(section.replace(FENCED, '')),
    }));
}

export function sectionOf(name: string, heading: string): Section {
  const section = sectionsOf(name).find((each) => each.heading === heading);
  if (section === undefined) throw new Error(`${name} has no section "${heading}"`);
  return section;
}

const FENCED = /^```(\S+) ?(.*)\n([\s\S]*?)^```$/gm;

function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(FENCED)].map(([, language = '', title = '', inner = '']) => ({
    language,
    title,
    text: inner,
  }));
}

function rowsOf(text: string): readonly (readonly string[])[] {
  const tables = text.match(/(?:^\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) => table.trimEnd().split('\n').slice(2).map(cellsOf));
}

function cellsOf(row: string): readonly string[] {
  return row
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) =>
      cell
        .trim()
        .replaceAll('\\|', '|')
        .replace(/^`(.*)`$/, '$1'),
    );
}
