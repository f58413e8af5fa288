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
const template = { type: 'string' } as const;

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
  environment: mapping,
  ignore_errors: flag,
  no_log: flag,
  any_errors_fatal: flag,
  check_mode: flag,
  diff: flag,
  timeout: { type: 'integer', minimum: 1 },
} as const;

export const TASK_KEYS = {
  ...common,
  loop: { anyOf: [{ type: 'array' }, template] },
  register: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
  changed_when: condition,
  failed_when: condition,
  notify: textOrList,
  listen: textOrList,
  args: mapping,
} as const;

const tasks = { type: ['array', 'null'], items: { type: 'object' } } as const;

export const PLAY_KEYS = {
  ...common,
  hosts: textOrList,
  vars_files: textOrList,
  roles: {
    type: ['array', 'null'],
    items: {
      anyOf: [
        { type: 'string' },
        { type: 'object', anyOf: [{ required: ['role'] }, { required: ['name'] }] },
      ],
    },
  },
  pre_tasks: tasks,
  tasks,
  post_tasks: tasks,
  handlers: tasks,
  gather_facts: flag,
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

/** Without additionalProperties: the module's name is a key of the task. */
export const TASK_SCHEMA = { type: 'object', properties: TASK_KEYS } as const;

/** Keys of Ansible's that fairlead knows of and does not take (yet): a clearer message than "unknown". */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set([
  'always',
  'async',
  'block',
  'delay',
  'delegate_facts',
  'delegate_to',
  'force_handlers',
  'guard',
  'import_playbook',
  'local_action',
  'loop_control',
  'max_failures',
  'module_defaults',
  'order',
  'poll',
  'rescue',
  'retries',
  'run_once',
  'strategy',
  'throttle',
  'until',
  'vars_prompt',
  'with_dict',
  'with_items',
]);
