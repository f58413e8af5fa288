import { describe, expect, it } from 'vitest';
import { Problems } from '../../src/diagnostic.ts';
import { schemaDiagnostics, schemaFault, validate } from '../../src/load/schema.ts';
import { SourceFile } from '../../src/load/source.ts';
import { parseYaml } from '../../src/load/yaml-document.ts';

const CODES = {
  unknown: { code: 'key-unknown', summary: 'unknown' },
  missing: { code: 'key-missing', summary: 'missing' },
  value: { code: 'key-type', summary: 'value' },
} as const;

/** Each problem as `line:column marked text: detail; hint`. */
function check(schema: object, yaml: string): readonly string[] {
  const document = parseYaml(new SourceFile('x.yml', yaml), new Problems());
  if (document === undefined) throw new Error('not YAML');
  return schemaDiagnostics(validate(schema, document.data), document.origin, CODES).map(
    ({ at, details, hint }) => {
      const marked = at?.lineText.slice(at.column - 1, at.column - 1 + at.length);
      return `${at?.line}:${at?.column} ${marked}: ${[...(details ?? []), ...(hint === undefined ? [] : [hint])].join('; ')}`;
    },
  );
}

const property = (schema: object) => ({ type: 'object', properties: { a: schema } });

describe('a value that its schema does not allow', () => {
  it.each<[object, string, string]>([
    [{ type: 'string' }, '1', '1:4 1: 1 is not text'],
    [{ type: 'integer' }, 'x', '1:4 x: "x" is not a whole number'],
    [{ type: 'integer' }, '1.5', '1:4 1.5: 1.5 is not a whole number'],
    [{ type: 'boolean' }, 'yes', '1:4 yes: "yes" is not true or false; write true'],
    [{ type: 'boolean' }, 'Off', '1:4 Off: "Off" is not true or false; write false'],
    [{ type: 'boolean' }, 'never', '1:4 never: "never" is not true or false'],
    [{ type: ['array', 'null'] }, '{}', '1:4 {}: {} is not a list'],
    [
      { type: ['string', 'integer', 'boolean'] },
      '[]',
      '1:4 []: [] is not text, a whole number or true or false',
    ],
    [
      { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
      '1',
      '1:4 1: 1 is not text or a list',
    ],
    [
      { enum: ['leak', 'unreachable'] },
      'leek',
      '1:4 leek: "leek" is none of leak, unreachable; did you mean "leak"?',
    ],
    [{ const: 4 }, '5', '1:4 5: 5 is not 4'],
    [{ minimum: 1 }, '0', '1:4 0: 0 is below 1'],
    [{ maximum: 9 }, '10', '1:4 10: 10 is above 9'],
    [{ type: 'string', minLength: 1 }, '""', '1:4 "": "" is too short: it needs at least 1'],
    [{ type: 'array', minItems: 1 }, '[]', '1:4 []: [] is too short: it needs at least 1'],
    [{ type: 'array', maxItems: 1 }, '[1, 2]', '1:4 [1, 2]: the list is too long: it takes at most 1'],
    [{ type: 'string', pattern: '^[a-z]$' }, 'AB', '1:4 AB: "AB" does not match ^[a-z]$'],
    [
      { type: 'string', pattern: '^[a-z]$', hint: 'write a letter' },
      'AB',
      '1:4 AB: "AB" cannot stand here; write a letter',
    ],
    [{ type: 'string', format: 'ipv4' }, '10.0.0.256', '1:4 10.0.0.256: "10.0.0.256" is not an IPv4 address'],
    [{ type: 'string', format: 'ipv4' }, '10.1', '1:4 10.1: 10.1 is not text'],
    [{ type: 'string', format: 'ipv4' }, '"10.1"', '1:4 "10.1": "10.1" is not an IPv4 address'],
    [
      { type: 'string', format: 'ipv6' },
      'fe80::1%eth0',
      '1:4 fe80::1%eth0: "fe80::1%eth0" is not an IPv6 address',
    ],
    [
      { type: 'string', format: 'cidr4' },
      '10.0.0.1',
      '1:4 10.0.0.1: "10.0.0.1" is not an IPv4 address with prefix length, such as 192.0.2.10/24',
    ],
    [
      { type: 'string', format: 'cidr4' },
      '10.0.0.1/33',
      '1:4 10.0.0.1/33: "10.0.0.1/33" is not an IPv4 address with prefix length, such as 192.0.2.10/24',
    ],
    [
      { type: 'string', format: 'cidr6' },
      '2001:db8::1',
      '1:4 2001:db8::1: "2001:db8::1" is not an IPv6 address with prefix length, such as 2001:db8::10/64',
    ],
    [
      { type: 'string', format: 'interface' },
      'sixteen-letters-',
      '1:4 sixteen-letters-: "sixteen-letters-" is not an interface name (15 characters at most, no blank, "/" or ":")',
    ],
    [{ type: 'array', items: { type: 'integer' } }, '[1, x]', '1:8 x: "x" is not a whole number'],
    [{ type: 'object', required: ['b'] }, '{c: 1}', '1:4 {c: 1}: "b" is required'],
    [
      { type: 'object', properties: { b: {}, c: {} }, additionalProperties: false },
      '{bb: 1}',
      '1:5 bb: there is no "bb"; did you mean "b"?',
    ],
    [
      { type: 'object', properties: { b: {}, c: {} }, additionalProperties: false },
      '{other: 1}',
      '1:5 other: "other" is none of b, c',
    ],
    [{ type: 'object', dependencies: { b: ['c'] } }, '{b: 1}', '1:4 {b: 1}: "c" is required beside "b"'],
  ])('%j against %s', (schema, yaml, expected) => {
    expect(check(property(schema), `a: ${yaml}`)).toEqual([expected]);
  });

  it('is told with all others', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
    expect(check(schema, 'a: 1\nb: 2')).toEqual(['1:4 1: 1 is not text', '2:4 2: 2 is not text']);
  });

  it('is not missing where it is only misspelled', () => {
    const schema = {
      type: 'object',
      properties: { dest: {} },
      required: ['dest'],
      additionalProperties: false,
    };
    expect(check(schema, 'dset: 1')).toEqual(['1:1 dset: there is no "dset"; did you mean "dest"?']);
  });

  it('is cut where it is long', () => {
    const [text] = check(property({ type: 'integer' }), `a: ${'x'.repeat(90)}`);
    expect(text).toContain('"xxx');
    expect(text?.split(': ')[1]?.length).toBeLessThan(90);
    const [list] = check(property({ type: 'string' }), `a: [${'x, '.repeat(50)}x]`);
    expect(list).toContain('a list is not text');
    const [mapping] = check(property({ type: 'string' }), `a: {x: ${'x'.repeat(90)}}`);
    expect(mapping).toContain('a mapping is not text');
  });
});

