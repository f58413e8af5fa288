// The helpers that templates may call. Pure functions of their arguments; docs/templates.md lists them.
import Handlebars from 'handlebars';
import ipaddr from 'ipaddr.js';
import { quote } from '../shell.ts';
import { describe } from './shape.ts';

type Helper = (...args: unknown[]) => unknown;

/** By name. Each is called with the evaluated arguments; Handlebars' own options argument is cut off. */
export const HELPERS: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['sh', (value: unknown) => quote(asText(value))],
  ['json', (value: unknown) => JSON.stringify(value)],
  ['eq', (a: unknown, b: unknown) => a === b],
  ['ne', (a: unknown, b: unknown) => a !== b],
  ['lt', (a: unknown, b: unknown) => asNumber(a) < asNumber(b)],
  ['le', (a: unknown, b: unknown) => asNumber(a) <= asNumber(b)],
  ['gt', (a: unknown, b: unknown) => asNumber(a) > asNumber(b)],
  ['ge', (a: unknown, b: unknown) => asNumber(a) >= asNumber(b)],
  ['and', (...values: unknown[]) => values.every(truthy)],
  ['or', (...values: unknown[]) => values.find(truthy) ?? values.at(-1)],
  ['not', (value: unknown) => !truthy(value)],
  ['default', (value: unknown, fallback: unknown) => value ?? fallback],
  ['concat', (...values: unknown[]) => values.map(asText).join('')],
  ['join', (list: unknown, separator: unknown) => asList(list).map(asText).join(asText(separator))],
  [
    'pluck',
    (list: unknown, key: unknown) => [...new Set(asList(list).map((item) => memberOf(item, asText(key))))],
  ],
  ['length', (value: unknown) => sizeOf(value)],
  ['includes', (container: unknown, item: unknown) => includes(container, item)],
  ['add', (...numbers: unknown[]) => numbers.map(asNumber).reduce((sum, n) => sum + n, 0)],
  ['isText', (value: unknown) => typeof value === 'string'],
  ['upper', (text: unknown) => asText(text).toUpperCase()],
  ['lower', (text: unknown) => asText(text).toLowerCase()],
  ['indent', (text: unknown, columns: unknown) => indented(asText(text), asNumber(columns))],
  ['network', (address: unknown) => networkOf(asText(address))],
  ['address', (address: unknown) => addressOf(asText(address))],
  ['prefix', (cidr: unknown) => parseCidr(cidr).prefix],
  ['family', (address: unknown) => familyOf(asText(address))],
  [
    'versionAtLeast',
    (version: unknown, wanted: unknown) => compareVersions(asText(version), asText(wanted)) >= 0,
  ],
]);

/** Handlebars' own that stay: blocks and lookup. */
export const BLOCK_HELPERS: ReadonlySet<string> = new Set(['if', 'unless', 'each', 'with']);
const BUILT_IN = new Set([...BLOCK_HELPERS, 'lookup']);

export function isHelper(name: string): boolean {
  return HELPERS.has(name) || BUILT_IN.has(name);
}

export function helperNames(): readonly string[] {
  return [...HELPERS.keys(), ...BUILT_IN];
}

/** What is wrong with calling the helper with so many arguments; undefined where nothing is. */
export function argumentCountProblem(name: string, count: number): string | undefined {
  const wanted = name === 'lookup' ? 2 : (HELPERS.get(name)?.length ?? 0);
  // A rest parameter has no length of its own.
  const isRight = wanted === 0 ? count > 0 : count === wanted;
  if (isRight) return undefined;
  const words = wanted === 0 ? 'at least 1 argument' : wanted === 1 ? '1 argument' : `${wanted} arguments`;
  return `${name} takes ${words}, ${count} ${count === 1 ? 'is' : 'are'} given`;
}

/** An isolated Handlebars with these helpers and no others. */
export function handlebarsWithHelpers(): typeof Handlebars {
  const handlebars = Handlebars.create();
  for (const name of Object.keys(handlebars.helpers)) {
    if (!BUILT_IN.has(name)) handlebars.unregisterHelper(name);
  }
  for (const [name, helper] of HELPERS) {
    handlebars.registerHelper(name, (...args: unknown[]) => helper(...args.slice(0, -1)));
  }
  return handlebars;
}

/** A value as it stands in text. Lists, mappings, null and undefined have no text: a TypeError. */
export function asText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      throw new TypeError(`${describe(value)} has no text form`);
  }
}

/** Numeric comparison of dotted versions; what follows the numbers (`-amd64`) is ignored. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);
}

/** As #if sees it. */
export function truthy(value: unknown): boolean {
  return !Handlebars.Utils.isEmpty(value) && value !== 0;
}

function asNumber(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`${describe(value)} is not a number`);
  return value;
}

function indented(text: string, columns: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(columns));
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${describe(value)} is not a list`);
  return value;
}

function memberOf(item: unknown, key: string): unknown {
  if (item !== null && typeof item === 'object' && Object.hasOwn(item, key)) return Reflect.get(item, key);
  throw new TypeError(`${describe(item)} in the list has no "${key}"`);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value !== null && typeof value === 'object') return Object.keys(value).length;
  throw new TypeError(`${describe(value)} has no length`);
}

function includes(container: unknown, item: unknown): boolean {
  if (typeof container === 'string') return container.includes(asText(item));
  if (Array.isArray(container)) return container.includes(item);
  throw new TypeError(`${describe(container)} cannot include anything`);
}

function parseCidr(cidr: unknown): { address: ipaddr.IPv4 | ipaddr.IPv6; prefix: number } {
  const text = asText(cidr);
  if (!ipaddr.isValidCIDR(text)) throw new TypeError(`"${text}" is no address with prefix length`);
  const [address, prefix] = ipaddr.parseCIDR(text);
  return { address, prefix };
}

/** Of an address without prefix length the network of it alone. */
function networkOf(text: string): string {
  if (!text.includes('/')) return `${addressOf(text)}/${familyOf(text) === 4 ? 32 : 128}`;
  const { address, prefix } = parseCidr(text);
  const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${family.networkAddressFromCIDR(text)}/${prefix}`;
}

/** As the kernel spells it, of an address with or without prefix length. */
function addressOf(text: string): string {
  if (text.includes('/')) return parseCidr(text).address.toString();
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  if (!isAddress) throw new TypeError(`"${text}" is no address`);
  return ipaddr.parse(text).toString();
}

/** 4 or 6, of an address with or without prefix length. */
function familyOf(text: string): number {
  const [address = ''] = text.split('/');
  if (!ipaddr.isValid(address)) throw new TypeError(`"${text}" is no address`);
  return ipaddr.parse(address).kind() === 'ipv4' ? 4 : 6;
}
