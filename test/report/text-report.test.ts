import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HostRecap, RunEvent, TaskOutcome } from '../../src/event.ts';
import { COLOURS } from '../../src/report/paint.ts';
import { recapText } from '../../src/report/recap-text.ts';
import type { ReportOptions } from '../../src/report/report.ts';
import { exitCodeOf, TextReport } from '../../src/report/text-report.ts';
import { hostRecap, taskFinished } from './support/events.ts';

function textOf(events: readonly RunEvent[], options: Partial<ReportOptions> = {}): string {
  let text = '';
  const report = new TextReport({
    write: (more) => {
      text += more;
    },
    isColoured: false,
    verbosity: 0,
    diff: false,
    ...options,
  });
  for (const event of events) report.tell(event);
  return text;
}

const outcome = (more: Partial<TaskOutcome>) => [taskFinished('web-1', more)];

describe('a finished task', () => {
  test.each<{ title: string; outcome: Partial<TaskOutcome>; options?: Partial<ReportOptions>; text: string }>(
    [
      {
        title: 'that changed something',
        outcome: { status: 'changed', message: 'create /etc/x' },
        text: 'web-1     changed       routes: create /etc/x\n',
      },
      {
        title: 'that would change something',
        outcome: { status: 'would-change', message: 'create /etc/x' },
        text: 'web-1     would change  routes: create /etc/x\n',
      },
      { title: 'that is as it should be', outcome: { status: 'ok', message: 'fine' }, text: '' },
      {
        title: 'that is as it should be, with -v',
        outcome: { status: 'ok', message: 'fine' },
        options: { verbosity: 1 },
        text: 'web-1     ok            routes: fine\n',
      },
      { title: 'that was skipped', outcome: { status: 'skipped', message: 'when: false' }, text: '' },
      {
        title: 'that failed: where it is written, what it printed, what to do',
        outcome: {
          status: 'failed',
          message: 'exited 2',
          hint: 'try this:\n    fairlead',
          fields: { rc: 2, stdout: 'one\ntwo\n', stderr: 'exited 2' },
        },
        text: `web-1     failed        routes: exited 2
    command at site.yml:3:5
    stdout: one
    stdout: two
    hint: try this:
          fairlead
`,
      },
      {
        title: 'whose end nobody knows',
        outcome: { status: 'unknown', message: 'the connection was lost' },
        text: 'web-1     lost          routes: the connection was lost\n    command at site.yml:3:5\n',
      },
      {
        title: 'whose failure is ignored',
        outcome: { status: 'ignored', message: 'exited 1' },
        text: 'web-1     ignored       routes: exited 1\n',
      },
      {
        title: 'of a loop',
        outcome: { status: 'changed', item: { label: 'eth0', index: 0, count: 2 } },
        text: 'web-1     changed       routes (eth0)\n',
      },
      {
        title: 'with results, with -vv',
        outcome: { status: 'changed', message: 'run id', fields: { stdout: 'root' } },
        options: { verbosity: 2 },
        text: 'web-1     changed       routes: run id\n    stdout: root\n',
      },
      {
        title: 'with a long output: the end of it',
        outcome: {
          status: 'failed',
          fields: { stderr: Array.from({ length: 25 }, (_, index) => `line ${index}`).join('\n') },
        },
        text: `web-1     failed        routes
    command at site.yml:3:5
    stderr: … 5 lines before
${Array.from({ length: 20 }, (_, index) => `    stderr: line ${index + 5}\n`).join('')}`,
      },
      {
        title: 'with a difference, with --diff',
        outcome: { status: 'changed', diffs: [{ title: '/etc/x', before: 'a\nb\n', after: 'a\nc' }] },
        options: { diff: true },
        text: `web-1     changed       routes
    --- /etc/x	before
    +++ /etc/x	after
    @@ -1,2 +1,2 @@
     a
    -b
    +c
`,
      },
      {
        title: 'with a difference, without --diff',
        outcome: { status: 'changed', diffs: [{ title: '/etc/x', before: '', after: 'a' }] },
        text: 'web-1     changed       routes\n',
      },
      {
        title: 'with a message of several lines',
        outcome: { status: 'changed', message: 'one\ntwo' },
        text: 'web-1     changed       routes: one\n    two\n',
      },
    ],
  )('$title', ({ outcome: more, options, text }) => {
    expect(textOf(outcome(more), options)).toBe(text);
  });

  test('debug speaks to everybody, or to those who asked for as much as it wants', () => {
    const debug = (verbosity?: number): RunEvent => {
      const event = taskFinished('web-1', { message: 'hi', ...(verbosity !== undefined && { verbosity }) });
      return { ...event, task: { ...event.task, module: 'debug' } };
    };
    expect(textOf([debug()])).toBe('web-1     ok            routes: hi\n');
    expect(textOf([debug(2)], { verbosity: 1 })).toBe('');
    expect(textOf([debug(2)], { verbosity: 2 })).toBe('web-1     ok            routes: hi\n');
  });
});

