// Files from hosts to the controller, through the real stages: this machine's sh, or fakes that lie.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { Host, ProgramOutcome } from '../../src/host/host.ts';
import { type PlaybookOptions, runPlaybook, story, thisMachine } from '../support/playbook-run.ts';
import { programsText, RecordingHost } from '../support/recording-host.ts';

let dir = '';
let got = '';
beforeEach(() => {
  dir = mkdtempSync('/tmp/fetch-');
  got = join(dir, 'got');
});
afterEach(() => rmSync(dir, { recursive: true }));

async function told(tasks: string, options: PlaybookOptions = {}): Promise<readonly string[]> {
  const run = await runPlaybook(`[{hosts: all, tasks: [${tasks}]}]`, options);
  return story(run).map((line) => line.replaceAll(dir, 'DIR'));
}

/** Where the file of the one host `here` belongs. */
const place = (src: string): string => join(got, 'here', src);
const fetching = (src: string, more = ''): string => `{fetch: {src: "${src}", dest: "${got}"${more}}}`;

test('any bytes come as they are, once', async () => {
  const src = join(dir, "it's a file\\\nof two lines");
  const bytes = Buffer.alloc(3_000_000, Buffer.from([0, 255, 13, 10, 64, 7, 27]));
  writeFileSync(src, bytes);
  const quoted = src.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  expect(await told(fetching(quoted))).toHaveLength(1);
  expect(readFileSync(place(src)).equals(bytes)).toBe(true);
  const here = new RecordingHost(thisMachine('here'));
  expect(await told(fetching(quoted), { hostFor: () => here })).toEqual(['here ok fetch']);
  // What is the same already costs no content.
  expect(programsText(here.programs)).toBe('look');
});

test('an empty file is a file', async () => {
  writeFileSync(join(dir, 'empty'), '');
  await told(fetching(`${dir}/empty`));
  expect(readFileSync(place(`${dir}/empty`), 'utf8')).toBe('');
});

test('what it tells, and the mode of the file that was there stays', async () => {
  writeFileSync(join(dir, 'x'), 'new\n');
  mkdirSync(join(got, 'here', dir), { recursive: true });
  writeFileSync(place(`${dir}/x`), 'old\n');
  chmodSync(place(`${dir}/x`), 0o640);
  const task = `{fetch: {src: "${dir}/x", dest: "${got}"}, register: r}`;
  const show = '{debug: {msg: "{{r.dest}} {{r.file}} {{r.checksum}} {{r.remote_checksum}} {{r.changed}}"}}';
  const sum = '7aa7a5359173d05b63cfd682e3c38487f3cb4f7f1d60659fe59fab1505977d4c';
  expect(await told(`${task}, ${show}`)).toEqual([
    `here changed fetch: fetch anew DIR/got/here${dir.replace(dir, 'DIR')}/x`,
    `here ok debug: DIR/got/hereDIR/x DIR/x ${sum} ${sum} true`,
  ]);
  expect(statSync(place(`${dir}/x`)).mode & 0o777).toBe(0o640);
  expect(readdirSync(join(got, 'here', dir))).toEqual(['x']);
});

test('check mode tells what it would bring, with the difference, and writes nothing', async () => {
  writeFileSync(join(dir, 'x'), 'new\n');
  const run = await runPlaybook(`[{hosts: all, tasks: [${fetching(`${dir}/x`)}]}]`, {
    mode: 'check',
    diff: true,
  });
  const [finished] = run.events.filter((event) => event.kind === 'task-finished');
  expect(finished?.outcome).toMatchObject({
    status: 'would-change',
    message: `fetch ${place(`${dir}/x`)}`,
    diffs: [{ title: place(`${dir}/x`), before: '', after: 'new\n' }],
  });
  expect(existsSync(got)).toBe(false);
});

test('a loop of files, each looked for at once, and delegated ones under the own name', async () => {
  for (const name of ['a', 'b']) writeFileSync(join(dir, name), name);
  const here = new RecordingHost(thisMachine('here'));
  const task = `{fetch: {src: "${dir}/{{item}}", dest: "${got}/", flat: true}, loop: [a, b]}`;
  const slow = `{fetch: {src: "${dir}/a", dest: "${got}"}, delegate_to: there}`;
  const hostFor = (name: string): Host => (name === 'here' ? here : thisMachine(name));
  expect(await told(`${task}, ${slow}`, { hostFor })).toEqual([
    'here changed fetch (a): fetch DIR/got/a',
    'here changed fetch (b): fetch DIR/got/b',
    'here changed fetch: fetch DIR/got/hereDIR/a',
  ]);
  expect(programsText(here.programs)).toBe('look, look, look');
});

