// What a host printed, made safe for a terminal: control characters and bidirectional overrides become visible.

/** Newlines and tabs stay; everything else that a terminal would act on is shown as \x1b or \u202e. */
export function escapeForTerminal(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => {
      const code = character.charCodeAt(0);
      return code < 256
        ? `\\x${code.toString(16).padStart(2, '0')}`
        : `\\u${code.toString(16).padStart(4, '0')}`;
    },
  );
}

/** One line: newlines are shown too. */
export function escapeLine(text: string): string {
  return escapeForTerminal(text).replaceAll('\n', '\\n');
}

/** Later lines moved in by `columns`. */
export function hang(text: string, columns: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(columns)}`);
}