describe('what is not known yet', () => {
  it('is not wrong', () => {
    const later = Symbol('later');
    expect(validate(property({ type: 'string' }), { a: later }, (value) => value === later)).toEqual([]);
  });
});

describe("a schema's defaults", () => {
  it('are written into the data, at any depth', () => {
    const data = { links: [{ name: 'a' }, { name: 'b', optional: true }] };
    const item = { type: 'object', properties: { optional: { type: 'boolean', default: false } } };
    const schema = {
      type: 'object',
      properties: { links: { type: 'array', items: item }, port: { default: 80 } },
    };
    expect(validate(schema, data)).toEqual([]);
    expect(data).toEqual({
      links: [
        { name: 'a', optional: false },
        { name: 'b', optional: true },
      ],
      port: 80,
    });
  });
});

describe('addressInNetwork', () => {
  const schema = property({ type: 'object', addressInNetwork: [{ address: 'address', gateway: 'gateway' }] });

  it.each([
    ['192.0.2.10/24', '192.0.2.1'],
    ['192.0.2.10/24', '192.0.2.254'],
    ['192.0.2.10/31', '192.0.2.11'],
    ['2001:db8:1::10/64', '2001:db8:1::1'],
    ['2001:db8:1::10/64', 'fe80::1'],
    ['nonsense', '192.0.2.1'],
    ['192.0.2.10/24', 'nonsense'],
  ])('%s takes %s', (address, gateway) => {
    expect(check(schema, `a: {address: "${address}", gateway: "${gateway}"}`)).toEqual([]);
  });

  it.each([
    ['192.0.2.10/24', '192.0.3.1', '192.0.2.0/24'],
    ['192.0.2.10/25', '192.0.2.129', '192.0.2.0/25'],
    ['2001:db8:1::10/64', '2001:db8:2::1', '2001:db8:1::/64'],
    ['192.0.2.10/24', '2001:db8::1', '192.0.2.0/24'],
  ])('%s does not take %s', (address, gateway, network) => {
    const told = `${gateway} is not in the network of ${address}; write an address in ${network}: a gateway is a neighbour on the link`;
    const column = `a: {address: "${address}", gateway: `.length + 1;
    expect(check(schema, `a: {address: "${address}", gateway: "${gateway}"}`)).toEqual([
      `1:${column} "${gateway}": ${told}`,
    ]);
  });
});

describe('uniqueItemProperties', () => {
  const schema = property({ type: 'array', uniqueItemProperties: ['name', 'address'] });

  it('tells of the second', () => {
    expect(
      check(schema, 'a:\n- {name: x, address: 10.0.0.1/24}\n- {name: y}\n- {name: x, address: 10.0.0.1/8}'),
    ).toEqual([
      '4:10 x: x is the name of item 1 already',
      '4:22 10.0.0.1/8: 10.0.0.1/8 is the address of item 1 already',
    ]);
  });

  it('lets null and absent ones be', () => {
    expect(check(schema, 'a: [{name: null}, {name: null}, {}, null]')).toEqual([]);
  });
});

describe('a schema that is none', () => {
  it.each([
    [{ type: 'whole number' }, '/type must be equal to one of the allowed values'],
    [{ type: 'object', propertys: {} }, 'strict mode: unknown keyword: "propertys"'],
    [{ $ref: '#/definitions/none' }, "can't resolve reference #/definitions/none from id #"],
  ])('%j: %s', (schema, fault) => {
    expect(schemaFault(schema)).toBe(fault);
  });

  it('is told from one that is', () => {
    expect(
      schemaFault({ type: 'object', properties: { a: { type: 'string', format: 'cidr4' } } }),
    ).toBeUndefined();
  });
});
