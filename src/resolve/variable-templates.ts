// Templates inside variables, compiled once for the whole run however many hosts share the variable.
import type { Problems } from '../diagnostic.ts';
import type { Located } from '../load/located.ts';
import { ValueTemplate } from '../render/value-template.ts';

export class VariableTemplates {
  readonly #compiled = new WeakMap<Located<unknown>, ValueTemplate>();
  readonly #problems: Problems;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  of(variable: Located<unknown>): ValueTemplate {
    let template = this.#compiled.get(variable);
    if (template === undefined) {
      template = ValueTemplate.compile(variable.value, variable.origin, this.#problems);
      this.#compiled.set(variable, template);
    }
    return template;
  }
}
