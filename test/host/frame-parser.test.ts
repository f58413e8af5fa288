import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Frame, FrameParser } from '../../src/host/session/frame-parser.ts';

const MARKER = '@0123456789abcdef0123456789abcdef';

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
/** Output that is as close to a marker as it can be. */
const nearMarkers = fc
  .array(fc.nat(MARKER.length - 1), { maxLength: 5 })
  .map((lengths) => Buffer.from(lengths.map((length) => MARKER.slice(0, length)).join('')))
  .filter((output) => !output.includes(MARKER));
const frame = fc.record({
  output: fc.oneof(bytes, nearMarkers),
  tag: fc.stringMatching(/^[a-z]( \d{1,3}){0,2}$/),
});

test('any outputs, cut into any chunks, come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      bytes,
      fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
      (frames, tail, sizes) => {
        const whole = Buffer.concat([
          ...frames.flatMap(({ output, tag }) => [output, Buffer.from(`${MARKER} ${tag}\n`)]),
          tail,
        ]);
        const parser = new FrameParser(MARKER);
        const found: Frame[] = [];
        for (let at = 0; at < whole.length; ) {
          const size = sizes.next().value ?? 1;
          found.push(...parser.push(whole.subarray(at, at + size)));
          at += size;
        }
        expect(found.map(({ output, tag }) => ({ output: output.toString('hex'), tag }))).toEqual(
          frames.map(({ output, tag }) => ({ output: output.toString('hex'), tag })),
        );
        expect(tail.subarray(0, parser.rest().length)).toEqual(parser.rest());
      },
    ),
    { numRuns: 500 },
  );
});

test('a beginning of the marker at the end of a chunk is held back, and given out once it turns out to be output', () => {
  const parser = new FrameParser(MARKER);
  parser.push(Buffer.from(`x${MARKER.slice(0, 10)}`));
  expect(parser.rest().toString()).toBe('x');
  parser.push(Buffer.from('y'));
  expect(parser.rest().toString()).toBe(`x${MARKER.slice(0, 10)}y`);
});

test('ten megabytes in small chunks are parsed in linear time', () => {
  const parser = new FrameParser(MARKER);
  const chunk = Buffer.alloc(1000, 'a');
  for (let i = 0; i < 10_000; i++) parser.push(chunk);
  const [only] = parser.push(Buffer.from(`${MARKER} e 0 0\n`));
  expect(only?.output.length).toBe(10_000_000);
});