describe('a run', () => {
  test('from the first play to the recap', () => {
    const events: RunEvent[] = [
      { kind: 'run-started', hosts: ['web-1', 'a-longer-name'], mode: 'apply' },
      { kind: 'play-started', play: 'edge', hosts: ['web-1', 'a-longer-name'] },
      { kind: 'batch-started', index: 0, count: 2, hosts: ['web-1'] },
      { kind: 'host-connecting', host: 'web-1' },
      { kind: 'host-connected', host: 'web-1' },
      { kind: 'host-working', host: 'web-1', doing: 'inspecting', tasks: [] },
      taskFinished('web-1', { status: 'changed', message: 'create /etc/x' }),
      { kind: 'host-finished', host: 'web-1', status: 'ok' },
      {
        kind: 'host-unreachable',
        host: 'a-longer-name',
        reason: 'refused',
        message: 'nobody listens',
        hint: 'start sshd',
      },
      { kind: 'rollout-stopped', play: 'edge', reason: 'all hosts of the batch failed: a-longer-name' },
      {
        kind: 'run-ended',
        recap: [
          hostRecap('web-1', { changed: 1, state: '1 change made' }),
          hostRecap('a-longer-name', { status: 'unreachable', state: 'nothing was changed' }),
        ],
        elapsedMs: 1234,
      },
    ];
    expect(textOf(events)).toBe(`play edge: 2 hosts
batch 1 of 2: web-1
web-1          changed       routes: create /etc/x
a-longer-name  unreachable   nobody listens
    hint: start sshd
rollout stopped: all hosts of the batch failed: a-longer-name

host             ok  changed  skipped  failed  state
web-1             0        1        0       0  1 change made
a-longer-name     0        0        0       0  unreachable, nothing was changed

2 hosts: 1 ok, 1 unreachable, 1 changed, 1.2 s
`);
  });

  test('who was not reached because of an interruption is told in the recap alone', () => {
    expect(
      textOf([{ kind: 'host-unreachable', host: 'a', reason: 'interrupted', message: 'interrupted' }]),
    ).toBe('');
  });

  test('a batch of many hosts is a line of bounded length', () => {
    const hosts = Array.from({ length: 500 }, (_, index) => `h${index}`);
    expect(textOf([{ kind: 'batch-started', index: 0, count: 2, hosts }])).toBe(
      'batch 1 of 2: h0, h1, h2, h3, h4, h5, h6, h7 and 492 more\n',
    );
  });
});

