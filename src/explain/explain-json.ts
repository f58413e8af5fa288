// An explanation as plain JSON: the same facts as the text, under names that stay.

import { hashedFields } from './cluster/hash.ts';
import { type Delivery, verdictOf } from './delivery.ts';
import { agrees } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { fractionText } from './fraction.ts';
import { nexthopsOf } from './walk.ts';

export function explanationJson(explained: Explanation): Readonly<Record<string, unknown>> {
  const { flow, way, translation, delivery, sample, marks } = explained;
  return {
    kernel: explained.kernel,
    kind: explained.kind,
    flow: {
      from: flow.from?.text ?? null,
      to: flow.to.text,
      iif: explained.kind === 'forwarded' ? (explained.iif ?? null) : null,
      proto: flow.protocol,
      sport: flow.sport ?? null,
      dport: flow.dport ?? null,
      mark: flow.mark,
    },
    agrees: agrees(explained),
    marks: {
      hook: marks.hook,
      given: marks.given.map(({ mark, share }) => ({ mark, share: fractionText(share) })),
      chains: marks.chains,
      text: explained.marksText,
    },
    lookups: explained.lookups.map((lookup) => ({
      purpose: lookup.purpose,
      from: lookup.from ?? null,
      mark: lookup.mark,
      steps: lookup.steps.map((step) => ({ ...step, owner: step.owner ?? null })),
      outcome: lookup.outcome,
      nexthops: nexthopsOf(lookup.walk.outcome).map(({ via, device, weight }) => ({
        via: via ?? null,
        device: device ?? null,
        weight,
      })),
      kernel: lookup.kernel ?? null,
      agreement: lookup.agreement,
    })),
    way: {
      via: way.via ?? null,
      device: way.device ?? null,
      table: way.table ?? null,
      source: way.source ?? null,
    },
    nat: {
      by: translation.by ?? null,
      sources: translation.shares.map((each) => ({
        source: each.source ?? null,
        share: fractionText(each.share),
        how: each.how,
        chain: each.chain,
        rule: each.rule ?? null,
      })),
    },
    delivery: delivery === undefined ? null : deliveryJson(delivery),
    ipvs: explained.services.map((service) => ({
      service: service.name,
      scheduler: service.scheduler,
      persistent_s: service.persistentS,
      servers: service.servers,
    })),
    sample:
      sample === undefined
        ? null
        : {
            asked: sample.asked,
            answered: sample.answered,
            links: sample.links.map((link) => ({
              ...link,
              via: link.via ?? null,
              device: link.device ?? null,
            })),
            chi_square: sample.chiSquare ?? null,
            verdict: sample.verdict,
          },
    remarks: explained.remarks,
  };
}

function deliveryJson({ share, droppedBy, clusters }: Delivery): Readonly<Record<string, unknown>> {
  return {
    arrives: verdictOf(share),
    share: fractionText(share),
    dropped_by: droppedBy,
    clusters: clusters.map(({ hash, bucket, own }) => ({
      hash: hash.kind,
      hashes: hashedFields(hash),
      seed: hash.seed ?? null,
      buckets: hash.buckets,
      bucket: bucket ?? null,
      own,
    })),
  };
}
