// What a playbook would run, for programs: one JSON object with what was asked for and nothing else.
import type { PlaybookListing } from '../listing.ts';
import type { ListingParts } from './listing-text.ts';

export function listingJson(listings: readonly PlaybookListing[], parts: ListingParts): string {
  const playbooks = listings.map(({ playbook, plays }) => ({
    playbook,
    plays: plays.map(({ hosts, tasks, taskTags, ...play }) => ({
      ...play,
      ...(parts.hosts && { hosts }),
      ...(parts.tasks && { tasks }),
      ...(parts.tags && { taskTags }),
    })),
  }));
  return `${JSON.stringify({ playbooks }, undefined, 2)}\n`;
}
