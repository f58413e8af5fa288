// What has to be reached after a guarded change if it could be before: the variable `guard_probes`, read. Trying them is
// reach.ts on the controller and templates/guard/probes.sh on the host.
import { didYouMean, type Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import type { Origin } from '../load/source.ts';

/** From the controller: `ssh` logs in at another address of the host, which has to show the host's own key. */
export type ControllerProbe =
  | { readonly kind: 'ssh'; readonly address: string; readonly port: number | undefined }
  | { readonly kind: 'tcp'; readonly from: 'controller'; readonly address: string; readonly port: number };

export type HostProbe =
  | { readonly kind: 'tcp'; readonly from: 'host'; readonly address: string; readonly port: number }
  /** `via`: through this device and no other. */
  | { readonly kind: 'ping'; readonly address: string; readonly via: string | undefined };

export type Probe = ControllerProbe | HostProbe;

export function isOfController(probe: Probe): probe is ControllerProbe {
  return probe.kind === 'ssh' || (probe.kind === 'tcp' && probe.from === 'controller');
}

/** For people. */
export function probeText(probe: Probe): string {
  const { kind, address } = probe;
  if (kind === 'ping') return `ping ${address}${probe.via === undefined ? '' : ` via ${probe.via}`}`;
  const shown = address.includes(':') ? `[${address}]` : address;
  const place = probe.port === undefined ? address : `${shown}:${probe.port}`;
  return `${kind} ${place}${kind === 'tcp' && probe.from === 'host' ? ' from the host' : ''}`;
}

/** As templates/guard/probes.sh reads it. */
export function probeLine(probe: HostProbe): string {
  const { kind, address } = probe;
  const more = kind === 'ping' ? probe.via : probe.port;
  return `${kind} ${address}${more === undefined ? '' : ` ${more}`}`;
}

/** Keys that may stand beside the one that says what is done. */
const KEYS = { ssh: [], tcp: ['from'], ping: ['via'] } as const;
const KINDS = Object.keys(KEYS) as readonly (keyof typeof KEYS)[];
const ALL_KEYS: readonly string[] = [...KINDS, 'from', 'via'];

/** Those that can be; what is wrong with the others is told. */
export function parseProbes({ value, origin }: Located<unknown>, problems: Problems): readonly Probe[] {
  if (!Array.isArray(value)) {
    wrong(origin, problems, ['guard_probes is a list'], '- ping: 192.0.2.1');
    return [];
  }
  return value.flatMap((each: unknown, index) => parseProbe(each, origin.child(index), problems) ?? []);
}

function parseProbe(value: unknown, at: Origin, problems: Problems): Probe | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong(at, problems, [`a probe is a mapping with one of ${KINDS.join(', ')}`], '- ping: 192.0.2.1');
  const said = new Map(Object.entries(value));
  const unknown = [...said.keys()].filter((key) => !ALL_KEYS.includes(key));
  for (const key of unknown) unknownKey(key, at, problems);
  if (unknown.length > 0) return undefined;
  const [kind, second] = KINDS.filter((each) => said.has(each));
  if (kind === undefined) return wrong(at, problems, [`a probe has one of ${KINDS.join(', ')}`]);
  if (second !== undefined)
    return wrong(at.key(second), problems, [`a probe has one of ${KINDS.join(', ')}, not two`]);
  const misplaced = [...said.keys()].find((key) => key !== kind && !KEYS[kind].some((each) => each === key));
  if (misplaced !== undefined)
    return wrong(at.key(misplaced), problems, [`${misplaced} says nothing beside ${kind}`]);
  const target = at.child(kind);
  switch (kind) {
    case 'ssh': {
      const place = placeOf(said.get('ssh'));
      return place === undefined
        ? wrong(target, problems, [
            'ssh is ADDRESS or ADDRESS:PORT; an IPv6 address with a port is [ADDRESS]:PORT',
          ])
        : { kind, ...place };
    }
    case 'tcp': {
      const place = placeOf(said.get('tcp'));
      const from = said.get('from') ?? 'controller';
      if (from !== 'controller' && from !== 'host')
        return wrong(at.child('from'), problems, ['from is controller or host']);
      return place?.port === undefined
        ? wrong(target, problems, ['tcp is ADDRESS:PORT; an IPv6 address is [ADDRESS]:PORT'])
        : { kind, from, address: place.address, port: place.port };
    }
    case 'ping': {
      const address = said.get('ping');
      const via = said.get('via') ?? undefined;
      if (!isAddress(address)) return wrong(target, problems, ['ping is an address or a name']);
      if (via !== undefined && !isDevice(via))
        return wrong(at.child('via'), problems, ['via is the name of a device, such as eth1']);
      return { kind, address, via };
    }
  }
}

function placeOf(
  value: unknown,
): { readonly address: string; readonly port: number | undefined } | undefined {
  if (typeof value !== 'string') return undefined;
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]*)\]|([^:[\]]+|[^[\]]*:[^[\]]*:[^[\]]*))(?::(\d{1,5}))?$/.exec(value) ?? [];
  const address = bracketed ?? plain;
  const port = digits === undefined ? undefined : Number(digits);
  if (!isAddress(address) || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  return { address, port };
}

/** Without a dash in front, lest a command takes it for an option. */
function isAddress(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9:][A-Za-z0-9:.%_-]*$/.test(value);
}

/** Linux, dev_valid_name: at most 15 bytes. */
function isDevice(value: unknown): value is string {
  return typeof value === 'string' && /^[^\s/:-][^\s/:]{0,14}$/.test(value);
}

function unknownKey(key: string, at: Origin, problems: Problems): void {
  const hint = didYouMean(key, ALL_KEYS);
  problems.add({
    code: 'key-unknown',
    summary: 'key is not known here',
    at: at.key(key).span(),
    details: [`a probe of guard_probes may have ${ALL_KEYS.join(', ')}`],
    ...(hint !== undefined && { hint }),
  });
}

function wrong(at: Origin, problems: Problems, details: readonly string[], hint?: string): undefined {
  problems.add({
    code: 'variable-type',
    summary: 'guard variable cannot be used',
    at: at.span(),
    details,
    ...(hint !== undefined && { hint }),
  });
}
