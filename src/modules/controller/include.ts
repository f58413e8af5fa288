// Tasks from another file, or of a role: the module itself only says which, and the engine goes on there.
// import_tasks and import_role are done with before the run; their arguments are read here all the same.
import type { ArgumentSchema, ControllerModule } from '../module.ts';

interface TasksArgs {
  readonly file: string;
}

interface RoleArgs {
  readonly name: string;
  readonly tasks_from?: string;
  readonly vars_from?: string;
  readonly defaults_from?: string;
  readonly handlers_from?: string;
  readonly public?: boolean;
  readonly allow_duplicates?: boolean;
}

const apply = {
  description: 'Keywords for all tasks of it: become, tags, when and their like.',
  type: 'object',
} as const;

const TASKS = {
  file: {
    description: 'A file of tasks, from the folder of the file that names it.',
    type: 'string',
    minLength: 1,
  },
} as const;

const from = (what: string, folder: string) =>
  ({
    description: `The file of ${what}, in the role's ${folder}, in place of main.`,
    type: 'string',
    minLength: 1,
  }) as const;

const ROLE = {
  name: { description: 'The role.', type: 'string', minLength: 1 },
  tasks_from: from('tasks', 'tasks'),
  vars_from: from('variables', 'vars'),
  defaults_from: from('defaults', 'defaults'),
  handlers_from: from('handlers', 'handlers'),
  allow_duplicates: { description: 'Run it again where it has run before.', type: 'boolean', default: true },
} as const;

export const includeTasks: ControllerModule<TasksArgs> = {
  kind: 'controller',
  name: 'include_tasks',
  summary:
    'Runs the tasks of another file; its name may depend on variables, and it may be run for each item of a loop.',
  schema: schemaOf({ ...TASKS, apply }, 'file'),
  freeForm: 'file',
  evaluate: ({ file }) => ({ kind: 'ok', message: `included ${file}`, enter: { kind: 'tasks', file } }),
};

export const includeRole: ControllerModule<RoleArgs> = {
  kind: 'controller',
  name: 'include_role',
  summary:
    'Runs the tasks of a role; its name may depend on variables, and it may be run for each item of a loop.',
  schema: schemaOf(
    {
      ...ROLE,
      public: { description: 'Later tasks of the play see its variables.', type: 'boolean', default: false },
      apply,
    },
    'name',
  ),
  evaluate: (args) => ({
    kind: 'ok',
    message: `included role ${args.name}`,
    enter: {
      kind: 'role',
      name: args.name,
      files: {
        ...(args.tasks_from !== undefined && { tasks: args.tasks_from }),
        ...(args.vars_from !== undefined && { vars: args.vars_from }),
        ...(args.defaults_from !== undefined && { defaults: args.defaults_from }),
        ...(args.handlers_from !== undefined && { handlers: args.handlers_from }),
      },
      isPublic: args.public ?? false,
      again: args.allow_duplicates ?? true,
    },
  }),
};

export const importTasks: ControllerModule<TasksArgs> = {
  ...includeTasks,
  name: 'import_tasks',
  summary: 'Puts the tasks of another file here, before anything runs.',
  schema: schemaOf(TASKS, 'file'),
};

export const importRole: ControllerModule<RoleArgs> = {
  ...includeRole,
  name: 'import_role',
  summary: 'Puts the tasks of a role here, before anything runs.',
  schema: schemaOf(
    {
      ...ROLE,
      public: { description: 'Later tasks of the play see its variables.', type: 'boolean', default: true },
    },
    'name',
  ),
  evaluate: (args) => includeRole.evaluate({ ...args, public: args.public ?? true }),
};

function schemaOf(properties: ArgumentSchema['properties'], required: string): ArgumentSchema {
  return { type: 'object', properties, required: [required], additionalProperties: false };
}
