// One set of addresses, ports or the like, now. What is to survive a reboot belongs into a boot script.
//
// Entries come and go one by one. Options that a set has from its making are changed by a new set, filled under another
// name and then swapped in: rules that use the set keep it, and no packet meets a half-filled one.
import { createHash } from 'node:crypto';
import { quote } from '../../shell.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import type { Family } from './addresses.ts';
import { prepareSet, type SetArgs, type WantedSet } from './ipset-arguments.ts';
import { type Entry, entryWords, type FoundSet, readSet, SET_TYPES } from './ipset-entry.ts';

export type SetChanges =
  | { readonly kind: 'destroy' }
  | { readonly kind: 'flush' }
  /** Lines for `ipset restore`: where `name` is not the set's own, it is swapped with that at the end. */
  | { readonly kind: 'load'; readonly name: string; readonly lines: readonly string[] };

const UINT = { type: 'integer', minimum: 0 } as const;

export const ipset: HostModule<SetArgs, WantedSet, SetChanges> = {
  kind: 'host',
  name: 'ipset',
  summary:
    'Makes, fills, empties or destroys one ipset in the kernel, now; boot_script is for what shall survive a reboot.',
  touchesNetwork: () => true,
  returns: { name: 'Name of the set.' },
  schema: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        minLength: 1,
        description: 'Name of the set, of 31 characters at most.',
      },
      type: {
        enum: SET_TYPES,
        description: 'Type of the set, as hash:net. Needed with state present; it is not changed.',
      },
      family: {
        enum: ['inet', 'inet6'],
        description: 'Of the addresses in a hash. Unsaid: inet. It is not changed.',
      },
      timeout: {
        ...UINT,
        maximum: 2147483,
        description: 'Seconds after which entries go that say nothing else; 0: they stay. Unsaid: as it is.',
      },
      maxelem: {
        ...UINT,
        minimum: 1,
        maximum: 4294967295,
        description: 'Largest number of entries. Unsaid: as it is.',
      },
      hashsize: {
        ...UINT,
        minimum: 1,
        maximum: 2147483648,
        description: 'Size of the hash at least: the kernel rounds it up, and enlarges it. Unsaid: as it is.',
      },
      comment: { type: 'boolean', description: 'Whether entries can have comments. Unsaid: as it is.' },
      counters: {
        type: 'boolean',
        description: 'Whether entries count packets and bytes. Unsaid: as it is.',
      },
      range: {
        type: 'string',
        description:
          'What a bitmap is for: 192.0.2.0/24, 192.0.2.1-192.0.2.9, or ports 0-1023. Needed there.',
      },
      size: {
        ...UINT,
        minimum: 1,
        maximum: 65535,
        description: 'Size of a list:set at least. Unsaid: as it is.',
      },
      entries: {
        type: 'array',
        description:
          'Entries that are to be there: text, or a mapping. Each is one: no ranges, and numbers in place of names of services.',
        items: {
          type: ['string', 'object'],
          properties: {
            entry: { type: 'string', description: 'The entry, as 192.0.2.1,tcp:80.' },
            timeout: {
              ...UINT,
              maximum: 2147483,
              description: 'Seconds after which it goes; 0: never. What is left of them is not compared.',
            },
            comment: { type: 'string', description: 'Comment, of 255 bytes at most.' },
            nomatch: {
              type: 'boolean',
              default: false,
              description: 'An exception to a larger prefix in the set.',
            },
          },
          required: ['entry'],
          additionalProperties: false,
        },
      },
      exclusive: {
        type: 'boolean',
        default: false,
        description: 'true: entries that are not in the list go. false: they stay.',
      },
      state: {
        enum: ['present', 'absent', 'flushed'],
        default: 'present',
        description: 'absent destroys the set, which no rule may use then; flushed empties it.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare: prepareSet,
  reads: () => ['netfilter'],
  writes: () => ['netfilter'],

  inspect: (wanted) => ({
    script: `set +eu
${FIND_IPSET}
ipset list ${quote(wanted.name)}
exit $?`,
  }),

  decide,
  change: (wanted, changes) => ({ script: changeScript(wanted, changes) }),
  conclude,
};

const FIND_IPSET = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if ! command -v ipset >/dev/null 2>&1; then
  echo 'there is no ipset on this host' >&2
  exit 5
