// What goes wrong with a lab itself: not the user's files, not a host of an inventory.

/** Shown as `error: MESSAGE` and `hint: HINT`; exit status 1. */
export class LabError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'LabError';
    this.hint = hint;
  }
}
