// Whether something that a user's file exports has the shape of a module.
import { schemaFault } from '../../load/schema.ts';

const STEPS = {
  host: ['prepare', 'reads', 'writes', 'inspect', 'decide', 'change'],
  controller: ['evaluate'],
} as const;

const OPTIONAL_STEPS = ['conclude', 'files', 'rehearse'];

type Data = Readonly<Record<string, unknown>>;

/** What is wrong, a sentence each; empty where it is a module called `name`. */
export function shapeFaults(own: unknown, name: string): readonly string[] {
  if (!isData(own)) return ['it has no default export that is a module'];
  const { kind } = own;
  if (kind !== 'host' && kind !== 'controller') return ['kind is neither "host" nor "controller"'];
  return [
    ...(own.name === name ? [] : [`name is ${JSON.stringify(own.name)}, and the file is called ${name}`]),
    ...(typeof own.summary === 'string' ? [] : ['summary is no text']),
    ...STEPS[kind].filter((step) => typeof own[step] !== 'function').map((step) => `${step} is no function`),
    ...OPTIONAL_STEPS.filter((step) => own[step] !== undefined && typeof own[step] !== 'function').map(
      (step) => `${step} is no function`,
    ),
    ...schemaFaults(own.schema, own.freeForm),
  ];
}

function schemaFaults(schema: unknown, freeForm: unknown): readonly string[] {
  if (!isData(schema) || schema.type !== 'object' || !isData(schema.properties)) {
    return ['schema is no JSON schema with type: "object" and properties'];
  }
  const { properties } = schema;
  const silent = Object.entries(properties).filter(
    ([, property]) => !isData(property) || typeof property.description !== 'string',
  );
  if (silent.length > 0) return silent.map(([argument]) => `schema: ${argument} has no description`);
  const fault = schemaFault(schema);
  if (fault !== undefined) return [`schema: ${fault.trim()}`];
  if (freeForm === undefined || Object.hasOwn(properties, String(freeForm))) return [];
  return [`freeForm: the schema has no ${JSON.stringify(freeForm)}`];
}

function isData(value: unknown): value is Data {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
