// What modules want, written down and read again: the same, for every module and for whatever may be in it.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { moduleExamples } from '../../src/modules/examples.ts';
import { planAction } from '../../src/plan/plan-action.ts';
import { hasSecret, type Json, read, UnwritableError, written } from '../../src/plan/plan-value.ts';
import { tasksOf } from '../../src/resolve/play-tasks.ts';
import { preparePlaybook } from '../../src/run/run.ts';
import { Secret } from '../../src/secret.ts';
import { writeProject } from '../resolve/support/project.ts';

const again = (value: unknown): unknown => read(JSON.parse(JSON.stringify(written(value))) as Json);

describe('a value', () => {
  it('comes back as it was, whatever is in it', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.string().map((text) => Buffer.from(text)),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$text', '$map', '$mapping')), tie('tree')),
        fc.array(fc.tuple(fc.string(), tie('tree'))).map((pairs) => new Map(pairs)),
        fc.array(fc.string()).map((items) => new Set(items)),
      ),
    }));
    const same = fc.property(tree, (value) => {
      expect(again(value)).toEqual(plain(value));
    });
    fc.assert(same);
  });

  it('has patterns, infinity and what is undefined in lists', () => {
    const value = [/a"b\n/gi, Number.POSITIVE_INFINITY, undefined, { a: undefined }];
    expect(again(value)).toEqual([/a"b\n/gi, Number.POSITIVE_INFINITY, undefined, {}]);
  });

  it('knows of its secrets, however deep', () => {
    const json = written({ a: [new Map([['x', new Secret('hunter2')]])] });
    expect(hasSecret(json)).toBe(true);
    expect(hasSecret(written({ a: [new Map([['x', 'hunter2']])] }))).toBe(false);
    expect((again({ a: new Secret('hunter2') }) as { a: Secret }).a.reveal()).toBe('hunter2');
  });

  it.each([() => 1, new Date(), Symbol('x')])('is refused where nobody could read it again', (value) => {
    expect(() => written({ value })).toThrow(UnwritableError);
  });
});

/** -0 is 0 in JSON, and so it may be. */
function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, plain(each)]));
  if (
    value !== null &&
    typeof value === 'object' &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Set)
  ) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  }
  return value;
}

const FILES = {
  'files/sshd_banner': 'hello\n',
  'prepare.sh': '#!/bin/sh\n',
  'files/prepare.sh': '#!/bin/sh\n',
  'templates/resolv.conf.hbs': 'nameserver 192.0.2.53\n',
  'vars/sites/ghent.yml': 'ghent: { port: 80 }\n',
  'prepare.yml': '- command: uptime\n',
  'link.yml': '- debug: { var: link }\n',
  'roles/edge/tasks/main.yml': '- command: uptime\n',
  'roles/edge/tasks/prepare.yml': '- command: uptime\n',
};
const MODULES = readdirSync(new URL('../../docs/examples', import.meta.url)).map((file) => file.slice(0, -4));

test.each(MODULES)('what %s wants can be written down, and means the same again', (name) => {
  const inPlay = (moduleExamples(name) ?? '').replace(/^(?=.)/gm, '    ');
  const folder = writeProject({ ...FILES, 'site.yml': `- hosts: all\n  tasks:\n${inPlay}` });
  writeFileSync(join(folder, 'files/tool.tar.gz'), gzipSync(new Uint8Array(1024)));
  const { plays } = preparePlaybook(join(folder, 'site.yml'), { inventories: ['web-1,'] });
  for (const { play, scopes, files } of plays) {
    for (const task of tasksOf(play)) {
      const state = { facts: undefined, results: new Map(), pending: new Set<string>() };
      const scope = scopes.scope('web-1', task, state);
      const context = { files, mode: 'apply', diff: true } as const;
      const action = planAction({ ...task, when: [] }, scope, undefined, context);
      if (action.kind !== 'host') continue;
      const { module, wanted } = action;
      const other = again(wanted);
      expect(written(other)).toEqual(written(wanted));
      expect(module.inspect(other)).toEqual(module.inspect(wanted));
      expect([module.reads(other), module.writes(other)]).toEqual([
        module.reads(wanted),
        module.writes(wanted),
      ]);
    }
  }
});
