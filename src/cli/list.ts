// fairlead run --list-hosts, --list-tasks, --list-tags, --syntax-check: says what a run would be, and contacts nobody.
import type { PlaybookListing } from '../listing.ts';
import { listingJson } from '../report/listing-json.ts';
import { listingText } from '../report/listing-text.ts';
import { COLOURS, NO_COLOURS } from '../report/paint.ts';
import { listPlay } from '../resolve/listing.ts';
import type { PreparedRun } from '../run/run.ts';
import type { CliContext } from './context.ts';

export interface ListFlags {
  readonly listHosts?: true;
  readonly listTasks?: true;
  readonly listTags?: true;
  readonly syntaxCheck?: true;
  readonly output?: 'live' | 'text' | 'json';
}

/** Whether a run is only asked about. */
export function isAsking({ listHosts, listTasks, listTags, syntaxCheck }: ListFlags): boolean {
  return [listHosts, listTasks, listTags, syntaxCheck].includes(true);
}

/** `playbooks`: each with the words of the command line that name it. */
export function list(
  playbooks: readonly { readonly name: string; readonly prepared: PreparedRun }[],
  flags: ListFlags,
  context: CliContext,
): void {
  const parts = {
    hosts: flags.listHosts === true,
    tasks: flags.listTasks === true,
    tags: flags.listTags === true,
  };
  const listings = playbooks.map(({ name, prepared }): PlaybookListing => {
    const { vault } = prepared.options;
    const mask = vault && ((text: string) => vault.secrets.mask(text));
    const plays = prepared.plays.map(({ play, ...how }) => listPlay(play, { ...how, mask }));
    return { playbook: name, plays };
  });
  const paint = context.terminal.outColours ? COLOURS : NO_COLOURS;
  context.out(flags.output === 'json' ? listingJson(listings, parts) : listingText(listings, parts, paint));
}
