// What an unquoted YAML scalar means: the core schema of YAML 1.2, or YAML 1.1 as PyYAML (and so Ansible) reads it.
// Finding scalars and their tags belongs to yaml-document.ts.

/**
 * `core`: YAML 1.2, where `yes` is text and `0644` is 644. `1.1`: what Ansible reads, where `yes` is true and
 * `0644` is octal.
 */
export type YamlSchema = 'core' | '1.1';

/**
 * The value of an unquoted scalar. Whole numbers beyond 2^53 stay text, because a JavaScript number would change
 * their digits; dates become ISO 8601 text, which is what they look like once Ansible prints them.
 */
export function resolvePlain(text: string, schema: YamlSchema): string | number | boolean | null {
  if (!mayBeSpecial(text)) return text;
  return schema === 'core' ? resolveCore(text) : resolve11(text);
}

const NULLS = new Set(['', '~', 'null', 'Null', 'NULL']);

/** Most scalars start with a letter that begins no keyword: nothing more to look at then. */
function mayBeSpecial(text: string): boolean {
  return text === '' || /^[-+.0-9~nNtTfFyYoO]/.test(text);
}

function resolveCore(text: string): string | number | boolean | null {
  if (NULLS.has(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text)) return wholeNumber(text, text);
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  return specialFloat(text) ?? text;
}

// The expressions of PyYAML's resolver.py.
const BOOLEANS = /^(?:(yes|Yes|YES|true|True|TRUE|on|On|ON)|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER = /^([-+]?)(?:0b([01_]+)|0([0-7_]+)|(0|[1-9][0-9_]*)|0x([0-9a-fA-F_]+))$/;
const FLOAT = /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/;
const SEXAGESIMAL = /^[-+]?(?:[1-9][0-9_]*(?::[0-5]?[0-9])+|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$/;
const MOMENT =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?$/;

function resolve11(text: string): string | number | boolean | null {
  if (NULLS.has(text)) return null;
  const boolean = BOOLEANS.exec(text);
  if (boolean) return boolean[1] !== undefined;
  const integer = INTEGER.exec(text);
  if (integer) return integer11(text, integer);
  if (FLOAT.test(text)) return Number(text.replaceAll('_', ''));
  if (SEXAGESIMAL.test(text)) return sexagesimal(text);
  const moment = MOMENT.exec(text);
  if (moment) return isoMoment(moment);
  return specialFloat(text) ?? text;
}

function integer11(text: string, match: RegExpExecArray): number | string {
  const [, sign = '', binary, octal, decimal, hexadecimal] = match;
  const digits =
    binary !== undefined
      ? `0b${binary}`
      : octal !== undefined
        ? `0o${octal}`
        : hexadecimal !== undefined
          ? `0x${hexadecimal}`
          : (decimal ?? '');
  const value = wholeNumber(digits.replaceAll('_', ''), text);
  return sign === '-' && typeof value === 'number' ? 0 - value : value;
}

function wholeNumber(digits: string, text: string): number | string {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : text;
}

function specialFloat(text: string): number | undefined {
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return /^\.(?:nan|NaN|NAN)$/.test(text) ? Number.NaN : undefined;
}

/** `12:30:45` is 45045 in YAML 1.1: base 60. */
function sexagesimal(text: string): number {
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '').split(':');
  const value = digits.reduce((sum, part) => sum * 60 + Number(part), 0);
  return text.startsWith('-') ? -value : value;
}

function isoMoment(match: RegExpExecArray): string {
  const [, year, month = '', day = '', hour = '', minute, second, fraction, utc, sign, hours = '', minutes] =
    match;
  const micros =
    fraction === undefined || /^0*$/.test(fraction) ? '' : `.${fraction.slice(0, 6).padEnd(6, '0')}`;
  const zone = utc ? '+00:00' : sign ? `${sign}${hours.padStart(2, '0')}:${minutes ?? '00'}` : '';
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  return `${date}T${hour.padStart(2, '0')}:${minute}:${second}${micros}${zone}`;
}
