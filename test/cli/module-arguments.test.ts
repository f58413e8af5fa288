import { expect, test } from 'vitest';
import { moduleArguments } from '../../src/cli/module-arguments.ts';
import { DiagnosticError } from '../../src/diagnostic.ts';

test.each<[string | undefined, unknown]>([
  [undefined, null],
  ['path=/etc/x', { path: '/etc/x' }],
  ['path=/etc/x state=directory', { path: '/etc/x', state: 'directory' }],
  ['  a=1   b=2  ', { a: '1', b: '2' }],
  [`content="two words" mode='0 6'`, { content: 'two words', mode: '0 6' }],
  ['content=', { content: '' }],
  ['url=http://x/?a=b', { url: 'http://x/?a=b' }],
  ['force=yes backup=No', { force: true, backup: false }],
  ['force="yes"', { force: 'yes' }],
  ['{"a": [1, {"b": null}]}', { a: [1, { b: null }] }],
  [' {"a": true}', { a: true }],
  ['uptime -p', 'uptime -p'],
  ['test a = b', 'test a = b'],
  ['FOO=bar env', 'FOO=bar env'],
  ['', ''],
])('%j', (text, args) => {
  expect(moduleArguments(text)).toEqual(args);
});

test('JSON that is none is told, and is no bug', () => {
  expect(() => moduleArguments('{"a": }')).toThrow(DiagnosticError);
});
