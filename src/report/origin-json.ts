// Where the variables of a host were set, for programs.
import type { HostOrigins, VariableOrigin, VariableSetting } from '../variable-origin.ts';

/** `plays` where a playbook was asked about, else `variables` alone. */
export function originJson(host: string, all: readonly HostOrigins[]): string {
  const plays = all.flatMap(({ play, variables }) =>
    play === undefined
      ? []
      : [{ play: play.name, place: { file: play.file, line: play.line }, variables: byName(variables) }],
  );
  const [inventoryAlone] = all.filter(({ play }) => play === undefined);
  const body = inventoryAlone === undefined ? { plays } : { variables: byName(inventoryAlone.variables) };
  return `${JSON.stringify({ host, ...body }, undefined, 4)}\n`;
}

function byName(variables: readonly VariableOrigin[]): Readonly<Record<string, unknown>> {
  const named: Record<string, VariableSetting & { readonly beats: readonly VariableSetting[] }> =
    Object.create(null);
  for (const { name, winner, beaten } of variables) named[name] = { ...winner, beats: beaten };
  return named;
}
