// What a playbook would run, for people: a tree in which titles, places and tags stand below each other.
import type { ListedNode, ListedPlace, PlaybookListing, PlayListing } from '../listing.ts';
import { unreachable } from '../unreachable.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';

/** What is asked for; none of them: only which playbooks are sound. */
export interface ListingParts {
  readonly hosts: boolean;
  readonly tasks: boolean;
  readonly tags: boolean;
}

/** Beyond it a title pushes what is behind it, lest one long name moves everything to the right. */
const WIDEST_TITLE = 48;

export function listingText(listings: readonly PlaybookListing[], parts: ListingParts, paint: Paint): string {
  return listings.map((each) => playbookText(each, parts, paint)).join('\n');
}

function playbookText({ playbook, plays }: PlaybookListing, parts: ListingParts, paint: Paint): string {
  const head = `playbook: ${escapeLine(playbook)}\n`;
  if (!parts.hosts && !parts.tasks && !parts.tags) return head;
  return [head, ...plays.map((play, index) => playText(play, index + 1, { parts, paint }))].join('\n');
}

function playText(
  { name, pattern, place, tags, hosts, tasks, taskTags }: PlayListing,
  number: number,
  { parts, paint }: { readonly parts: ListingParts; readonly paint: Paint },
): string {
  const title = `  play #${number} (${escapeLine(pattern)}): ${paint.bold(escapeLine(name))}`;
  const lines = [`${title}  ${behind(place, tags, paint)}`];
  if (parts.hosts)
    lines.push(`    hosts (${hosts.length}):`, ...hosts.map((host) => `      ${escapeLine(host)}`));
  if (parts.tasks) {
    const rows = tasks.flatMap((node) => rowsOf(node, 6));
    const width = Math.min(WIDEST_TITLE, Math.max(0, ...rows.map(({ text }) => text.length)));
    const places = Math.max(
      0,
      ...rows.map((row) => (row.place === undefined ? 0 : placeText(row.place).length)),
    );
    lines.push(
      rows.length === 0 ? '    tasks: none' : '    tasks:',
      ...rows.map((row) => rowText(row, { width, places, paint })),
    );
  }
  if (parts.tags) lines.push(`    task tags: [${taskTags.map(escapeLine).join(', ')}]`);
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

interface Row {
  readonly text: string;
  readonly place?: ListedPlace;
  readonly tags?: readonly string[];
}

function rowsOf(node: ListedNode, indent: number): readonly Row[] {
  const row = (title: string, more: Omit<Row, 'text'> = {}): Row => ({
    text: ' '.repeat(indent) + title,
    ...more,
  });
  const inside = (nodes: readonly ListedNode[], by: number) =>
    nodes.flatMap((each) => rowsOf(each, indent + by));
  switch (node.kind) {
    case 'task':
      return [row(escapeLine(node.title), node)];
    case 'block': {
      const part = (title: string, nodes: readonly ListedNode[]): readonly Row[] =>
        nodes.length === 0 ? [] : [row(title), ...inside(nodes, 2)];
      const name = node.name === undefined ? 'block' : `block: ${escapeLine(node.name)}`;
      return [
        row(name, { place: node.place }),
        ...inside(node.body, 2),
        ...part('rescue', node.rescue),
        ...part('always', node.always),
      ];
    }
    case 'include': {
      const { module, title } = node;
      const own = title.endsWith(module) ? title : `${title} (${module})`;
      const brought = node.brings.flatMap(({ name, tasks }) => [
        { text: `${' '.repeat(indent + 2)}${escapeLine(name)}:${tasks.length === 0 ? ' none' : ''}` },
        ...inside(tasks, 4),
      ]);
      const rest =
        node.when === 'late' && brought.length > 0 ? '(and more, known when it runs)' : REST[node.when];
      return [
        row(escapeLine(own), node),
        ...brought,
        ...(rest === undefined ? [] : [{ text: `${' '.repeat(indent + 2)}${rest}` }]),
      ];
    }
    default:
      return unreachable(node);
  }
}

/** What is said of an include beside the tasks that are known. */
const REST = {
  known: undefined,
  late: '(known when it runs)',
  nowhere: '(no host comes here)',
} as const;

function rowText(
  { text, place, tags = [] }: Row,
  { width, places, paint }: { readonly width: number; readonly places: number; readonly paint: Paint },
): string {
  if (place === undefined) return text;
  const gap = ' '.repeat(Math.max(0, width - text.length) + 2);
  const pad = ' '.repeat(places - placeText(place).length);
  return `${text}${gap}${behind(place, tags, paint, pad)}`;
}

function behind(place: ListedPlace, tags: readonly string[], paint: Paint, pad = ''): string {
  const shown = tags.length === 0 ? '' : `${pad}  [${tags.map(escapeLine).join(', ')}]`;
  return `${paint.dim(placeText(place))}${shown}`;
}

function placeText({ file, line }: ListedPlace): string {
  return `${escapeLine(file)}:${line}`;
}
