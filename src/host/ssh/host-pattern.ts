// OpenSSH's patterns: `*` any characters, `?` exactly one (PATTERNS in ssh_config(5)).
// Shared by the readers of ssh_config and known_hosts, which differ in what a `!` means.

/** Compares without regard to case, as OpenSSH does with host names. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern.toLowerCase() === text.toLowerCase();
  let compiled = cache.get(pattern);
  if (compiled === undefined) {
    const source = pattern
      .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
      .replace(/\*+/g, '.*')
      .replaceAll('?', '.');
    compiled = new RegExp(`^${source}$`, 'i');
    cache.set(pattern, compiled);
  }
  return compiled.test(text);
}

const cache = new Map<string, RegExp>();
