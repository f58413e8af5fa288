// Which tasks --tags and --skip-tags leave, with Ansible's special tags: always, never, tagged, untagged, all.

export interface TagSelection {
  /** Empty: all. */
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

export function isSelected(tags: ReadonlySet<string>, selection: TagSelection): boolean {
  const names = (wanted: string): boolean => {
    if (wanted === 'all') return true;
    if (wanted === 'tagged') return [...tags].some((tag) => tag !== 'always' && tag !== 'never');
    if (wanted === 'untagged') return tags.size === 0;
    return tags.has(wanted);
  };
  if (selection.skip.some((tag) => (tag === 'always' || tag !== 'all' || !tags.has('always')) && names(tag)))
    return false;
  const only = selection.only.length === 0 ? ['all'] : selection.only;
  if (tags.has('never') && !only.some((tag) => tag !== 'all' && tags.has(tag))) return false;
  return tags.has('always') || only.some(names);
}
