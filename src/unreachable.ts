/** Closes a switch over a union: a new kind that nobody handles fails the type check. */
export function unreachable(value: never): never {
  throw new Error(`internal: no case for ${JSON.stringify(value)}`);
}