fi`;

function decide(wanted: WantedSet, { output }: Inspected): Verdict<SetChanges> {
  const { name } = wanted;
  const found = output.exitCode === 0 ? readSet(output.stdout) : undefined;
  if (found === undefined && !/does not exist/.test(output.stderr)) {
    return { kind: 'failed', message: output.stderr.trim() || `ipset list exited ${output.exitCode}` };
  }
  if (wanted.state === 'present') {
    return found === undefined ? decideNew(wanted) : decidePresent(wanted, found);
  }
  if (found === undefined) {
    const message = wanted.state === 'flushed' ? { message: `there is no set ${name}` } : {};
    return { kind: 'unchanged', ...message, fields: { name } };
  }
  const before = linesOf(found.entries);
  if (wanted.state === 'flushed') {
    if (found.entries.length === 0) return { kind: 'unchanged', fields: { name } };
    return {
      kind: 'change',
      changes: { kind: 'flush' },
      message: `empty ${name}, which has ${found.entries.length} entries`,
      diffs: [{ title: `entries of ${name}`, before, after: '' }],
      fields: { name },
    };
  }
  if (found.references > 0) return { kind: 'failed', ...inUse(name, found.references), fields: { name } };
  return {
    kind: 'change',
    changes: { kind: 'destroy' },
    message: `destroy ${name}`,
    diffs: [{ title: `entries of ${name}`, before, after: '' }],
    fields: { name },
  };
}

function inUse(name: string, references: number): { readonly message: string; readonly hint: string } {
  const users =
    references === 1 ? 'a rule or another set uses it' : `${references} rules or other sets use it`;
  return { message: `${name} cannot be destroyed: ${users}`, hint: 'delete what uses it first' };
}

function decideNew(wanted: WantedSet): Verdict<SetChanges> {
  const { name, type, family, entries } = wanted;
  const options = new Map(
    [...wanted.options].flatMap(([word, value]) =>
      value === false ? [] : [[word, value === true ? '' : value] as const],
    ),
  );
  const header = createWords(type, family, options);
  return {
    kind: 'change',
    changes: {
      kind: 'load',
      name,
      lines: [`create ${name} ${header}`, ...entries.map((entry) => `add ${name} ${entryWords(entry)}`)],
    },
    message: `create ${name} ${header}${entries.length > 0 ? `, add ${countOf(entries)}` : ''}`,
    diffs: [
      { title: `set ${name}`, before: '', after: `${header}\n` },
      ...(entries.length > 0 ? [{ title: `entries of ${name}`, before: '', after: linesOf(entries) }] : []),
    ],
    fields: { name },
  };
}

function decidePresent(wanted: WantedSet, found: FoundSet): Verdict<SetChanges> {
  const { name, type, family } = wanted;
  if (found.type !== type || (family !== undefined && found.family !== family)) {
    const what = (of: string, its: Family | undefined) =>
      [of, its].filter((word) => word !== undefined).join(' ');
    return {
      kind: 'failed',
      message: `${name} is ${what(found.type, found.family)} and not ${what(type, family)}, which cannot be changed`,
      hint: 'choose another name, or destroy it first: state: absent',
    };
  }
  const there = new Map(found.entries.map((entry) => [entry.element, entry]));
  const listed = new Set(wanted.entries.map(({ element }) => element));
  const adding = wanted.entries.filter((entry) => !isThere(entry, there.get(entry.element)));
  const fresh = adding.filter(({ element }) => !there.has(element));
  const foreign = found.entries.filter(({ element }) => !listed.has(element));
  const removing = wanted.exclusive ? foreign : [];
  const changed = changedOptions(wanted.options, found.options);
  if (changed.length === 0 && adding.length === 0 && removing.length === 0) {
    return { kind: 'unchanged', fields: { name } };
  }
  // Where there is no room for the new beside the old, all go together.
  const most = Number(found.options.get('maxelem') ?? Number.POSITIVE_INFINITY);
  const full = found.entries.length + fresh.length > most && removing.length > 0;
  const options = mergedOptions(wanted.options, found.options);
  const kept = wanted.exclusive ? [] : foreign.map((entry) => fitted(entry, options, found.options));
  const after = [...kept, ...wanted.entries];
  const header = createWords(type, family, options);
  const temporary = `fairlead-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  const changes: SetChanges =
    changed.length > 0 || full
      ? {
          kind: 'load',
          name: temporary,
          lines: [
            `create ${temporary} ${header}`,
            ...after.map((entry) => `add ${temporary} ${entryWords(entry)}`),
          ],
        }
      : {
          kind: 'load',
          name,
          lines: [
            ...adding.map((entry) => `add ${name} ${entryWords(entry)}`),
            ...removing.map(({ element }) => `del ${name} ${element}`),
          ],
        };
  const others = adding.filter(({ element }) => there.has(element));
  const message = [
    ...changed.map(({ word, from, to }) => `set ${word} of ${name}: ${from} → ${to}`),
    ...(fresh.length > 0 ? [`add ${countOf(fresh)} to ${name}`] : []),
    ...(others.length > 0 ? [`change ${countOf(others)} of ${name}`] : []),
    ...(removing.length > 0 ? [`remove ${countOf(removing)} from ${name}`] : []),
  ].join(', ');
  const optionLines = (which: 'from' | 'to') =>
    changed.map((change) => `${change.word}: ${change[which]}\n`).join('');
  const gone = found.entries.filter((entry) => removing.includes(entry) || others.some(sameElement(entry)));
  return {
    kind: 'change',
    changes,
    message,
    diffs: [
      ...(changed.length > 0
        ? [{ title: `set ${name}`, before: optionLines('from'), after: optionLines('to') }]
        : []),
      ...(adding.length + removing.length > 0
        ? [{ title: `entries of ${name}`, before: linesOf(gone), after: linesOf(adding) }]
        : []),
    ],
    fields: { name },
  };
}

