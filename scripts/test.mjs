// npm test: every level in turn, its counts, and the sum as the last line. With names (npm test -- lab vm): these levels only.
// A level that cannot run, runs nothing or skips something has failed.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';

const LEVELS = ['unit', 'roles', 'scenarios', 'lab', 'vm'];
const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
const inMemory = wordsInMemory();
const sum = { passed: 0, failed: 0 };
const lines = [];
const failures = [];

function record(level, passed, failed, note = '') {
  sum.passed += passed;
  sum.failed += failed;
  lines.push(
    `${level.padEnd(10)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed${note}`,
  );
}

if (wanted.length === 0) {
  const started = performance.now();
  const { status } = spawnSync('npm', ['run', '--silent', 'check'], { stdio: 'inherit' });
  record('check', status === 0 ? 1 : 0, status === 0 ? 0 : 1, seconds(started));
}
for (const level of wanted.length > 0 ? wanted : LEVELS) {
  if (level === 'vm') prepareImages();
  const started = performance.now();
  const report = join(folder, `${level}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile=${report}`];
  const [program, ...words] = [...inMemory, 'npx', '--no-install', 'vitest', 'run', '--project', level];
  const { status } = spawnSync(program, [...words, ...reporters], { stdio: 'inherit' });
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    record(level, 0, 1, ': it did not run');
    continue;
  }
  const skipped = result.numPendingTests + result.numTodoTests;
  // A file that cannot be loaded has no tests that could fail.
  const broken = result.testResults.filter(
    (each) => each.status === 'failed' && each.assertionResults.length === 0,
  ).length;
  const other = status !== 0 && result.numFailedTests + broken === 0 ? 1 : 0;
  const empty = result.numTotalTests === 0 ? 1 : 0;
  failures.push(...result.testResults.flatMap((file) => failuresOf(level, file)));
  const notes = [
    ...(skipped > 0 ? [`${skipped} skipped, which counts as failed`] : []),
    ...(broken > 0 ? [`${broken} files could not be loaded`] : []),
    ...(other > 0 ? ['an error outside of the tests'] : []),
    ...(empty > 0 ? ['no tests'] : []),
  ];
  record(
    level,
    result.numPassedTests,
    result.numFailedTests + skipped + broken + other + empty,
    `${seconds(started)}${notes.length > 0 ? `: ${notes.join(', ')}` : ''}`,
  );
}
rmSync(folder, { recursive: true, force: true });
if (failures.length > 0) console.log(`\nfailed:\n${failures.join('\n')}`);
console.log(`\n${lines.join('\n')}\n\n${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 ? 0 : 1;

/**
 * The words before a command whose temporary files are to lie in memory, in a mount that nobody else sees and that ends
 * with it: tests make and remove folders by the thousand, and a disk takes a tenth of their time for it. None for whoever
 * may not mount.
 */
function wordsInMemory() {
  // Some tests are about users who are not root: they get there, too.
  chmodSync(folder, 0o755);
  const memory = join(folder, 'memory');
  mkdirSync(memory);
  const program = 'mount -t tmpfs -o mode=1777 tmpfs "$0" && export TMPDIR="$0" && exec "$@"';
  const words = ['unshare', '--mount', 'sh', '-c', program, memory];
  return spawnSync(words[0], [...words.slice(1), 'true']).status === 0 ? words : [];
}

/** What the long output above says of them in full: here again, so that its last page names them. */
function failuresOf(level, file) {
  const place = `${level}  ${relative(process.cwd(), file.name)}`;
  const tests = file.assertionResults.filter((each) => each.status === 'failed');
  if (file.status === 'failed' && tests.length === 0) return [`${place}\n    ${firstLines(file.message)}`];
  return tests.map(
    (each) => `${place}  ${each.fullName}\n    ${each.failureMessages.map(firstLines).join('\n    ')}`,
  );
}

/** Of a failure: what it is, and where in the tests. */
function firstLines(message) {
  const lines = message.split('\n').filter((line) => !/node_modules|node:internal|at new Promise/.test(line));
  return lines.slice(0, 6).join('\n    ').slice(0, 800);
}

/** Once per machine; tests would build them too, but on their own time. */
function prepareImages() {
  const started = performance.now();
  const build = () => spawnSync('node', ['dist/main.js', 'lab', 'images'], { stdio: 'inherit' }).status;
  let status = build();
  if (status !== 0) {
    // apt may know packages that its archives have replaced meanwhile.
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
    status = build();
  }
  if (status === 0) console.log(`images for machines are there after${seconds(started)}`);
  else record('images', 0, 1, seconds(started));
}

function seconds(started) {
  return `  ${((performance.now() - started) / 1000).toFixed(0)} s`;
}
