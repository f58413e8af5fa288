// Regular expressions as people bring them along from Python, made into JavaScript's.
import { ArgumentError } from '../module.ts';

/**
 * Python's spelling of flags at the start, of named groups, and of \A and \Z is understood too. `flags`: those that
 * hold anyway. Throws an ArgumentError for what is no expression.
 */
export function expression(argument: string, source: string, flags = ''): RegExp {
  const said = /^\(\?([ism]+)\)/.exec(source);
  try {
    return new RegExp(javaScriptSource(source), [...new Set(`${flags}${said?.[1] ?? ''}`)].join(''));
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, '') : String(error);
    throw new ArgumentError(argument, `${JSON.stringify(source)} is not a regular expression: ${reason}`);
  }
}

/** The expression in JavaScript's spelling, to be a part of a larger one; flags at its start are dropped. */
export function javaScriptSource(source: string): string {
  return source
    .replace(/^\(\?[ism]+\)/, '')
    .replace(/\\[\s\S]|\(\?P<|\(\?P=(\w+)\)/g, (part, name?: string) => {
      if (part === '(?P<') return '(?<';
      if (name !== undefined) return `\\k<${name}>`;
      return part === '\\A' ? '(?<![\\s\\S])' : part === '\\Z' ? '(?![\\s\\S])' : part;
    });
}
