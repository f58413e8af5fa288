// Jobs and variables in a crontab: a user's, by way of the crontab program, or a file in /etc/cron.d. How they are found
// in the text is in cron-table.ts.
import { Buffer } from 'node:buffer';
import { emit, quote } from '../../shell.ts';
import {
  changeEditedFile,
  decideEditedFile,
  type EditedFile,
  type EditedFileChanges,
  editedFile,
  encoded,
  inspectEditedFile,
} from '../file/edited-file.ts';
import { absoluteFilePath } from '../file/file-attributes.ts';
import type { HostModule, Inspected, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';
import { accountName } from './accounts.ts';
import {
  namesInTable,
  type TableEdit,
  type VariablePlace,
  withJob,
  withoutJob,
  withoutVariable,
  withVariable,
} from './cron-table.ts';

interface Args {
  readonly name: string;
  readonly state?: 'present' | 'absent';
  readonly job?: string;
  readonly minute?: string | number;
  readonly hour?: string | number;
  readonly day?: string | number;
  readonly month?: string | number;
  readonly weekday?: string | number;
  readonly special_time?: string;
  readonly disabled?: boolean;
  readonly user?: string;
  readonly cron_file?: string;
  readonly env?: boolean;
  readonly insertafter?: string;
  readonly insertbefore?: string;
  readonly backup?: boolean;
}

export interface WantedCron {
  readonly name: string;
  readonly state: 'present' | 'absent';
  readonly env: boolean;
  /** The job's line, or the variable's value. */
  readonly line: string;
  readonly place: VariablePlace | undefined;
  /** Undefined: whoever runs the task. */
  readonly user: string | undefined;
  /** Undefined: the user's own table. */
  readonly file: EditedFile | undefined;
}

export type CronChanges =
  | { readonly kind: 'table'; readonly text: string }
  | { readonly kind: 'file'; readonly changes: EditedFileChanges }
  | { readonly kind: 'no file' };

const FIELDS = ['minute', 'hour', 'day', 'month', 'weekday'] as const;
const SPECIAL_TIMES = ['annually', 'daily', 'hourly', 'monthly', 'reboot', 'weekly', 'yearly'];

export const cron: HostModule<Args, WantedCron, CronChanges> = {
  kind: 'host',
  name: 'cron',
  summary: 'Keeps a job or a variable in a crontab.',
  returns: {
    cron_file: 'The file, where it is no crontab of a user.',
    state: 'present or absent.',
    jobs: 'Names of all jobs there.',
    envs: 'Names of all variables there.',
  },
  schema: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        minLength: 1,
        description: 'Name of the job, by which it is found again; with env, name of the variable.',
      },
      state: {
        enum: ['present', 'absent'],
        default: 'present',
        description: 'Whether the job or variable shall be there.',
      },
      job: {
        aliases: ['value'],
        type: 'string',
        description: 'The command, one line; a % in it has to be written as \\%. With env, the value.',
      },
      minute: timeField('0-59'),
      hour: timeField('0-23'),
      day: { ...timeField('1-31'), aliases: ['dom'] },
      month: timeField('1-12'),
      weekday: { ...timeField('0-6, Sunday is 0'), aliases: ['dow'] },
      special_time: { enum: SPECIAL_TIMES, description: 'A time by its name, in place of the five fields.' },
      disabled: { type: 'boolean', default: false, description: 'The job stands there as a comment.' },
      user: {
        type: 'string',
        description: 'Whose crontab it is; with cron_file, who runs the job. Unsaid: whoever runs the task.',
      },
      cron_file: {
        type: 'string',
        minLength: 1,
        description:
          "A file in place of a user's crontab, absolute or in /etc/cron.d (where cron may ignore names with a dot).",
      },
      env: { type: 'boolean', default: false, description: 'It is a variable, not a job.' },
      insertafter: { type: 'string', description: 'With env: a new variable goes behind this one.' },
      insertbefore: { type: 'string', description: 'With env: a new variable goes before this one.' },
      backup: {
        type: 'boolean',
        default: false,
        description: 'With cron_file: keep a copy of the old file beside it, as NAME.HASH.DATE~.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare,
  reads: resources,
  writes: resources,

  inspect: ({ file, user }) =>
    file === undefined
      ? { script: `${FIND_CRONTAB}\ncrontab${user === undefined ? '' : ` -u ${quote(user)}`} -l` }
      : inspectEditedFile(file),

  decide: (wanted, actual) =>
    wanted.file === undefined ? decideTable(wanted, actual) : decideCronFile(wanted, wanted.file, actual),

  change({ file, user }, changes) {
    if (file !== undefined && changes.kind === 'file') return changeEditedFile(file, changes.changes);
    if (file !== undefined && changes.kind === 'no file') return { script: `rm -f ${quote(file.path)}` };
    const text = changes.kind === 'table' ? changes.text : '';
    const owner = user === undefined ? '' : ` -u ${quote(user)}`;
    return { script: `${FIND_CRONTAB}\n{ ${emit(Buffer.from(text))}\n} | crontab${owner} -` };
  },
};

const FIND_CRONTAB = `if ! command -v crontab >/dev/null 2>&1; then
  echo 'crontab is not on this host' >&2
  exit 127
fi`;

function timeField(range: string) {
  return {
    type: ['string', 'integer'],
    default: '*',
    description: `When, as crontab(5) has it: ${range}, or */2 and so on.`,
  };
}

function prepare(args: Args): WantedCron {
  const { name, env = false } = args;
  if (/[\0\r\n]/.test(name)) throw new ArgumentError('name', 'name has a line break in it');
  const present = args.state !== 'absent';
  if (present && args.job === undefined) {
    throw new ArgumentError('job', 'job is missing', env ? 'say the value' : 'say what shall be run');
  }
  const job = (args.job ?? '').replace(/[\r\n]+$/, '');
  if (/[\0\r\n]/.test(job))
    throw new ArgumentError('job', 'job has a line break in it', 'put it into a script');
  if (env && !/^[A-Za-z_]\w*$/.test(name)) {
    throw new ArgumentError('name', `${JSON.stringify(name)} cannot be the name of a variable`);
  }
  if (args.cron_file !== undefined && present && !env && args.user === undefined) {
    throw new ArgumentError('user', 'a job in cron_file needs a user', 'say who runs it: user: root');
  }
  if (args.backup === true && args.cron_file === undefined) {
    throw new ArgumentError('backup', "there is no backup of a user's crontab, only of a cron_file");
  }
  const user = args.user === undefined ? undefined : accountName('user', args.user, 'user');
  return {
    name,
    state: args.state ?? 'present',
    env,
    line: env ? job : jobLine(args, job, args.cron_file === undefined ? undefined : user),
    place: variablePlace(args),
    user,
    file: args.cron_file === undefined ? undefined : cronFile(args.cron_file, args),
  };
}

function jobLine(args: Args, job: string, user: string | undefined): string {
  const times = FIELDS.map((field) => {
    const time = String(args[field] ?? '*');
    if (!/^[^\s\0]+$/.test(time)) throw new ArgumentError(field, `${field} is empty or has a blank in it`);
    return time;
  });
  const { special_time: special } = args;
  if (special !== undefined && times.some((time) => time !== '*')) {
    const hint = 'leave out special_time, or the fields';
    throw new ArgumentError('special_time', 'special_time and fields of the time are both given', hint);
  }
  const words = [
    ...(special === undefined ? times : [`@${special}`]),
    ...(user === undefined ? [] : [user]),
    job,
  ];
  return `${args.disabled === true ? '#' : ''}${words.join(' ')}`;
}

function variablePlace({ env, insertafter, insertbefore }: Args): VariablePlace | undefined {
  if (insertafter === undefined && insertbefore === undefined) return undefined;
  const argument = insertafter === undefined ? 'insertbefore' : 'insertafter';
  if (env !== true) throw new ArgumentError(argument, `${argument} is for variables: it needs env: true`);
  if (insertafter !== undefined && insertbefore !== undefined) {
    throw new ArgumentError(
      'insertbefore',
      'insertafter and insertbefore are both given',
      'leave one of them out',
    );
  }
  return insertafter === undefined
    ? { kind: 'before', name: insertbefore ?? '' }
    : { kind: 'after', name: insertafter };
}

function cronFile(name: string, args: Args): EditedFile {
  const path = absoluteFilePath('cron_file', name.startsWith('/') ? name : `/etc/cron.d/${name}`);
  const backup = args.backup === undefined ? {} : { backup: args.backup };
  return editedFile({ path, ...backup }, args.state === 'absent' ? 'ignore' : 'create');
}

/** Tables are where the cron at hand has them; these are all that are in use. */
function resources({ file }: WantedCron) {
  if (file !== undefined) return [`file:${file.path}`] as const;
  return ['file:/var/spool/cron', 'file:/etc/crontabs'] as const;
}

/** Undefined: the variable that says the place is not there. */
function edit(wanted: WantedCron, text: string): TableEdit | undefined {
  const { name, env, line, place } = wanted;
  if (wanted.state === 'absent') return env ? withoutVariable(text, name) : withoutJob(text, name);
  return env ? withVariable(text, { name, value: line }, place) : withJob(text, name, line);
}

function noPlace({ place }: WantedCron) {
  return { kind: 'failed', message: `there is no variable ${place?.name} in the crontab` } as const;
}

function decideTable(wanted: WantedCron, { output }: Inspected): Verdict<CronChanges> {
  const { exitCode, stderr } = output;
  const isMissing = /no crontab for|can't open '[^']*': No such file/i.test(stderr);
  if (exitCode !== 0 && !isMissing) {
    return { kind: 'failed', message: stderr.trim() || `crontab -l exited ${exitCode}` };
  }
  const before = exitCode === 0 ? withoutPreamble(output.stdout) : '';
  if (before.includes('\uFFFD')) {
    return { kind: 'failed', message: 'the crontab has bytes in it that are no UTF-8, so it is left alone' };
  }
  const after = edit(wanted, before);
  if (after === undefined) return noPlace(wanted);
  const fields = namesInTable(after.text);
  if (after.done === undefined) return { kind: 'unchanged', fields };
  const title = wanted.user === undefined ? 'crontab' : `crontab of ${wanted.user}`;
  return {
    kind: 'change',
    changes: { kind: 'table', text: after.text },
    message: `${title}: ${after.done}`,
    diffs: [{ title, before, after: after.text }],
    fields,
  };
}

/** Some crontab programs print three lines of their own first. */
function withoutPreamble(text: string): string {
  return text.replace(/^# DO NOT EDIT THIS FILE.*\n(?:# \(.*\n){0,2}/, '');
}

function decideCronFile(wanted: WantedCron, file: EditedFile, actual: Inspected): Verdict<CronChanges> {
  const state = actual.files.get(file.path);
  const before =
    state?.kind === 'file' && state.content !== undefined ? Buffer.from(state.content).toString() : '';
  const after = edit(wanted, before);
  if (after === undefined) return noPlace(wanted);
  const fields = { cron_file: file.path, state: wanted.state, ...namesInTable(after.text) };
  const verdict = decideEditedFile(file, actual, {
    backupField: 'backup_file',
    edit(text, encoding) {
      const line = encoded(wanted.line, encoding);
      return (
        edit({ ...wanted, name: encoded(wanted.name, encoding), line }, text) ?? { text, done: undefined }
      );
    },
  });
  if (verdict.kind !== 'change') return { ...verdict, fields: { ...fields, ...verdict.fields } };
  const isEmpty = wanted.state === 'absent' && after.text.trim() === '' && !file.backup;
  return {
    ...verdict,
    changes: isEmpty ? { kind: 'no file' } : { kind: 'file', changes: verdict.changes },
    message: isEmpty ? `remove ${file.path}` : `${file.path}: ${after.done}`,
    fields: { ...fields, ...verdict.fields },
  };
}
