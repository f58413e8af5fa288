// Who is at work, as hosts note it.
import { hostname, userInfo } from 'node:os';

/** `user@machine`. */
export function operator(): string {
  return `${userInfo().username}@${hostname()}`;
}
