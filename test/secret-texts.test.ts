import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretTexts } from '../src/secret-texts.ts';
import { quote } from '../src/shell.ts';

function secrets(...texts: readonly string[]): SecretTexts {
  const all = new SecretTexts();
  for (const text of texts) all.add(text);
  return all;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a secret text', () => {
  const text = `it's "50%" ☃`;

  it.each([
    ['itself', text],
    ['as a shell word', quote(text)],
    ['in JSON', JSON.stringify({ a: text })],
    ['in a URL', encodeURIComponent(text)],
    ['as base64', base64(text)],
    ['as base64 of a line', base64(`${text}\n`)],
  ])('is masked %s', (_form, form) => {
    const masked = secrets(text).mask(`before ${form} after`);
    expect(masked).toMatch(/^before .*\*\*\*.* after$/);
    expect(masked).not.toContain(form);
    expect(masked).not.toContain('50');
  });

  it('is masked in base64 of something longer, wherever it begins', () => {
    const secret = 'a rather long secret';
    for (const user of ['u', 'us', 'use']) {
      const encoded = base64(`${user}:${secret}@host`);
      const left = secrets(secret).mask(encoded).replace('***', '');
      expect(left.length).toBeLessThan(encoded.length - base64(secret).length + 10);
      expect(Buffer.from(left, 'base64').toString()).not.toMatch(/rather|long|secre/);
    }
  });

  it('is masked by its lines where it has several', () => {
    const all = secrets('-----BEGIN KEY-----\n  abcdefgh\n}\nxyz\n');
    expect(all.mask('+  abcdefgh\n+}\n+xyz\n')).toBe('+  ***\n+}\n+xyz\n');
    expect(secrets('secret\n').mask('the secret is out')).toBe('the *** is out');
  });

  it('is too short with three characters, and harmless as a boolean', () => {
    const all = secrets('abc', 'true', 'False', 'null');
    expect(all.isEmpty).toBe(true);
    expect(all.mask('abc true')).toBe('abc true');
  });

  it('is masked whole where it begins like a shorter one', () => {
    expect(secrets('pass', 'password').mask('password pass')).toBe('*** ***');
  });

  it('may be added after others were masked', () => {
    const all = secrets('first');
    expect(all.mask('first second')).toBe('*** second');
    all.add('second');
    expect(all.mask('first second')).toBe('*** ***');
  });

  it('never comes through, whatever it is and whatever stands around it', () => {
    const texts = fc.string({ minLength: 4, maxLength: 20, unit: 'grapheme' });
    fc.assert(
      fc.property(texts, fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!/^(true|false|null|none)$/i.test(secret) && !'***'.includes(secret.trim()));
        fc.pre(!`${before}***${after}`.includes(secret));
        expect(secrets(secret).mask(before + secret + after)).not.toContain(secret);
      }),
    );
  });
});

describe('a value', () => {
  const all = secrets('hunter2', '123456');

  it('is masked in its texts, keys and numbers, however deep', () => {
    const value = { list: ['x hunter2', 123456, 1234567, true, null], hunter2: { deep: 'hunter2' } };
    expect(all.maskValue(value)).toEqual({
      list: ['x ***', '***', 1234567, true, null],
      '***': { deep: '***' },
    });
  });

  it('stays the very same where nothing is secret', () => {
    const value = { a: ['b'] };
    expect(new SecretTexts().maskValue(value)).toBe(value);
  });

  it('cannot reach the prototype', () => {
    const masked = all.maskValue(JSON.parse('{"__proto__": {"polluted": "hunter2"}}')) as object;
    expect(Object.keys(masked)).toEqual(['__proto__']);
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  it('gives its texts and numbers as secrets, and no keys', () => {
    const found = new SecretTexts();
    found.addValue({ name_of_it: ['alpha', { n: 5432, yes: true }], none: null });
    expect(found.mask('name_of_it alpha 5432 true')).toBe('name_of_it *** *** true');
  });
});

it('a file gives its lines, and what stands around templates in them', () => {
  const all = new SecretTexts();
  all.addFile('user = admin\npassword = {{user}}-suffix\n{\n');
  expect(all.mask('- user = admin\n+ password = root-suffix\n {')).toBe('- ***\n+ *** root***\n {');
});
