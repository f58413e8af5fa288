// The words of the guard's commands: what is wrong with them is said before anybody is contacted.
import { expect, test } from 'vitest';
import { runInFolder } from '../docs/support/command.ts';

test.each<readonly [string, string, string?]>([
  ['guard extend -i a, all 5x', '"5x" is no time up to 24h', 'write it as 90s, 5m or 1h'],
  ['guard extend -i a, all 25h', '"25h" is no time up to 24h', 'write it as 90s, 5m or 1h'],
  ['rollback -i a, all --to x', '"x" is no generation: a number or now is wanted'],
  ['rollback -i a, all --to now', 'a host is as it is now already', 'give --to the number of a generation'],
  ['rollback -i a, all --guard off', 'a rollback goes with its guard', 'give --guard a longer time'],
  ['rollback -i a, all --guard 1s', '"1s" is no time from 5s to 24h', 'write it as 90s, 5m or 1h'],
  ['diff -i a, all one', '"one" is no generation: a number or now is wanted'],
])('fairlead %s', async (words, detail, hint) => {
  expect(await runInFolder([], `fairlead ${words}`)).toEqual({
    status: 2,
    out: '',
    err: `error[usage]: command line cannot be used\n  ${detail}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`,
  });
});

test.each(['guard', 'guard status', 'history', 'diff', 'rollback'])('fairlead %s --help', async (words) => {
  const { status, out, err } = await runInFolder([], `fairlead ${words} --help`);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(out).toMatch(new RegExp(`^Usage: fairlead ${words.split(' ')[0]}`));
});

test('hosts that cannot be reached are told on stderr; the answer is JSON all the same', async () => {
  const { status, out, err } = await runInFolder([], 'fairlead guard status -i 127.0.0.1:1, all -o json');
  expect({ status, out }).toEqual({ status: 1, out: '{}\n' });
  expect(err).toMatch(/^127\.0\.0\.1 {2,}unreachable /);
});