describe('the recap', () => {
  const recap = (hosts: readonly HostRecap[], mode: 'apply' | 'check' = 'apply', elapsedMs = 0) =>
    recapText(hosts, { mode, elapsedMs, paint: plain });
  const plain = Object.fromEntries(
    Object.keys(COLOURS).map((name) => [name, (text: string) => text]),
  ) as never;

  test('in check mode says what differs', () => {
    expect(
      recap([hostRecap('a', { ok: 3, changed: 2, state: 'check mode: nothing was changed' })], 'check'),
    ).toBe(
      `host    ok  differs  skipped  failed  state
a        3        2        0       0  check mode: nothing was changed

1 host: all ok, 2 would change, 0.0 s`,
    );
  });

  test('names ignored failures only where there are some', () => {
    expect(recap([hostRecap('a', { ignored: 1, state: 'nothing was changed' })]).split('\n')).toEqual([
      'host    ok  changed  skipped  failed  ignored  state',
      'a        0        0        0       0        1  nothing was changed',
      '',
      '1 host: all ok, 0 changed, 0.0 s',
    ]);
  });

  test('of many hosts shows those that are well and alike as one, and those in trouble one by one', () => {
    const hosts = Array.from({ length: 500 }, (_, index) =>
      hostRecap(`web-${index}`, { ok: 3, changed: 2, state: '2 changes made' }),
    );
    hosts[7] = hostRecap('web-7', { status: 'failed', ok: 1, failed: 1, state: 'nothing was changed' });
    hosts[8] = hostRecap('web-8', { ok: 5, state: 'nothing was changed' });
    expect(recap(hosts, 'apply', 61_000)).toBe(`host                  ok  changed  skipped  failed  state
web-0 and 497 more     3        2        0       0  2 changes made
web-8                  5        0        0       0  nothing was changed
web-7                  1        0        0       1  failed, nothing was changed

500 hosts: 499 ok, 1 failed, 996 changed, 1 min 1 s`);
  });

  test('of nobody', () => {
    expect(recap([]).split('\n').at(-1)).toBe('0 hosts: all ok, 0 changed, 0.0 s');
  });
});

describe('the exit status', () => {
  test.each<[string, Partial<HostRecap>[], 'apply' | 'check', number]>([
    ['all well', [{}, { changed: 2 }], 'apply', 0],
    ['one failed', [{}, { status: 'failed' }], 'apply', 1],
    ['one unreachable', [{ status: 'unreachable' }, {}], 'apply', 1],
    ['one was kept from going on', [{ status: 'stopped' }, {}], 'apply', 1],
    ['one was not begun', [{ status: 'not-started' }], 'apply', 1],
    ['interrupted', [{ status: 'failed' }, { status: 'interrupted' }], 'apply', 130],
    ['check mode without differences', [{}], 'check', 0],
    ['check mode with differences', [{}, { changed: 1 }], 'check', 3],
    ['check mode with differences and a failure', [{ changed: 1 }, { status: 'failed' }], 'check', 1],
    ['nobody', [], 'apply', 0],
  ])('%s', (_, hosts, mode, status) => {
    expect(
      exitCodeOf(
        hosts.map((each, index) => hostRecap(`h${index}`, each)),
        mode,
      ),
    ).toBe(status);
  });
});

// Anything at all may come from a host, and names of hosts from a script that makes an inventory.
const nasty = fc.string({
  unit: fc.constantFrom('a', '\u001b', '[2J', '\r', '\u0007', '\u009b', '\u202e', '\n', '\t', 'é'),
});

test('nothing that a terminal would act on gets through, whatever hosts say and are called', () => {
  fc.assert(
    fc.property(nasty, nasty, nasty, fc.boolean(), (host, text, title, isColoured) => {
      const said = textOf(
        [
          { kind: 'run-started', hosts: [host], mode: 'apply' },
          { kind: 'play-started', play: title, hosts: [host] },
          { kind: 'batch-started', index: 0, count: 2, hosts: [host] },
          taskFinished(
            host,
            {
              status: 'failed',
              message: text,
              hint: text,
              diffs: [{ title, before: text, after: title }],
              item: { label: title, index: 0, count: 1 },
              fields: { stdout: `${text}.`, stderr: title },
            },
            title,
          ),
          { kind: 'host-unreachable', host, reason: 'protocol', message: text, hint: title },
          { kind: 'rollout-stopped', play: title, reason: text },
          { kind: 'run-ended', recap: [hostRecap(host, { status: 'failed', state: text })], elapsedMs: 1 },
        ],
        { isColoured, diff: true },
      );
      const bare = isColoured ? said.replace(/\u001b\[(?:1|2|22|3[1236]|39)m/g, '') : said;
      expect(bare).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    }),
  );
});
