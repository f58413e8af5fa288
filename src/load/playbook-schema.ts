// JSON schema of plays and tasks: Ansible's keys. A task's module and its arguments are checked by the module's own
// schema, once the module's name is known.

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const textOrList = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] } as const;
const mapping = { type: 'object' } as const;
/** CEL, or a plain true or false; several are joined by "and". */
const condition = {
  anyOf: [{ type: 'string' }, { type: 'boolean' }, { type: 'array', items: { type: ['string', 'boolean'] } }],
} as const;

/** Keys that plays and tasks share. */
const common = {
  name: text,
  vars: mapping,
  tags: textOrList,
  when: condition,
  become: flag,
  become_user: text,
  become_method: { enum: ['sudo', 'su', 'doas'] },
  become_flags: text,
  environment: {
    anyOf: [{ type: 'object' }, { type: 'string', pattern: '\\{\\{' }],
    hint: 'write a mapping, or "{{name}}" of one',
  },
  ignore_errors: flag,
  no_log: flag,
  check_mode: flag,
  timeout: { type: 'integer', minimum: 1 },
} as const;

export const TASK_KEYS = {
  ...common,
  loop: {
    anyOf: [{ type: 'array' }, { type: 'string', pattern: '\\{\\{' }],
    hint: 'write a list, or "{{name}}" of one',
  },
  register: {
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    hint: 'write a name of letters, digits and underscores',
  },
  changed_when: condition,
  failed_when: condition,
  notify: textOrList,
  listen: textOrList,
  args: mapping,
} as const;

/** What the items are is told task by task. */
const tasks = { type: ['array', 'null'] } as const;

export const PLAY_KEYS = {
  ...common,
  hosts: textOrList,
  vars_files: textOrList,
  roles: { type: ['array', 'null'] },
  pre_tasks: tasks,
  tasks,
  post_tasks: tasks,
  handlers: tasks,
  gather_facts: flag,
  any_errors_fatal: flag,
  serial: {
    anyOf: [
      { type: ['integer', 'string'] },
      { type: 'array', items: { type: ['integer', 'string'] }, minItems: 1 },
    ],
  },
  max_fail_percentage: { type: 'number', minimum: 0, maximum: 100 },
  remote_user: text,
  port: { type: 'integer', minimum: 1, maximum: 65535 },
} as const;

export const PLAY_SCHEMA = {
  type: 'object',
  properties: PLAY_KEYS,
  required: ['hosts'],
  additionalProperties: false,
} as const;

/** An item of `roles` that is more than a name. All other keys are the role's parameters. */
export const ROLE_KEYS = {
  role: text,
  name: text,
  vars: mapping,
  tags: textOrList,
  when: condition,
  become: flag,
  become_user: text,
  become_method: common.become_method,
} as const;

export const ROLE_SCHEMA = { type: 'object', properties: ROLE_KEYS } as const;

/** Keys whose templates are rendered for each host. All others are read before any variable has a value. */
export const TEMPLATED_KEYS: ReadonlySet<string> = new Set([
  'args',
  'environment',
  'loop',
  'name',
  'vars',
  // Conditions tell by themselves what is wrong with a template.
  'changed_when',
  'failed_when',
  'when',
]);

/** Without additionalProperties: the module's name is a key of the task. */
export const TASK_SCHEMA = { type: 'object', properties: TASK_KEYS } as const;

/** Keys of Ansible's that fairlead does not take, each with what to write instead, where there is something. */
export const UNSUPPORTED_KEYS: ReadonlyMap<string, string | undefined> = new Map([
  ['action', 'name the module as the key'],
  ['always', undefined],
  ['any_errors_fatal', 'set it on the play'],
  ['async', undefined],
  ['become_exe', undefined],
  ['block', 'give each task the conditions of the block'],
  ['collections', undefined],
  ['connection', 'set ansible_connection in the inventory'],
  ['debugger', undefined],
  ['delay', undefined],
  ['delegate_facts', undefined],
  ['delegate_to', 'write a play of its own for the other host'],
  ['diff', 'run with --diff'],
  ['fact_path', undefined],
  ['force_handlers', undefined],
  ['gather_subset', undefined],
  ['gather_timeout', undefined],
  ['guard', undefined],
  ['ignore_unreachable', undefined],
  ['import_playbook', 'give "fairlead run" both playbooks'],
  ['import_role', 'name the role under "roles"'],
  ['import_tasks', 'put the tasks into a role'],
  ['include_role', 'name the role under "roles"'],
  ['include_tasks', 'put the tasks into a role'],
  ['include_vars', 'name the file under "vars_files"'],
  ['local_action', 'write a play of its own for localhost'],
  ['loop_control', undefined],
  ['max_failures', undefined],
  ['module_defaults', undefined],
  ['order', undefined],
  ['poll', undefined],
  ['rescue', undefined],
  ['retries', undefined],
  ['run_once', 'write a play of its own for one host'],
  ['strategy', undefined],
  ['throttle', undefined],
  ['until', undefined],
  ['vars_prompt', 'give the value with -e'],
  ['with_dict', 'write "loop"'],
  ['with_fileglob', 'write "loop"'],
  ['with_items', 'write "loop"'],
  ['with_list', 'write "loop"'],
  ['with_sequence', 'write "loop"'],
]);
