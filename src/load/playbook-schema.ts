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

const variableName = {
  type: 'string',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
  hint: 'write a name of letters, digits and underscores',
} as const;

const numberOrTemplate = {
  anyOf: [
    { type: 'number', minimum: 0 },
    { type: 'string', pattern: '\\{\\{|^[0-9]+$' },
  ],
  hint: 'write a number',
} as const;

const wholeNumber = { type: 'integer', minimum: 0 } as const;
const textOrMapping = { type: ['string', 'object'] } as const;

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
  ignore_unreachable: flag,
  no_log: flag,
  run_once: flag,
  check_mode: flag,
  diff: flag,
  timeout: { type: 'integer', minimum: 1 },
  module_defaults: {
    anyOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }],
    hint: 'write a mapping: module names, and for each its arguments',
  },
} as const;

export const TASK_KEYS = {
  ...common,
  delegate_to: text,
  delegate_facts: flag,
  any_errors_fatal: flag,
  throttle: wholeNumber,
  action: textOrMapping,
  local_action: textOrMapping,
  loop: {
    anyOf: [{ type: 'array' }, { type: 'string', pattern: '\\{\\{' }],
    hint: 'write a list, or "{{name}}" of one',
  },
  with_list: {},
  with_items: {},
  with_dict: {},
  with_sequence: {},
  loop_control: {
    type: 'object',
    properties: {
      loop_var: variableName,
      index_var: variableName,
      label: {},
      pause: { type: 'number', minimum: 0 },
      extended: flag,
    },
    additionalProperties: false,
  },
  until: condition,
  retries: numberOrTemplate,
  delay: numberOrTemplate,
  async: numberOrTemplate,
  poll: numberOrTemplate,
  register: variableName,
  changed_when: condition,
  failed_when: condition,
  notify: textOrList,
  listen: textOrList,
  args: mapping,
} as const;

/** What the items are is told task by task. */
const tasks = { type: ['array', 'null'] } as const;

/** What a block, an import or an include (under `apply`) passes on to its tasks. */
export const APPLY_KEYS = {
  ...common,
  notify: textOrList,
  delegate_to: text,
  delegate_facts: flag,
  any_errors_fatal: flag,
  throttle: wholeNumber,
} as const;

export const APPLY_SCHEMA = { type: 'object', properties: APPLY_KEYS, additionalProperties: false } as const;

export const BLOCK_KEYS = {
  ...APPLY_KEYS,
  block: tasks,
  rescue: tasks,
  always: tasks,
} as const;

export const BLOCK_SCHEMA = {
  type: 'object',
  properties: BLOCK_KEYS,
  required: ['block'],
  additionalProperties: false,
} as const;

export const PLAY_KEYS = {
  ...common,
  hosts: textOrList,
  vars_files: textOrList,
  vars_prompt: { type: ['array', 'null'] },
  roles: { type: ['array', 'null'] },
  pre_tasks: tasks,
  tasks,
  post_tasks: tasks,
  handlers: tasks,
  gather_facts: flag,
  any_errors_fatal: flag,
  throttle: wholeNumber,
  max_failures: wholeNumber,
  force_handlers: flag,
  strategy: { enum: ['linear', 'free', 'host_pinned'] },
  order: { enum: ['inventory', 'reverse_inventory', 'sorted', 'reverse_sorted', 'shuffle'] },
  guard: {
    anyOf: [{ type: 'string' }, { type: 'integer' }, { const: false }],
    hint: 'write a time such as 60s, or off',
  },
  serial: {
    anyOf: [
      { type: ['integer', 'string'] },
      { type: 'array', items: { type: ['integer', 'string'] }, minItems: 1 },
    ],
  },
  max_fail_percentage: { type: 'number', minimum: 0, maximum: 100 },
  remote_user: text,
  /** Ansible's older name of remote_user. */
  user: text,
  port: { type: 'integer', minimum: 1, maximum: 65535 },
} as const;

export const PLAY_SCHEMA = {
  type: 'object',
  properties: PLAY_KEYS,
  required: ['hosts'],
  additionalProperties: false,
} as const;

/** Of another playbook, in the place of a play. */
export const IMPORT_KEYS = {
  import_playbook: { type: 'string', minLength: 1 },
  name: text,
  vars: mapping,
  tags: textOrList,
  when: condition,
} as const;

export const IMPORT_SCHEMA = {
  type: 'object',
  properties: IMPORT_KEYS,
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
  'action',
  'async',
  'delay',
  'delegate_to',
  'environment',
  'loop',
  'local_action',
  'loop_control',
  'module_defaults',
  'name',
  'poll',
  'retries',
  'vars',
  'with_dict',
  'with_items',
  'with_list',
  'with_sequence',
  // Conditions tell by themselves what is wrong with a template.
  'changed_when',
  'failed_when',
  'until',
  'when',
]);

/** Without additionalProperties: the module's name is a key of the task. */
export const TASK_SCHEMA = { type: 'object', properties: TASK_KEYS } as const;

/** Keys of Ansible's that fairlead does not take, each with what to write instead, where there is something. */
export const UNSUPPORTED_KEYS: ReadonlyMap<string, string | undefined> = new Map([
  ['become_exe', undefined],
  ['collections', undefined],
  ['connection', 'set ansible_connection in the inventory'],
  ['debugger', undefined],
  ['fact_path', undefined],
  ['gather_subset', undefined],
  ['gather_timeout', undefined],
  ['sudo', 'write "become: true"'],
  ['sudo_user', 'write "become_user"'],
  ['su', 'write "become: true" and "become_method: su"'],
  ['su_user', 'write "become_user"'],
  ['with_fileglob', 'write "loop"'],
]);
