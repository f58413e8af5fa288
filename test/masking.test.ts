import { describe, expect, it } from 'vitest';
import { DiagnosticError } from '../src/diagnostic.ts';
import type { RunEvent } from '../src/event.ts';
import { maskedEmit, withMaskedDiagnostics } from '../src/masking.ts';
import { SecretTexts } from '../src/secret-texts.ts';

const SECRET = 'hunter2';
const secrets = new SecretTexts();
secrets.add(SECRET);
secrets.add('web-1'); // also the name of a host
secrets.add('1000'); // also a number of no meaning

function masked(event: RunEvent): RunEvent {
  const seen: RunEvent[] = [];
  maskedEmit((each) => seen.push(each), secrets)(event);
  return seen[0] as RunEvent;
}

const task = { id: 1000, title: `say ${SECRET}`, module: 'command', place: 'site.yml:1:1' };

describe('an event', () => {
  it('loses secrets in everything that is for people, and keeps names and counts', () => {
    const event: RunEvent = {
      kind: 'task-finished',
      host: 'web-1',
      task,
      progress: { done: 1000, of: 1000 },
      outcome: {
        status: 'changed',
        message: `said ${SECRET}`,
        hint: `try ${SECRET}`,
        diffs: [{ title: `/etc/${SECRET}`, before: 'a\n', after: `b ${SECRET}\n` }],
        item: { label: SECRET, index: 1000, count: 1000 },
        fields: { stdout: SECRET, rc: 0, pin: 1000, host: 'web-1', nested: [{ kind: SECRET }] },
      },
    };
    expect(masked(event)).toEqual({
      kind: 'task-finished',
      host: 'web-1',
      task: { ...task, title: 'say ***' },
      progress: { done: 1000, of: 1000 },
      outcome: {
        status: 'changed',
        message: 'said ***',
        hint: 'try ***',
        diffs: [{ title: '/etc/***', before: 'a\n', after: 'b ***\n' }],
        item: { label: '***', index: 1000, count: 1000 },
        fields: { stdout: '***', rc: 0, pin: '***', host: '***', nested: [{ kind: '***' }] },
      },
    });
  });

  it('keeps hosts apart, and loses secrets in facts and in the names of plays', () => {
    expect(masked({ kind: 'play-started', play: SECRET, hosts: ['web-1', 'web-2'] })).toEqual({
      kind: 'play-started',
      play: '***',
      hosts: ['web-1', 'web-2'],
    });
    const facts = { hostname: 'web-1', env: { [SECRET]: SECRET } } as never;
    expect(masked({ kind: 'facts-gathered', host: 'web-1', facts })).toEqual({
      kind: 'facts-gathered',
      host: 'web-1',
      facts: { hostname: '***', env: { '***': '***' } },
    });
    const working = { kind: 'host-working', host: 'web-1', doing: 'changing', tasks: [task] } as const;
    expect(masked(working)).toEqual({ ...working, tasks: [{ ...task, title: 'say ***' }] });
  });

  it('is passed on as it is where nothing is secret', () => {
    const seen: RunEvent[] = [];
    const event: RunEvent = { kind: 'host-connecting', host: 'web-1' };
    maskedEmit((each) => seen.push(each), new SecretTexts())(event);
    expect(seen[0]).toBe(event);
  });
});

describe('diagnostics', () => {
  const at = { file: 'a.yml', line: 1, column: 1, length: 1, lineText: `x: ${SECRET}` };
  const error = new DiagnosticError([
    { code: 'key-type', summary: 's', at, details: [`it is ${SECRET}`], hint: `not ${SECRET}` },
  ]);
  const work = () => {
    throw error;
  };

  it('lose secrets in line, details and hint', () => {
    let caught: unknown;
    try {
      withMaskedDiagnostics(secrets, work);
    } catch (thrown) {
      caught = thrown;
    }
    expect((caught as DiagnosticError).diagnostics).toEqual([
      {
        code: 'key-type',
        summary: 's',
        at: { ...at, lineText: 'x: ***' },
        details: ['it is ***'],
        hint: 'not ***',
      },
    ]);
  });

  it('are thrown as they are where nothing is secret, and so are bugs', () => {
    expect(() => withMaskedDiagnostics(new SecretTexts(), work)).toThrow(error);
    const bug = new Error('bug');
    expect(() =>
      withMaskedDiagnostics(secrets, () => {
        throw bug;
      }),
    ).toThrow(bug);
    expect(withMaskedDiagnostics(secrets, () => 1)).toBe(1);
  });
});