function sameElement(one: Entry): (other: Entry) => boolean {
  return (other) => other.element === one.element;
}

/** What is left of a timeout is not compared, only whether there is one. */
function isThere(wanted: Entry, found: Entry | undefined): boolean {
  return (
    found !== undefined &&
    wanted.nomatch === found.nomatch &&
    (wanted.comment === undefined || wanted.comment === (found.comment ?? '')) &&
    (wanted.timeout === undefined || (wanted.timeout === 0) === ((found.timeout ?? 0) === 0))
  );
}

interface ChangedOption {
  readonly word: string;
  readonly from: string;
  readonly to: string;
}

function changedOptions(
  wanted: ReadonlyMap<string, string | boolean>,
  found: ReadonlyMap<string, string>,
): readonly ChangedOption[] {
  return [...wanted].flatMap(([word, value]) => {
    const is = found.get(word);
    if (typeof value === 'boolean') {
      const has = is !== undefined;
      return has === value ? [] : [{ word, from: String(has), to: String(value) }];
    }
    const enough = (word === 'hashsize' || word === 'size') && Number(is) >= Number(value);
    return is === value || enough ? [] : [{ word, from: is ?? 'none', to: value }];
  });
}

/** What the set has, with what is said in its place. `initval` is the kernel's own affair. */
function mergedOptions(
  wanted: ReadonlyMap<string, string | boolean>,
  found: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const merged = new Map([...found].filter(([word]) => word !== 'initval' && word !== 'family'));
  for (const [word, value] of wanted) {
    if (value === false) merged.delete(word);
    else merged.set(word, value === true ? '' : value);
  }
  return merged;
}

/** An entry that stays, for a set with other options. One that was to stay for ever still is. */
function fitted(entry: Entry, options: ReadonlyMap<string, string>, old: ReadonlyMap<string, string>): Entry {
  return {
    ...entry,
    timeout: options.has('timeout') ? (old.has('timeout') ? entry.timeout : 0) : undefined,
    comment: options.has('comment') ? entry.comment : undefined,
  };
}

function createWords(type: string, family: Family | undefined, options: ReadonlyMap<string, string>): string {
  return [
    type,
    ...(family === undefined ? [] : ['family', family]),
    ...[...options].flatMap(([word, value]) => (value === '' ? [word] : [word, value])),
  ].join(' ');
}

function countOf(entries: readonly Entry[]): string {
  const [first] = entries;
  return entries.length === 1 && first !== undefined ? first.element : `${entries.length} entries`;
}

function linesOf(entries: readonly Entry[]): string {
  return entries.map((entry) => `${entryWords(entry)}\n`).join('');
}

function changeScript(wanted: WantedSet, changes: SetChanges): string {
  const name = quote(wanted.name);
  if (changes.kind === 'flush') return `${FIND_IPSET}\nipset flush ${name}`;
  if (changes.kind === 'destroy') {
    return `${FIND_IPSET}
if ! said=$(ipset destroy ${name} 2>&1); then
  case $said in
    *'does not exist'*) ;;
    *)
      printf '%s\\n' "$said" >&2
      exit 1
      ;;
  esac
fi`;
  }
  const restore = `ipset -exist restore <<'END_OF_SET'\n${changes.lines.join('\n')}\nEND_OF_SET`;
  if (changes.name === wanted.name) return `${FIND_IPSET}\n${restore}`;
  return `${FIND_IPSET}
ipset -q destroy ${changes.name} || :
trap 'ipset -q destroy ${changes.name} || :' EXIT
${restore}
ipset swap ${changes.name} ${name}`;
}

function conclude(wanted: WantedSet, changes: SetChanges, output: Output): Conclusion {
  if (output.exitCode === 0) return { kind: 'changed' };
  const said = output.stderr.trim() || `ipset exited ${output.exitCode}`;
  const number = /Error in line (\d+)/.exec(said)?.[1];
  const line =
    changes.kind === 'load' && number !== undefined ? changes.lines[Number(number) - 1] : undefined;
  const message = line === undefined ? said : `${line}\n${said}`;
  const swapping = changes.kind === 'load' && changes.name !== wanted.name;
  return { kind: 'failed', message, ...(swapping && { hint: `${wanted.name} is as it was` }) };
}
