// The one shape of all modules: prepare → inspect → decide → change → conclude.
// A module never talks to a host or to the network: it gives sh fragments and reads what they printed.
//
//   arguments ─prepare─► wanted ─inspect─► (host reads) ─decide─► changes ─change─► (host writes) ─conclude─► result
import type { MetaWord } from './controller/meta.ts';
import type { Errand } from './errand.ts';
import type { FileProbe, FileState } from './file/file-probe.ts';

/** JSON schema (draft 7 as ajv reads it) of a module's arguments: an object with described properties. */
export type ArgumentSchema = {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly [keyword: string]: unknown;
};

export type PropertySchema = {
  readonly description: string;
  /** True: the value (or each item of a list) is a CEL condition, checked and evaluated, not a template. */
  readonly condition?: true;
  /** True, beside `condition`: an expression whose value may be anything. */
  readonly anyValue?: true;
  /** True: the value names a template file, whose names are checked before any host is contacted. */
  readonly template?: true;
  /** Other names that the argument goes by. */
  readonly aliases?: readonly string[];
  readonly [keyword: string]: unknown;
};

/**
 * A thing on a host that a task looks at or touches: `file:/etc/x`, `service:cron`, `package`,
 * `netfilter`, `routing`, `sysctl:net.ipv4.ip_forward`; `*` is everything. Files overlap with
 * the folders they are in.
 */
export type Resource =
  | '*'
  | 'netfilter'
  | 'routing'
  | 'package'
  | `${'file' | 'service' | 'sysctl'}:${string}`;

/** What the play gives a module on the controller's side. */
export interface Controller {
  /**
   * Bytes of a file beside the role or playbook. `folder` is where Ansible keeps that sort of file. One that is vaulted is
   * opened, or with `sealed` taken as it is.
   */
  readFile(name: string, folder: 'files' | 'templates', vaulted?: 'sealed'): Uint8Array;
  /** A template file, rendered with the task's variables. */
  renderFile(name: string): string;
  /** True with --diff: only then do inspections fetch the old content of files. */
  readonly diff: boolean;
  /** Task variables by name, host facts among them (data: never compiled). Undefined = not known. */
  variable(name: string): unknown;
  /** `fairlead: role ROLE, template FILE` for generated headers, or undefined outside of roles. */
  readonly roleName: string | undefined;
}

/** An argument is well-formed and still cannot be right: a diagnostic before any host is contacted. */
export class ArgumentError extends Error {
  readonly argument: string;
  readonly hint: string | undefined;

  constructor(argument: string, message: string, hint?: string) {
    super(message);
    this.name = 'ArgumentError';
    this.argument = argument;
    this.hint = hint;
  }
}

export interface Inspection {
  /** All file probes of a wave are answered by one stat and one sha256sum together. */
  readonly files?: readonly FileProbe[];
  /** Read-only sh; its status and output are given to decide. */
  readonly script?: string;
}

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Inspected {
  /** By the path that was probed; has an entry for each probe. */
  readonly files: ReadonlyMap<string, FileState>;
  /** Of Inspection.script; status 0 and empty where there was none. */
  readonly output: Output;
}

/** A difference for people: text before and after, or lines such as `mode: 0644 → 0600`. */
export interface Diff {
  readonly title: string;
  readonly before: string;
  readonly after: string;
  /** `findings`: `before` has a line for each thing that is not as wanted, and `after` is empty. */
  readonly form?: 'findings';
}

/** Fields that `register` sees besides changed, failed, skipped, msg. Plain JSON. */
export type ResultFields = Readonly<Record<string, unknown>>;

export type Verdict<Changes> =
  | { readonly kind: 'unchanged'; readonly message?: string; readonly fields?: ResultFields }
  | { readonly kind: 'skipped'; readonly message: string; readonly fields?: ResultFields }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly hint?: string;
      readonly fields?: ResultFields;
    }
  | {
      readonly kind: 'change';
      readonly changes: Changes;
      /** What will be done, for people: `create /etc/x, mode 0644`. */
      readonly message: string;
      readonly diffs?: readonly Diff[];
      readonly fields?: ResultFields;
    }
  /** The engine has to do something, and what comes of it is the outcome. */
  | { readonly kind: 'errand'; readonly errand: Errand; readonly fields?: ResultFields };

export interface ChangeProgram {
  /** sh that makes the changes; doing it twice does no harm. Runs under `set -eu`. */
  readonly script: string;
  /** Content too large for a program (over INLINE_LIMIT_BYTES), put there before the script runs. */
  readonly uploads?: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** What the engine has to do once the script has run. */
  readonly then?: Afterwards;
}

export type Afterwards =
  | {
      readonly kind: 'reboot';
      readonly bootId: string;
      readonly timeoutMs: number;
      /** How long to leave the host alone once it is back. */
      readonly settleMs?: number;
      /** sh that has to succeed before the host counts as back. */
      readonly testCommand?: string;
    }
  /** The script only starts what makes the changes: the engine's own doing, for tasks with async. */
  | {
      readonly kind: 'job';
      readonly id: string;
      readonly limitMs: number;
      /** 0: nobody waits for it. */
      readonly pollMs: number;
    };

export type Conclusion =
  | { readonly kind: 'changed'; readonly message?: string; readonly fields?: ResultFields }
  | { readonly kind: 'unchanged'; readonly message?: string; readonly fields?: ResultFields }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly hint?: string;
      readonly fields?: ResultFields;
    };

