// What each of these modules has: cases, tested examples, a difference for people, and a test that runs it twice. The rest
// is looked at elsewhere: that arguments are described in test/docs/modules.test.ts, check mode (a host that cannot write) in
// test/host.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findModule } from '../../src/modules/registry.ts';

interface Coverage {
  /** The test that runs it twice, or why the second run cannot say "unchanged". */
  readonly twice: { readonly test: string } | { readonly never: string };
  /** Where a difference is shown, if the module changes something that can be shown as text. */
  readonly diff: 'cases' | { readonly test: string } | { readonly none: string };
}

const looks = { twice: { never: 'it changes nothing' }, diff: { none: 'it changes nothing' } } as const;
const grows = { twice: { never: 'it is about this run alone' }, diff: { none: 'no host changes' } } as const;
const tested = (name: string) => ({ twice: { test: `${name}.test.ts` }, diff: 'cases' }) as const;

const MODULES: Readonly<Record<string, Coverage>> = {
  add_host: grows,
  async_status: looks,
  authorized_key: tested('authorized-key'),
  blockinfile: tested('blockinfile'),
  cron: tested('cron'),
  fetch: { twice: { test: '../apply/fetch.test.ts' }, diff: { test: '../apply/fetch.test.ts' } },
  find: looks,
  get_url: { twice: { test: 'get-url.test.ts' }, diff: { none: 'what is fetched may be of any size' } },
  group: { twice: { test: 'user.test.ts' }, diff: 'cases' },
  group_by: grows,
  hostname: tested('hostname'),
  include_vars: grows,
  ip_address: tested('ip-address'),
  ip_route: tested('ip-route'),
  ip_rule: tested('ip-rule'),
  ipset: tested('ipset'),
  ipvs: tested('ipvs'),
  known_hosts: tested('known-hosts'),
  modprobe: tested('modprobe'),
  mount: tested('mount'),
  pause: looks,
  raw: { twice: { never: 'nobody knows what a command does' }, diff: { none: 'the same' } },
  replace: tested('replace'),
  slurp: looks,
  systemd_service: { twice: { test: 'systemd-service.test.ts' }, diff: { none: 'its message says it all' } },
  tempfile: { twice: { never: 'each run makes a new one' }, diff: { none: 'it is empty' } },
  unarchive: tested('unarchive'),
  user: tested('user'),
  wait_for_connection: looks,
};

const read = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8');

describe.each(Object.entries(MODULES))('%s', (name, { twice, diff }) => {
  it('is there, with a sentence, and refuses or describes every argument', () => {
    const module = findModule(name);
    expect(module?.summary).toMatch(/^[A-Z].*\.$/);
    // All that add_host does not know are variables of the host.
    expect(module?.schema.additionalProperties).toBe(name === 'add_host');
    for (const [argument, schema] of Object.entries(module?.schema.properties ?? {})) {
      expect(schema, argument).toHaveProperty('description', expect.stringMatching(/\w/));
    }
  });

  it('has cases, and tasks as examples', () => {
    const cases = readdirSync(join(import.meta.dirname, '../cases', name));
    expect(cases.filter((file) => file.endsWith('.yml'))).not.toEqual([]);
    const examples: unknown = parse(read(`../../docs/examples/${name}.yml`));
    expect(examples).toEqual(
      expect.arrayContaining([expect.objectContaining({ [name]: expect.anything() })]),
    );
  });

  it('is run twice by a test, which sees that nothing is left to do', () => {
    if ('never' in twice) return expect(twice.never).not.toBe('');
    const text = read(twice.test);
    expect(text).toMatch(new RegExp(`\\b(?:${camelCase(name)}(?:Module)?|${name})\\b`));
    expect(text).toMatch(/runTwice\(|twice\(|'unchanged'|changed: 0|here ok fetch/);
  });

  it('shows what is different', () => {
    if (diff !== 'cases') {
      if ('test' in diff) expect(read(diff.test)).toMatch(/diff/);
      return;
    }
    const folder = join(import.meta.dirname, '../cases', name);
    const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
    expect(texts.filter((text) => /\bdiffs:/.test(text))).not.toEqual([]);
  });
});

it('names tests that are there', () => {
  for (const { twice } of Object.values(MODULES)) {
    if ('test' in twice) expect(existsSync(join(import.meta.dirname, twice.test)), twice.test).toBe(true);
  }
});

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());
}