test('what comes is there for the tasks behind it, and what is before it has been made', async () => {
  writeFileSync(join(dir, 'x'), 'old');
  const before = `{copy: {dest: "${dir}/x", content: "new"}}`;
  const fetched = `{fetch: {src: "${dir}/x", dest: "files/", flat: true}}`;
  const behind = `{copy: {src: x, dest: "${dir}/y"}}`;
  await told([before, fetched, behind].join(', '), { files: { 'files/x': 'stale' } });
  expect(readFileSync(join(dir, 'y'), 'utf8')).toBe('new');
});

test('run_once brings the file of one host', async () => {
  writeFileSync(join(dir, 'x'), 'x');
  const task = `{fetch: {src: "${dir}/x", dest: "${got}"}, run_once: true}`;
  expect(await told(task, { hosts: ['a', 'b'] })).toHaveLength(1);
  expect(readdirSync(got)).toEqual(['a']);
});

test('a link on the controller does not lead out of the folder', async () => {
  writeFileSync(join(dir, 'x'), 'x');
  mkdirSync(join(dir, 'elsewhere'));
  mkdirSync(got);
  symlinkSync(join(dir, 'elsewhere'), join(got, 'here'));
  expect(await told(fetching(`${dir}/x`))).toEqual(['here failed fetch: DIR/got/here leads out of DIR/got']);
  expect(readdirSync(join(dir, 'elsewhere'))).toEqual([]);
});

test('a link in the place of the file is replaced, not followed', async () => {
  writeFileSync(join(dir, 'x'), 'new');
  writeFileSync(join(dir, 'precious'), 'precious');
  mkdirSync(got);
  symlinkSync(join(dir, 'precious'), join(got, 'x'));
  await told(`{fetch: {src: "${dir}/x", dest: "${got}/", flat: true}}`);
  expect(readFileSync(join(dir, 'precious'), 'utf8')).toBe('precious');
  expect(readFileSync(join(got, 'x'), 'utf8')).toBe('new');
  expect(() => readlinkSync(join(got, 'x'))).toThrow();
});

test.each([
  [
    'a folder in the place of the file',
    () => mkdirSync(join(got, 'x'), { recursive: true }),
    'DIR/got/x is no regular file',
  ],
  ['a file in the place of the folder', () => writeFileSync(got, ''), 'DIR/got/x: not a directory'],
])('%s is a failure', async (_, prepare, message) => {
  writeFileSync(join(dir, 'x'), 'x');
  prepare();
  expect(await told(`{fetch: {src: "${dir}/x", dest: "${got}/", flat: true}}`)).toEqual([
    `here failed fetch: ${message}`,
  ]);
});

/** A host that tells a hash of its file, and then what the test makes of the content. */
function lyingHost(bring: (heard: (bytes: Uint8Array) => void) => ProgramOutcome): FakeHost {
  const line = `T:81a4:0:0:4:1700000000:root:root:/x\n${'0'.repeat(64)}  /x\n`;
  return new FakeHost({
    name: 'here',
    programs: [
      () => ({
        kind: 'finished',
        steps: new Map([['files', { kind: 'exited', exitCode: 0, stdout: line, stderr: '' }]]),
      }),
      (_, { listener }) => bring((bytes) => listener?.heard('fetch', 'stdout', bytes)),
    ],
  });
}

const ended = (exitCode: number, stderr = ''): ProgramOutcome => ({
  kind: 'finished',
  steps: new Map([['fetch', { kind: 'exited', exitCode, stdout: '', stderr }]]),
});

test.each<[string, ProgramOutcome, string]>([
  ['other content than announced', ended(0), 'checksum mismatch: /x changed while it was brought'],
  ['a file that is gone', ended(1, 'cat: /x: gone\n'), '/x could not be read: cat: /x: gone'],
  [
    'a connection that is cut',
    { kind: 'lost', reason: 'connection', message: 'gone', during: 'fetch', steps: new Map() },
    'gone, while /x was brought',
  ],
])('%s is a failure, and leaves what was there', async (_, outcome, message) => {
  mkdirSync(got);
  writeFileSync(join(got, 'x'), 'old');
  const here = lyingHost((heard) => {
    heard(Buffer.from('half'));
    return outcome;
  });
  const task = `{fetch: {src: /x, dest: "${got}/", flat: true}}`;
  expect(await told(task, { hostFor: () => here })).toEqual([`here failed fetch: ${message}`]);
  expect(readdirSync(got)).toEqual(['x']);
  expect(readFileSync(join(got, 'x'), 'utf8')).toBe('old');
});

test('validate_checksum: false takes what comes', async () => {
  const here = lyingHost((heard) => {
    heard(Buffer.from('more'));
    return ended(0);
  });
  const task = `{fetch: {src: /x, dest: "${got}/", flat: true, validate_checksum: false}}`;
  expect(await told(task, { hostFor: () => here })).toEqual(['here changed fetch: fetch DIR/got/x']);
  expect(readFileSync(join(got, 'x'), 'utf8')).toBe('more');
});
