// Findings of an audit, by as much of them as a test is about.
import { type Drift, driftOf as driftOfAudit, suspects } from '../../../src/verify/suspects.ts';

export { suspects };

export interface Finding {
  readonly lines?: readonly string[];
  /** Of differences: paths, for one. */
  readonly titles?: readonly string[];
  readonly module?: string;
}

export function driftOf(findings: readonly Finding[]): Drift {
  return driftOfAudit({
    findings: findings.map(({ lines = [], titles = [], module = 'boot_script' }) => ({
      task: { id: 1, title: 'task', module, place: 'site.yml:1:1' },
      message: 'reload',
      lines,
      diffs: titles.map((title) => ({ title, before: '', after: '' })),
    })),
  });
}
