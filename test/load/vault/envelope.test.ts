import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVaulted, labelOf, parseEnvelope, printEnvelope } from '../../../src/load/vault/envelope.ts';
import { SAMPLES, sampleText } from './sample.ts';

const GOOD = sampleText('independent-1.1.txt');
const LINES = GOOD.trimEnd().split('\n');

const bytes = (least: number, most: number) => fc.uint8Array({ minLength: least, maxLength: most });
const envelopes = fc.record({
  label: fc.option(
    fc.stringMatching(/^[a-z][a-z0-9_-]{0,9}$/).filter((label) => label !== 'default'),
    { nil: undefined },
  ),
  salt: bytes(1, 40),
  mac: bytes(32, 32),
  ciphertext: bytes(1, 20).map((block) => new Uint8Array(16 * block.length).fill(block[0] ?? 0)),
});

describe('an envelope', () => {
  it.each(SAMPLES)('of $file is printed as it was read, byte by byte', ({ file, label }) => {
    const envelope = parseEnvelope(sampleText(file));
    if ('damage' in envelope) throw new Error(envelope.damage);
    expect(envelope.label).toBe(label);
    expect(labelOf(sampleText(file))).toBe(label);
    expect(printEnvelope(envelope)).toBe(sampleText(file));
  });

  it('comes back from its text, whatever is in it', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        const text = printEnvelope(envelope);
        expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
        const { label, ...parts } = parseEnvelope(text) as typeof envelope;
        expect(label).toBe(envelope.label);
        for (const [name, part] of Object.entries(parts)) {
          expect(Buffer.from(part)).toEqual(Buffer.from(envelope[name as keyof typeof parts]));
        }
      }),
    );
  });

  it('bears CRLF, blanks around lines, capital hex and no newline at the end', () => {
    const wanted = parseEnvelope(GOOD);
    expect(wanted).not.toHaveProperty('damage');
    const [header = '', ...body] = LINES;
    const upper = [header, ...body.map((line) => line.toUpperCase())].join('\n');
    for (const text of [
      GOOD.replaceAll('\n', '\r\n'),
      `\n${GOOD.replaceAll('\n', '  \n  ')}`,
      upper,
      GOOD.trimEnd(),
    ]) {
      expect(parseEnvelope(text)).toEqual(wanted);
    }
  });
});

/** The body's first characters of hex replaced by those of other text. */
function withInner(change: (inner: string) => string): string {
  const inner = Buffer.from(LINES.slice(1).join(''), 'hex').toString('latin1');
  return `${LINES[0]}\n${Buffer.from(change(inner), 'latin1').toString('hex')}\n`;
}

describe('a damaged envelope says what is wrong', () => {
  it.each([
    ['no header', LINES.slice(1).join('\n'), 'the first line has to start with $ANSIBLE_VAULT;'],
    ['an old format', GOOD.replace('1.1', '1.0'), 'the format 1.0 is none of 1.1 and 1.2'],
    ['a new format', GOOD.replace('1.1', '2.0'), 'the format 2.0 is none of 1.1 and 1.2'],
    ['no format', '$ANSIBLE_VAULT;', 'the format without a number is none of 1.1 and 1.2'],
    ['another cipher', GOOD.replace('AES256', 'AES'), 'the cipher AES is not AES256'],
    ['1.2 without a label', GOOD.replace('1.1', '1.2'), 'the format 1.2 takes one label'],
    ['1.1 with a label', GOOD.replace('AES256', 'AES256;a'), 'the format 1.1 takes no label'],
    ['two labels', GOOD.replace('1.1;AES256', '1.2;AES256;a;b'), 'the format 1.2 takes one label'],
    ['bad hex', GOOD.replace(/\n39/, '\nzz'), 'below the first line there is something that is not hex'],
    ['half a byte', GOOD.replace(/\n3/, '\n'), 'below the first line there is something that is not hex'],
    [
      'bad hex inside',
      withInner((inner) => `z${inner.slice(1)}`),
      'it does not hold salt, HMAC and ciphertext: lines may be missing',
    ],
    [
      'nothing but the header',
      `${LINES[0]}\n`,
      'it does not hold salt, HMAC and ciphertext: lines may be missing',
    ],
    [
      'its first line only',
      LINES.slice(0, 2).join('\n'),
      'it does not hold salt, HMAC and ciphertext: lines may be missing',
    ],
    [
      'its last line missing',
      LINES.slice(0, -1).join('\n'),
      'the ciphertext is not in blocks of 16 bytes: lines may be missing',
    ],
    [
      'no ciphertext',
      withInner((inner) => inner.replace(/[0-9a-f]+$/, '')),
      'salt, HMAC or ciphertext are too short: lines may be missing',
    ],
    [
      'a fourth part',
      withInner((inner) => `${inner}\n00`),
      'it does not hold salt, HMAC and ciphertext: lines may be missing',
    ],
  ])('%s', (_what, text, damage) => {
    expect(parseEnvelope(text)).toEqual({ damage });
  });
});

it('vaulted files are told by how they begin, as text and as bytes', () => {
  for (const [text, expected] of [
    [GOOD, true],
    ['$ANSIBLE_VAULT;', true],
    ['$ANSIBLE_VAULT', false],
    [` ${GOOD}`, false],
    ['', false],
  ] as const) {
    expect(isVaulted(text)).toBe(expected);
    expect(isVaulted(Buffer.from(text))).toBe(expected);
  }
});
