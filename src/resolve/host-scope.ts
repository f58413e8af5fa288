// The variables of one task on one host: layers in Ansible's order of precedence, templates in them rendered lazily.
// The same object answers before any host is contacted (what is known) and at run time (what the values are).
import type { Diagnostic, Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import { ANY, known, NameError, type Names, type Shape, type Values } from '../render/shape.ts';
import { RenderError } from '../render/template.ts';
import type { ValueTemplate } from '../render/value-template.ts';
import { GROWING_NAMES, HOSTVARS, hostVarsShape, type SeenHosts } from './host-vars.ts';
import type { PlayNow } from './magic.ts';
import type { RoleVariables } from './role-variables.ts';
import type { VariableTemplates } from './variable-templates.ts';

export type VariableLayer = ReadonlyMap<string, Located<unknown>>;

/** What a host said or the run computed: data, never a template. */
export interface RunState {
  /** Facts once gathered, before that what shape they will have; undefined where the play gathers none. */
  readonly facts: Shape | undefined;
  /** Registered results and set_fact values. */
  readonly results: ReadonlyMap<string, unknown>;
  /** Names that an earlier task of the play will have set by then. */
  readonly pending: ReadonlySet<string>;
  /** Variables that include_vars has read: they may hold templates. */
  readonly included?: VariableLayer;
  /** Something that is not known yet will have been included by then: it may set any name. */
  readonly isOpen?: boolean;
  /** Names that tasks would have set if the run did not begin behind them, and what is said of each. */
  readonly leftOut?: ReadonlyMap<string, string>;
  /** Tasks before it in the same wave are still to set names: what others see of this host is not all there yet. */
  readonly isMidWave?: boolean;
  /** The same of another host, as it stood when all of them last met. Undefined: nothing but the inventory is known of it. */
  readonly others?: (host: string) => RunState | undefined;
  /** Who is in the play, once it runs. */
  readonly now?: PlayNow;
}

/** Names that are always there; a value may be worked out when it is asked for. */
export interface MagicLayer {
  has(name: string): boolean;
  get(name: string): unknown;
  keys(): Iterable<string>;
}

export interface ScopeLayers {
  /** inventory_hostname and its like, item and its like: highest. */
  readonly magic: MagicLayer;
  /** Of the user's files, above results: extra variables, role parameters. */
  readonly overResults: readonly VariableLayer[];
  /** Below results and above facts: task, role vars, vars_files, play. */
  readonly overFacts: readonly VariableLayer[];
  /** Below facts: the inventory's, then role defaults. */
  readonly belowFacts: readonly VariableLayer[];
}

export class HostScope implements Names, Values {
  readonly #layers: ScopeLayers;
  readonly #state: RunState;
  readonly #templates: VariableTemplates;
  readonly #role: RoleVariables | undefined;
  readonly #problems: Problems | undefined;
  readonly #hosts: SeenHosts;
  #hostVars: Shape | undefined;
  readonly #values = new Map<string, unknown>();
  readonly #shapes = new Map<string, Shape>();
  readonly #evaluating: string[] = [];

  /** `problems`: where the check before the run puts unknown names inside of variables. */
  constructor(options: {
    readonly layers: ScopeLayers;
    readonly state: RunState;
    readonly templates: VariableTemplates;
    readonly role: RoleVariables | undefined;
    /** Behind hostvars. */
    readonly hosts: SeenHosts;
    readonly problems?: Problems;
  }) {
    const { included } = options.state;
    this.#hosts = options.hosts;
    this.#layers =
      included === undefined || included.size === 0
        ? options.layers
        : { ...options.layers, overFacts: [included, ...options.layers.overFacts] };
    this.#state = options.state;
    this.#templates = options.templates;
    this.#role = options.role;
    this.#problems = options.problems;
  }

  has(name: string): boolean {
    return this.#known(name) !== undefined || this.#variable(name) !== undefined;
  }

  get(name: string): unknown {
    const said = this.#known(name);
    if (said?.kind === 'known') return said.value;
    if (name === HOSTVARS && said?.kind === 'record') return said.values;
    if (this.#values.has(name)) return this.#values.get(name);
    const variable = this.#variable(name);
    if (variable === undefined) throw new NameError(name);
    const template = this.#templates.of(variable);
    const value = this.#guardLoop(name, template, () =>
      this.#refined(name, variable, template.evaluate(this)),
    );
    this.#values.set(name, value);
    return value;
  }

  shape(name: string): Shape | undefined {
    const said = this.#known(name);
    if (said !== undefined) return said;
    const before = this.#shapes.get(name);
    if (before !== undefined) return before;
    const variable = this.#variable(name);
    if (variable === undefined) return this.#state.isOpen === true ? ANY : undefined;
    const shape = this.#shapeOf(name, variable);
    this.#shapes.set(name, shape);
    return shape;
  }

  *names(): Iterable<string> {
    const { magic, overResults, overFacts, belowFacts } = this.#layers;
    for (const layer of [this.#state.results, ...overResults, ...overFacts, ...belowFacts])
      yield* layer.keys();
    yield* this.#state.pending;
    if (this.#state.facts !== undefined) yield 'facts';
    yield HOSTVARS;
    yield* magic.keys();
  }

  whyUnknown(name: string): string | undefined {
    return this.#state.leftOut?.get(name);
  }

  /** Whether a value rests on a name that has no value yet, directly or through variables. */
  isPending(references: Iterable<string>, seen: Set<string> = new Set()): boolean {
    for (const name of references) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (name === HOSTVARS) {
        if (this.#state.isMidWave === true || this.#state.pending.has(HOSTVARS)) return true;
        continue;
      }
      const said = this.#known(name);
      if (said !== undefined) {
        if (said.kind !== 'known') return true;
        continue;
      }
      const variable = this.#variable(name);
      if (variable === undefined && this.#state.isOpen === true) return true;
      if (variable !== undefined && this.isPending(this.#templates.of(variable).references, seen))
        return true;
    }
    return false;
  }

  /** Whether the names lead to `wanted`, directly or through variables. */
  reaches(references: Iterable<string>, wanted: string, seen: Set<string> = new Set()): boolean {
    for (const name of references) {
      if (name === wanted) return true;
      if (seen.has(name)) continue;
      seen.add(name);
      const variable = this.#variable(name);
      if (variable !== undefined && this.reaches(this.#templates.of(variable).references, wanted, seen))
        return true;
    }
    return false;
  }

  /** The variables that the names lead to, directly or through others. */
  *behind(references: Iterable<string>, seen: Set<string> = new Set()): Iterable<ValueTemplate> {
    for (const name of references) {
      if (seen.has(name)) continue;
      seen.add(name);
      const variable = this.#variable(name);
      if (variable === undefined) continue;
      const template = this.#templates.of(variable);
      yield template;
      yield* this.behind(template.references, seen);
    }
  }

  /** The variable of that name in the user's files, or undefined. */
  variable(name: string): Located<unknown> | undefined {
    return this.#variable(name);
  }

  /** The variable's value before a role's schema added its defaults. */
  unrefined(name: string): unknown {
    const variable = this.#variable(name);
    return variable === undefined ? undefined : this.#templates.of(variable).evaluate(this);
  }

  /** What needs no rendering: magic variables, results, facts. */
  #known(name: string): Shape | undefined {
    if (this.#state.pending.has(name) && GROWING_NAMES.includes(name)) return ANY;
    if (name === HOSTVARS) {
      this.#hostVars ??= hostVarsShape(this.#hosts);
      return this.#hostVars;
    }
    if (this.#layers.magic.has(name)) return known(this.#layers.magic.get(name));
    if (find(this.#layers.overResults, name) !== undefined) return undefined;
    if (this.#state.pending.has(name)) return ANY;
    if (this.#state.results.has(name)) return known(this.#state.results.get(name));
    if (name === 'facts' && find(this.#layers.overFacts, name) === undefined) return this.#state.facts;
    return undefined;
  }

  #variable(name: string): Located<unknown> | undefined {
    const { overResults, overFacts, belowFacts } = this.#layers;
    return find(overResults, name) ?? find(overFacts, name) ?? find(belowFacts, name);
  }

  #shapeOf(name: string, variable: Located<unknown>): Shape {
    const template = this.#templates.of(variable);
    if (this.#evaluating.includes(name)) {
      this.#problems?.add(this.#loop(name, template));
      return ANY;
    }
    this.#evaluating.push(name);
    try {
      if (this.#problems !== undefined) template.checkNames(this, this.#problems);
      const shape = template.shape(this);
      if (shape.kind !== 'known' || this.#role === undefined) return shape;
      return known(this.#role.refine(name, variable, shape.value).value);
    } finally {
      this.#evaluating.pop();
    }
  }

  #refined(name: string, variable: Located<unknown>, value: unknown): unknown {
    if (this.#role === undefined) return value;
    const refined = this.#role.refine(name, variable, value);
    const [problem] = refined.diagnostics;
    if (problem?.at !== undefined) {
      throw new RenderError(`${name}: ${problem.details?.join(' ') ?? problem.summary}`, problem.at);
    }
    return refined.value;
  }

  #guardLoop<T>(name: string, template: ValueTemplate, evaluate: () => T): T {
    if (this.#evaluating.includes(name)) {
      const { details } = this.#loop(name, template);
      throw new RenderError(details?.join(' ') ?? name, template.origin.span());
    }
    this.#evaluating.push(name);
    try {
      return evaluate();
    } finally {
      this.#evaluating.pop();
    }
  }

  #loop(name: string, template: ValueTemplate): Diagnostic {
    const round = [...this.#evaluating.slice(this.#evaluating.indexOf(name)), name];
    return {
      code: 'variable-loop',
      summary: 'variable is defined by itself',
      at: template.origin.span(),
      details: [round.join(' needs ')],
    };
  }
}

function find(layers: readonly VariableLayer[], name: string): Located<unknown> | undefined {
  for (const layer of layers) {
    const variable = layer.get(name);
    if (variable !== undefined) return variable;
  }
  return undefined;
}
