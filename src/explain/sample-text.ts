// A sample as lines: a bar for each link, then whether the split is what the weights promise.
import { escapeLine } from '../report/escape.ts';
import { count } from '../report/numbers.ts';
import type { Paint } from '../report/paint.ts';
import { nexthopText } from './ip-route.ts';
import type { Sample, SampleLink } from './sample.ts';

const BAR_WIDTH = 40;

export function sampleText(sample: Sample, paint: Paint): readonly string[] {
  const { links, asked, answered } = sample;
  const name = (link: SampleLink): string => escapeLine(nexthopText(link));
  const width = Math.max(0, ...links.map((link) => name(link).length));
  const most = Math.max(1, ...links.map(({ observed }) => observed));
  const digits = String(asked).length;
  const bars = links.map((link) => {
    const bar = '#'.repeat(Math.round((link.observed / most) * BAR_WIDTH));
    const part = answered === 0 ? 0 : (100 * link.observed) / answered;
    const promised = links.length < 2 ? '' : `  promised ${link.expected.toFixed(1)}`;
    return `    ${name(link).padEnd(width)}  ${String(link.observed).padStart(digits)}  ${part.toFixed(1).padStart(5)} %  ${bar.padEnd(BAR_WIDTH)}${promised}`.trimEnd();
  });
  const lost = asked === answered ? '' : `, ${asked - answered} without an answer`;
  return [`  sample  ${count(asked, 'lookup')}${lost}`, ...bars, `  ${verdictText(sample, paint)}`];
}

function verdictText({ verdict, chiSquare }: Sample, paint: Paint): string {
  const figures =
    chiSquare === undefined
      ? ''
      : `chi-square ${chiSquare.value.toFixed(2)}, bound ${chiSquare.bound.toFixed(2)} (p = 0.001, df ${chiSquare.degrees}): `;
  switch (verdict) {
    case 'within-chance':
      return `${figures}${paint.green('within chance')}`;
    case 'not-by-chance':
      return `${figures}${paint.red('not by chance')}`;
    case 'too-few':
      return `${figures}too few lookups to tell`;
    case 'one-nexthop':
      return 'one nexthop: there is nothing to split';
    case 'addresses-alone':
      return 'the kernel looks at addresses alone: one source and destination always go one way';
    default:
      return paint.yellow('no lookup was answered');
  }
}
