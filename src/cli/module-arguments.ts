// What stands behind -a: `key=value key2="two words"`, JSON, or the module's free-form text.
import { usageError } from './context.ts';

/** A mapping, text, or null where nothing was given. Throws a DiagnosticError for JSON that is none. */
export function moduleArguments(text: string | undefined): unknown {
  if (text === undefined) return null;
  if (text.trimStart().startsWith('{')) return fromJson(text);
  const pairs = [...text.matchAll(/\s*([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)(?:\s+|$)/g)];
  const isPairs = pairs.length > 0 && pairs.map(([pair]) => pair).join('') === text;
  return isPairs ? Object.fromEntries(pairs.map(([, key, value = '']) => [key, typed(value)])) : text;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(`-a is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Words that Ansible takes for true and false are that, unless they are quoted. */
function typed(value: string): unknown {
  const unquoted = /^(["'])(.*)\1$/s.exec(value)?.[2];
  if (unquoted !== undefined) return unquoted;
  if (/^(yes|true)$/i.test(value)) return true;
  return /^(no|false)$/i.test(value) ? false : value;
}
