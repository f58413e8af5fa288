// What our schemas may say beyond JSON schema (draft 7): formats of the network's world, and two keywords about it.
import { Ajv, type ErrorObject, type SchemaValidateFunction } from 'ajv';
import ipaddr from 'ipaddr.js';

/** The formats, in the words of a message. */
export const FORMAT_WORDS: Readonly<Record<string, string>> = {
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  cidr4: 'an IPv4 address with prefix length, such as 192.0.2.10/24',
  cidr6: 'an IPv6 address with prefix length, such as 2001:db8::10/64',
  interface: 'an interface name (15 characters at most, no blank, "/" or ":")',
};

/** A new one: making it takes milliseconds, so make one when the first schema is needed. */
export function createAjv(): Ajv {
  const instance = new Ajv({
    // Strict compiling finds what is wrong with a schema; the metaschema would cost 40 ms of every run.
    validateSchema: false,
    allErrors: true,
    // A third of the time that compiling takes, and what is checked is small.
    code: { optimize: false },
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    verbose: true,
    allowUnionTypes: true,
  });
  instance.addFormat('ipv4', (text) => ipaddr.IPv4.isValidFourPartDecimal(text));
  instance.addFormat('ipv6', (text) => ipaddr.IPv6.isValid(text) && !text.includes('%'));
  instance.addFormat('cidr4', (text) => ipaddr.IPv4.isValidCIDRFourPartDecimal(text));
  instance.addFormat('cidr6', (text) => ipaddr.IPv6.isValidCIDR(text));
  instance.addFormat('interface', /^(?!\.{1,2}$)[^\s/:]{1,15}$/);
  // Annotations: for the name checker, for messages, for other names of arguments.
  instance.addKeyword({ keyword: ['condition', 'anyValue', 'template'], schemaType: 'boolean' });
  instance.addKeyword({ keyword: 'hint', schemaType: 'string' });
  instance.addKeyword({ keyword: 'aliases', schemaType: 'array' });
  instance.addKeyword({
    keyword: 'addressInNetwork',
    type: 'object',
    schemaType: ['object', 'array'],
    validate: gatewayInNetwork,
    errors: true,
  });
  instance.addKeyword({
    keyword: 'uniqueItemProperties',
    type: 'array',
    schemaType: 'array',
    validate: uniqueProperties,
    errors: true,
  });
  return instance;
}

interface NetworkPair {
  readonly address: string;
  readonly gateway: string;
}

/** `{address, gateway}` names two properties: the second must lie in the first's network. */
const gatewayInNetwork: SchemaValidateFunction = (
  schema: NetworkPair | readonly NetworkPair[],
  data: Readonly<Record<string, unknown>>,
  _parent,
  context,
) => {
  const errors = [schema].flat().flatMap(({ address, gateway }: NetworkPair) => {
    const network = networkWithout(data[address], data[gateway]);
    if (network === undefined) return [];
    return {
      keyword: 'addressInNetwork',
      instancePath: `${context?.instancePath ?? ''}/${gateway}`,
      message: `${data[gateway]} is not in the network of ${data[address]}`,
      params: { hint: `write an address in ${network}: a gateway is a neighbour on the link` },
    };
  });
  gatewayInNetwork.errors = errors;
  return errors.length === 0;
};

/** The network of `cidr` if the address `ip` is outside of it; undefined where it is inside or where one is neither. */
function networkWithout(cidr: unknown, ip: unknown): string | undefined {
  if (typeof cidr !== 'string' || typeof ip !== 'string') return undefined;
  if (!ipaddr.isValidCIDR(cidr) || !ipaddr.isValid(ip)) return undefined;
  const [address, bits] = ipaddr.parseCIDR(cidr);
  const gateway = ipaddr.parse(ip);
  if (gateway.kind() === 'ipv6' && gateway.range() === 'linkLocal') return undefined;
  if (gateway.kind() === address.kind() && gateway.match(address, bits)) return undefined;
  const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${family.networkAddressFromCIDR(cidr)}/${bits}`;
}

/** Items of the list must differ in each of the named properties; null and absent never clash. */
const uniqueProperties: SchemaValidateFunction = (
  names: readonly string[],
  list: readonly (Readonly<Record<string, unknown>> | null)[],
  _parent,
  context,
) => {
  const errors: Partial<ErrorObject>[] = [];
  for (const name of names) {
    const seen = new Map<unknown, number>();
    list.forEach((item, index) => {
      const value = item?.[name];
      if (value === null || value === undefined) return;
      const key = typeof value === 'string' ? value.split('/')[0] : value;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, index);
      else {
        errors.push({
          keyword: 'uniqueItemProperties',
          instancePath: `${context?.instancePath ?? ''}/${index}/${name}`,
          message: `${value} is the ${name} of item ${first + 1} already`,
          params: {},
        });
      }
    });
  }
  uniqueProperties.errors = errors;
  return errors.length === 0;
};
