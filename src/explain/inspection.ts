// How a fleet is asked: two tasks that only look, in the shape of a module, so that connections, become and read-only
// hosts are what they are for every play. The second one is for hosts whose mangle marks the flow; elsewhere it asks
// nothing and costs no round trip. Not in the registry: no playbook can name it.
import type { HostModule, Inspected, Verdict } from '../modules/module.ts';
import { explain, followUp } from './explain.ts';
import type { Explanation } from './explanation.ts';
import type { Flow } from './flow.ts';
import { type HostState, parseHostState, parseKernelWord } from './host-answer.ts';
import { hostProgram, type Question } from './host-program.ts';

interface Asked {
  readonly host: string;
  /** Undefined: nothing more to ask. */
  readonly question: Question | undefined;
}

export interface FlowInspection {
  readonly modules: readonly [HostModule, HostModule];
  /** By host; whole once the run has ended. */
  readonly explanations: ReadonlyMap<string, Explanation>;
}

export function flowInspection(flow: Flow): FlowInspection {
  const states = new Map<string, HostState>();
  const explanations = new Map<string, Explanation>();
  const look = looker({
    endsWave: true,
    question: () => ({ what: 'everything', flow }),
    decide({ host }, { output }) {
      const state = parseHostState(output.stdout, flow.family);
      const trouble = troubleOf(state, flow);
      if (trouble !== undefined) return { kind: 'failed', ...trouble };
      states.set(host, state);
      explanations.set(host, explain(host, flow, state));
      return { kind: 'unchanged' };
    },
  });
  const lookAgain = looker({
    question(host) {
      const state = states.get(host);
      return state && followUp(flow, state);
    },
    decide({ host, question }, { output }) {
      const state = states.get(host);
      if (state !== undefined && question !== undefined) {
        explanations.set(host, explain(host, flow, state, parseKernelWord(output.stdout, state)));
      }
      return { kind: 'unchanged' };
    },
  });
  return { modules: [look, lookAgain], explanations };
}

function troubleOf(
  state: HostState,
  flow: Flow,
): { readonly message: string; readonly hint?: string } | undefined {
  if (!state.hasIp) return { message: 'there is no command ip' };
  if (state.rules.length === 0) return { message: `ip tells no rules of IPv${flow.family}` };
  if (state.iif !== undefined) return undefined;
  return {
    message: `${flow.from?.text ?? ''} is not its own address, and it knows no way there`,
    hint: 'say with --iif by which device it comes in',
  };
}

interface Looker {
  readonly endsWave?: true;
  readonly question: (host: string) => Question | undefined;
  readonly decide: (asked: Asked, actual: Inspected) => Verdict<unknown>;
}

function looker({ endsWave, question, decide }: Looker): HostModule {
  const module: HostModule<unknown, Asked, unknown> = {
    kind: 'host',
    name: 'explain',
    summary: 'Asks the kernel about a flow.',
    schema: { type: 'object', properties: {}, additionalProperties: false },
    ...(endsWave === true && { endsWave }),
    prepare(_, controller) {
      const host = String(controller.variable('inventory_hostname'));
      return { host, question: question(host) };
    },
    reads: () => [],
    writes: () => [],
    inspect: (asked) => (asked.question === undefined ? {} : { script: hostProgram(asked.question) }),
    decide,
    change: () => ({ script: '' }),
  };
  return module as HostModule;
}
