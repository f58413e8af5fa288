import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunEvent, TaskStatus } from '../../src/event.ts';
import { LiveView } from '../../src/report/live-view.ts';
import { NO_COLOURS } from '../../src/report/paint.ts';
import { taskFinished } from './support/events.ts';

function viewOf(events: readonly (readonly [atMs: number, event: RunEvent])[]): LiveView {
  const view = new LiveView(NO_COLOURS);
  for (const [atMs, event] of events) view.tell(event, atMs);
  return view;
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `web-${index}`);
const working = (host: string, ...titles: string[]): RunEvent => ({
  kind: 'host-working',
  host,
  doing: 'changing',
  tasks: titles.map((title, id) => ({ id, title, module: 'command', place: '' })),
});

describe('the live view', () => {
  test('shows how far the play is, who has been at work longest, and what went wrong', () => {
    const view = viewOf([
      [0, { kind: 'run-started', hosts: names(4), mode: 'apply' }],
      [0, { kind: 'play-started', play: 'edge', hosts: names(4) }],
      [0, { kind: 'batch-started', index: 1, count: 2, hosts: names(4) }],
      [100, { kind: 'host-connecting', host: 'web-1' }],
      [200, { kind: 'host-connecting', host: 'web-0' }],
      [300, working('web-0', 'rules', 'routes')],
      [300, taskFinished('web-2', { status: 'changed' })],
      [400, { kind: 'host-finished', host: 'web-2', status: 'ok' }],
      [400, taskFinished('web-3', { status: 'failed', message: 'exited 2' })],
      [400, { kind: 'host-finished', host: 'web-3', status: 'failed' }],
    ]);
    expect(view.lines(1300)).toEqual([
      'edge  ━━━━━━━━━━━━────────────  2/4 hosts, 1 changed, 1 failed, batch 2 of 2, 1.3 s',
      'web-1    1.2 s  connecting',
      'web-0    1.1 s  changing    rules and 1 more',
      'web-3: failed at routes: exited 2',
    ]);
  });

  test('of 500 hosts at work and 40 failures has twelve rows', () => {
    const view = viewOf([
      [0, { kind: 'play-started', play: 'edge', hosts: names(500) }],
      ...names(500).map((host, index) => [index, working(host, 'rules')] as const),
      ...names(40).map((host) => [600, taskFinished(host, { status: 'failed', message: 'no' })] as const),
    ]);
    const lines = view.lines(1000);
    expect(lines).toHaveLength(12);
    expect(lines[1]).toMatch(/^web-0 /);
    expect(lines[7]).toBe('and 494 more at work');
    expect(lines[8]).toBe('37 failures before');
    expect(lines[11]).toBe('web-39: failed at routes: no');
  });

  test('starts anew with the next play, and keeps what went wrong', () => {
    const view = viewOf([
      [0, { kind: 'play-started', play: 'one', hosts: names(1) }],
      [0, working('web-0', 'rules')],
      [0, { kind: 'host-unreachable', host: 'web-0', reason: 'refused', message: 'nobody listens' }],
      [9, { kind: 'play-started', play: 'two', hosts: names(2) }],
    ]);
    expect(view.lines(9)).toEqual([
      `two  ${'─'.repeat(24)}  0/2 hosts, 0.0 s`,
      'web-0: unreachable: nobody listens',
    ]);
  });

  test('a play without hosts has a bar, too', () => {
    expect(viewOf([[0, { kind: 'play-started', play: 'none', hosts: [] }]]).lines(0)[0]).toContain(
      '0/0 hosts',
    );
  });

  test('never has more than twelve rows, and never a control character', () => {
    const host = fc.constantFrom('a', 'b\u001b[2J', 'c\n', 'd\r', 'e', 'f', 'g', 'h', 'i', 'j');
    const text = fc.constantFrom('x', '\u001b[2J', 'a\nb', 'a\rb', '');
    const status = fc.constantFrom<TaskStatus>('ok', 'failed', 'unknown', 'changed');
    const event: fc.Arbitrary<RunEvent> = fc.oneof(
      fc
        .record({ host, text, status })
        .map((each) => taskFinished(each.host, { status: each.status, message: each.text }, each.text)),
      fc.tuple(host, text).map(([name, title]) => working(name, title, title)),
      host.map((name): RunEvent => ({ kind: 'host-finished', host: name, status: 'ok' })),
      fc
        .tuple(host, text)
        .map(
          ([name, message]): RunEvent => ({ kind: 'host-unreachable', host: name, reason: 'jump', message }),
        ),
      text.map((play): RunEvent => ({ kind: 'play-started', play, hosts: ['a'] })),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const lines = viewOf(events.map((each) => [0, each] as const)).lines(5);
        expect(lines.length).toBeLessThanOrEqual(12);
        expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });

  test('costs little: 500 hosts with 20 tasks each, drawn 100 times', () => {
    const view = viewOf([[0, { kind: 'play-started', play: 'edge', hosts: names(500) }]]);
    const before = process.cpuUsage();
    names(500).forEach((host, index) => {
      for (let task = 0; task < 20; task++) {
        view.tell(working(host, `task ${task}`), index);
        view.tell(taskFinished(host, { status: 'changed' }), index);
      }
      if (index % 5 === 0) view.lines(index);
    });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(1000); // ms; it takes about 60
  });
});
