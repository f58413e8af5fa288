// docs/events.md against what is really emitted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/event.ts';
import { FakeHost } from '../../src/host/fake-host.ts';
import { JsonReport } from '../../src/report/json-report.ts';
import { runPlaybook, thisMachine } from '../support/playbook-run.ts';

/** The type checker sees to it that none is missing. */
const KINDS: Readonly<Record<RunEvent['kind'], true>> = {
  'run-started': true,
  'play-started': true,
  'batch-started': true,
  'host-connecting': true,
  'host-connected': true,
  'host-unreachable': true,
  'facts-gathered': true,
  'host-working': true,
  'task-finished': true,
  'task-retrying': true,
  'handler-remembered': true,
  'guard-confirmed': true,
  'guard-rolled-back': true,
  'guard-unseen': true,
  'guard-told': true,
  'host-moved': true,
  'host-finished': true,
  'play-refused': true,
  'rollout-stopped': true,
  'run-ended': true,
};

const DOCS = readFileSync(join(import.meta.dirname, '../../docs/events.md'), 'utf8');

/** The names in the first column of the table below a heading. */
function documented(heading: string): readonly string[] {
  const [, section = ''] = DOCS.split(`\n${heading}\n`);
  const [own = ''] = section.split('\n#');
  return [...own.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
}

/** Every kind of event, and as many of their fields as one run can show. */
async function events(): Promise<readonly RunEvent[]> {
  const gone = new FakeHost({
    name: 'gone',
    connects: [{ kind: 'unreachable', reason: 'refused', message: 'no', hint: 'start sshd' }],
  });
  const { events: emitted } = await runPlaybook(
    '[{hosts: all, gather_facts: true, serial: 2, any_errors_fatal: true, tasks: [{ping: }]}]',
    { hosts: ['gone', 'here', 'later'], hostFor: (name) => (name === 'gone' ? gone : thisMachine(name)) },
  );
  const { events: others } = await runPlaybook(`
- hosts: all
  tasks:
    - debug: {msg: hi, verbosity: 1}
    - command: echo {{item}}
      loop: [a, b]
    - {command: echo there, delegate_to: elsewhere, diff: true}
    - command: echo again
      register: r
      until: r.attempts == 2
      delay: 0
      ignore_errors: true
    - file: {path: /tmp/nothing-here, state: file}
`);
  const { events: refused } = await runPlaybook(`
- hosts: all
  tasks: [{add_host: {name: new}}]
- hosts: new
  tasks: [{debug: {msg: "{{nowhere}}"}}]
`);
  const { events: checked } = await runPlaybook('[{hosts: all, tasks: [{command: "true"}]}]', {
    mode: 'check',
  });
  return [...emitted, ...others, ...refused, ...checked, ...GUARD_EVENTS, MOVED, REMEMBERED];
}

/** Only a host that can be cut off has them: test/lab/guard. */
const GUARD_EVENTS: readonly RunEvent[] = [
  { kind: 'guard-confirmed', host: 'h' },
  { kind: 'guard-rolled-back', host: 'h', reason: 'a task failed', at: '', failures: [], differences: [] },
  { kind: 'guard-unseen', host: 'h', message: 'no answer' },
  { kind: 'guard-told', host: 'h', message: 'rolled back' },
  { kind: 'guard-told', host: 'h', message: 'ping 192.0.2.1 does not work', verbosity: 1 },
];

/** Only a second run has it: test/apply/remembered-handlers.test.ts. */
const REMEMBERED: RunEvent = { kind: 'handler-remembered', host: 'h', handler: 'restart', state: 'due' };

/** Only plans have it: test/cli/plan.test.ts. */
const MOVED: RunEvent = { kind: 'host-moved', host: 'h', moved: [] };

test('every kind of event has a section', () => {
  const sections = [...DOCS.matchAll(/^### (\S+)$/gm)].map(([, kind]) => kind);
  expect(sections).toEqual(Object.keys(KINDS));
});

describe('every field that is emitted is documented, and the other way round', async () => {
  const all = (await events()).map((event) => JSON.parse(JSON.stringify(event)));
  const keysOf = (objects: readonly object[]) => [...new Set(objects.flatMap((each) => Object.keys(each)))];

  test.each(Object.keys(KINDS))('%s', (kind) => {
    const fields = keysOf(all.filter((event) => event.kind === kind));
    expect(fields.filter((name) => name !== 'kind').sort()).toEqual([...documented(`### ${kind}`)].sort());
  });

  test('outcomes', () => {
    const outcomes = all.filter(({ kind }) => kind === 'task-finished').map(({ outcome }) => outcome);
    expect(keysOf(outcomes).sort()).toEqual([...documented('## The outcome of a task')].sort());
  });

  test('recaps', () => {
    const recaps = all.filter(({ kind }) => kind === 'run-ended').flatMap(({ recap }) => recap);
    expect(keysOf(recaps).sort()).toEqual([...documented('## The recap of a host')].sort());
  });
});

test('JSON output is one line per event, whatever a host has said', async () => {
  const lines: string[] = [];
  const report = new JsonReport((text) => lines.push(text));
  const event: RunEvent = { kind: 'rollout-stopped', play: 'a\nb', reason: 'x\u001b[2J\r\u2028' };
  report.tell(event);
  report.tell({ kind: 'host-connected', host: 'h' });
  await report.end();
  expect(lines).toHaveLength(2);
  expect(lines.every((line) => /^[^\n]*\n$/.test(line))).toBe(true);
  expect(JSON.parse(lines[0] ?? '')).toEqual(event);
});