/** The message with what a program said to people, in lines that begin with `note: `. */
export function withNotes(message: string, output: string): string {
  const notes = [...output.matchAll(/^note: (.+)$/gm)].map(([, note]) => note ?? '');
  return [message, ...notes].join('; ');
}

/** A module that works on the host. */
export interface HostModule<Args = unknown, Wanted = unknown, Changes = unknown> {
  readonly kind: 'host';
  /** Without `ansible.builtin.`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly schema: ArgumentSchema;
  /** Fields of its results, each with what it is. */
  readonly returns?: Readonly<Record<string, string>>;
  /** The argument that a bare string stands for (`command: uptime`), where the module takes one. */
  readonly freeForm?: string;
  /**
   * True: nothing may run behind it in the same program. `for-others`: only more of its own kind. `alone`: nor before it
   * (reboot).
   */
  readonly endsWave?: true | 'for-others' | 'alone';
  /** Why it cannot run on its own on the host (async), where it cannot. */
  readonly noJob?: string;
  /**
   * Whether a task with these arguments, as they are written, may cut off the way to the host: a play with such a task
   * is guarded by default. Modules that never do leave it out.
   */
  touchesNetwork?(written: Readonly<Record<string, unknown>>): boolean;
  /** Whether it does something each time it runs, whatever it finds: no state that a host could be in. */
  acts?(wanted: Wanted): boolean;
  /** Arguments (valid by the schema) to the wanted state; throws ArgumentError. Same input, same output. */
  prepare(args: Args, controller: Controller): Wanted;
  /** The files it would write, for `fairlead render`; modes in octal. Modules that write none leave it out. */
  files?(
    wanted: Wanted,
  ): readonly { readonly path: string; readonly bytes: Uint8Array; readonly mode: string }[];
  /** What inspect looks at. */
  reads(wanted: Wanted): readonly Resource[];
  /** What change may touch. */
  writes(wanted: Wanted): readonly Resource[];
  inspect(wanted: Wanted): Inspection;
  decide(wanted: Wanted, actual: Inspected): Verdict<Changes>;
  change(wanted: Wanted, changes: Changes): ChangeProgram;
  /**
   * Read-only sh that tells, in check mode, whether the changes would succeed: a status other than 0 is a failure with
   * what it said on stderr. What it says on stdout as `note: …` is for people.
   */
  rehearse?(wanted: Wanted, changes: Changes): string | undefined;
  /** Reads what the change printed. Without it: status 0 is changed, anything else failed with its stderr. */
  conclude?(wanted: Wanted, changes: Changes, output: Output): Conclusion;
}

/** What a controller module gets beside its arguments. Conditions come as functions. */
export type ControllerVerdict =
  | {
      readonly kind: 'ok';
      readonly message?: string;
      readonly fields?: ResultFields;
      readonly variables?: Readonly<Record<string, unknown>>;
      /** The message is for people who asked for this much: 2 stands for -vv. Undefined: for everybody. */
      readonly verbosity?: number;
      /** What the engine does next. */
      readonly meta?: MetaWord;
      /** Tasks that are run next. */
      readonly enter?: Entry;
      /** Files whose variables the host has from now on. */
      readonly variablesFrom?: VariablesRequest;
      /** What the engine has to do for the task; what comes of it is the outcome. */
      readonly errand?: Errand;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly fields?: ResultFields };

/** Which files include_vars reads. */
export interface VariablesRequest {
  /** Everything comes under this name. */
  readonly name?: string;
  readonly source:
    | { readonly kind: 'file'; readonly file: string }
    | {
        readonly kind: 'folder';
        readonly folder: string;
        /** Levels; 0: all. */
        readonly depth: number;
        /** Of the names of files, as `ignored`. */
        readonly matching?: RegExp;
        readonly ignored: readonly RegExp[];
        /** Without the dot. */
        readonly endings: readonly string[];
        readonly otherEndings: 'fail' | 'pass-over';
      };
}

/** Tasks that an include or import names. */
export type Entry =
  | { readonly kind: 'tasks'; readonly file: string }
  | {
      readonly kind: 'role';
      readonly name: string;
      /** In place of main, by the role's folder. */
      readonly files: Readonly<Partial<Record<'tasks' | 'vars' | 'defaults' | 'handlers', string>>>;
      /** Later tasks of the play see its variables. */
      readonly isPublic: boolean;
      /** Also where it has run before. */
      readonly again: boolean;
    };

/** A module that only needs what the controller knows: assert, debug, fail, set_fact. */
export interface ControllerModule<Args = unknown> {
  readonly kind: 'controller';
  readonly name: string;
  readonly summary: string;
  readonly schema: ArgumentSchema;
  readonly returns?: Readonly<Record<string, string>>;
  readonly freeForm?: string;
  /** Throws an ArgumentError where arguments that are valid by the schema still cannot be right. */
  check?(args: Args): void;
  /** Conditions among the arguments arrive as `Condition`. */
  evaluate(args: Args): ControllerVerdict;
}

/** A CEL argument, ready to be asked. */
export interface Condition {
  readonly source: string;
  /** Its value for this host. Throws with a message where the evaluation fails. */
  value(): unknown;
}

/** Any module. Whoever has one passes back to it what it gave: wanted states and changes are opaque outside. */
export type Module = HostModule | ControllerModule;

/** Content up to this size travels inside the program. */
export const INLINE_LIMIT_BYTES = 256 * 1024;
