// An explanation as lines for a terminal: the flow, the rules it passes, where it ends, the kernel's word beside it.
import { escapeLine } from '../report/escape.ts';
import type { Paint } from '../report/paint.ts';
import { type FleetVerdict, isFault } from './cluster-fleet.ts';
import { deliveryText, serviceText } from './delivery-text.ts';
import type { Explanation, LookupExplanation, StepExplanation } from './explanation.ts';
import { fractionText } from './fraction.ts';
import { nexthopText } from './ip-route.ts';
import type { VirtualService } from './ipvs.ts';
import { markText } from './rule-match.ts';
import { sampleText } from './sample-text.ts';
import type { SourceShare, Translation } from './translation.ts';

const LABEL_WIDTH = 8;
const MOST_RULE_WIDTH = 60;

/** With a newline at the end. What the host said is escaped. */
export function explanationText(explained: Explanation, paint: Paint): string {
  const { lookups, sample, remarks } = explained;
  const lines = [
    paint.bold(headingOf(explained)),
    labelled('marks', escapeLine(explained.marksText)),
    ...lookups.flatMap((each) => lookupLines(each, lookups.length, paint)),
    ...(explained.delivery === undefined
      ? [...wayLines(explained, paint), ...natLines(explained.translation)]
      : deliveryLines(explained, paint)),
    ...serviceLines(explained.services),
    ...remarks.map((remark) => paint.dim(labelled('note', escapeLine(remark)))),
    ...(sample === undefined ? [] : sampleText(sample, paint)),
  ];
  return `${lines.join('\n')}\n`;
}

/** With a newline at the end. */
export function fleetText(verdict: FleetVerdict, paint: Paint): string {
  const line = escapeLine(verdict.text);
  return `${isFault(verdict) ? paint.red(line) : paint.bold(line)}\n`;
}

function headingOf({ host, flow, kind, iif, kernel, delivery }: Explanation): string {
  const ports = [
    ...(flow.sport === undefined ? [] : [`sport ${flow.sport}`]),
    ...(flow.dport === undefined ? [] : [`dport ${flow.dport}`]),
  ];
  const from = flow.from?.text ?? 'a program that binds no address';
  const how =
    kind === 'local'
      ? 'sent by the host itself'
      : `${delivery === undefined ? 'forwarded' : 'for the host itself'}, comes in by ${iif ?? 'nobody knows what'}`;
  const what = [flow.protocol, ...ports].join(' ');
  return escapeLine(`${host}: ${from} → ${flow.to.text} ${what}, ${how} (kernel ${kernel})`);
}

function lookupLines(lookup: LookupExplanation, count: number, paint: Paint): readonly string[] {
  const { steps } = lookup;
  const width = (text: (step: StepExplanation) => string, most: number): number =>
    Math.min(most, Math.max(0, ...steps.map((step) => text(step).length)));
  const ruleWidth = width((step) => escapeLine(step.rule), MOST_RULE_WIDTH);
  const ownerWidth = width(ownerText, 20);
  const lines = steps.map((step, index) => {
    const head = `${String(index + 1).padStart(4)}  ${String(step.priority).padEnd(6)}`;
    const rule = escapeLine(step.rule).padEnd(ruleWidth);
    const owner = ownerWidth === 0 ? '' : `  ${ownerText(step).padEnd(ownerWidth)}`;
    const says = escapeLine(step.says);
    const line = `${head}${rule}${owner}  ${says}`;
    if (step.came === 'found' || step.came === 'refused') return line;
    return step.came === 'no-match' ? paint.dim(line) : line;
  });
  return [
    ...(count === 1 ? [] : [labelled('lookup', purposeText(lookup))]),
    ...lines,
    `   → ${escapeLine(lookup.outcome)}`,
    ...kernelLines(lookup, paint),
  ];
}

function ownerText({ owner }: StepExplanation): string {
  return owner === undefined ? '' : `(${escapeLine(owner)})`;
}

function purposeText({ purpose, from, mark }: LookupExplanation): string {
  if (purpose === 'source') return 'without a source, to choose one';
  const marked = mark === 0 ? '' : `, with the mark ${markText(mark)}`;
  return purpose === 'again' ? `once more, from ${from}${marked}` : `from ${from}${marked}`;
}

function kernelLines({ agreement, kernel }: LookupExplanation, paint: Paint): readonly string[] {
  const said = kernel === undefined ? 'it said nothing' : escapeLine(kernel);
  switch (agreement.kind) {
    case 'agree':
      return [labelled('kernel', `${paint.green('agrees')}: ${said}`)];
    case 'dropped':
      return [labelled('kernel', `${paint.yellow('drops it')}: ${said}`)];
    case 'silent':
      return [labelled('kernel', `${paint.yellow('gave no answer')}: ${said}`)];
    default:
      return [
        labelled('kernel', `${paint.red('DISAGREES')}: ${said}`),
        paint.red(`  these rules and routes do not lead where the kernel goes: ${escapeLine(agreement.why)}`),
      ];
  }
}

function wayLines({ way, lookups }: Explanation, paint: Paint): readonly string[] {
  const isDropped = lookups.some(({ agreement }) => agreement.kind === 'dropped');
  if (way.device === undefined || isDropped) return [];
  const source = way.source === undefined ? '' : `, source ${way.source}`;
  return [paint.bold(labelled('way', escapeLine(`${nexthopText(way)}${source}`)))];
}

function deliveryLines(
  { delivery, services }: Pick<Explanation, 'delivery' | 'services'>,
  paint: Paint,
): readonly string[] {
  if (delivery === undefined) return [];
  const { clusters, arrives } = deliveryText(delivery, services);
  return [
    ...clusters.map((line) => labelled('cluster', escapeLine(line))),
    paint.bold(labelled('arrives', escapeLine(arrives))),
  ];
}

function serviceLines(services: readonly VirtualService[]): readonly string[] {
  return services.map((service) => labelled('ipvs', escapeLine(serviceText(service))));
}

function natLines({ by, shares }: Translation): readonly string[] {
  if (by === undefined) return [labelled('nat', 'nobody changes the source')];
  const [first, ...more] = shares;
  if (first === undefined) return [];
  if (more.length === 0)
    return [labelled('nat', `${shareText(first)} (${by} ${first.chain}: ${first.rule ?? ''})`)].map(
      escapeLine,
    );
  return [
    labelled('nat', escapeLine(`${howText(first)} over ${shares.length} (${by} ${first.chain})`)),
    ...shares.map((each) =>
      escapeLine(`${' '.repeat(LABEL_WIDTH + 2)}${fractionText(each.share).padEnd(6)}${shareText(each)}`),
    ),
  ];
}

function howText({ how }: SourceShare): string {
  switch (how) {
    case 'by-turns':
      return 'source by turns';
    case 'by-chance':
      return 'source by chance';
    case 'by-hash':
      return 'source by a hash of the client';
    default:
      return 'source';
  }
}

function shareText({ how, source }: SourceShare): string {
  switch (how) {
    case 'unchanged':
      return 'source unchanged';
    case 'excluded':
      return 'source unchanged: excluded';
    case 'dropped':
      return 'dropped';
    case 'masquerade':
      return `source ${source ?? 'of the device'} (MASQUERADE)`;
    case 'by-hash':
      return source?.includes('-') ? `source out of ${source}, by a hash` : `source ${source}`;
    default:
      return `source ${source ?? 'unchanged'}`;
  }
}

function labelled(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${text}`;
}
