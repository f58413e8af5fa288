// What is told of a flow on a host: explain.ts makes it, explain-text.ts and explain-json.ts show it.
import type { Agreement } from './agreement.ts';
import type { Delivery } from './delivery.ts';
import type { Flow } from './flow.ts';
import type { VirtualService } from './ipvs.ts';
import type { KernelAnswer } from './kernel-answer.ts';
import type { Marks } from './marks.ts';
import type { Sample } from './sample.ts';
import type { Translation } from './translation.ts';
import type { Walk } from './walk.ts';

export interface StepExplanation {
  readonly priority: number;
  readonly rule: string;
  /** Whose it is: `split-access`, `static`; undefined where nobody says. */
  readonly owner: string | undefined;
  readonly came: string;
  readonly says: string;
}

export interface LookupExplanation {
  /** `source`: without one, to choose it; `again`: with the source or the mark that was found before. */
  readonly purpose: 'route' | 'source' | 'again';
  readonly from: string | undefined;
  readonly mark: number;
  readonly steps: readonly StepExplanation[];
  readonly outcome: string;
  readonly kernel: string | undefined;
  readonly agreement: Agreement;
  readonly walk: Walk;
  readonly answer: KernelAnswer | undefined;
}

export interface Explanation {
  readonly host: string;
  readonly kernel: string;
  readonly kind: 'local' | 'forwarded';
  readonly iif: string | undefined;
  readonly flow: Flow;
  readonly marks: Marks;
  readonly marksText: string;
  readonly lookups: readonly LookupExplanation[];
  /** Where it goes in the end; of several nexthops the one that the kernel's hash gives this very flow. */
  readonly way: {
    readonly via: string | undefined;
    readonly device: string | undefined;
    readonly table: number | undefined;
    readonly source: string | undefined;
  };
  readonly translation: Translation;
  /** Undefined where it is not for the host itself, or comes from it. */
  readonly delivery: Delivery | undefined;
  /** Of IPVS, what takes it. */
  readonly services: readonly VirtualService[];
  readonly sample: Sample | undefined;
  readonly remarks: readonly string[];
}
