// Where vaulted files and values may stand, and what becomes of them.
import { Buffer } from 'node:buffer';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Diagnostic, Problems } from '../../../src/diagnostic.ts';
import { parseExtraVars } from '../../../src/load/extra-vars.ts';
import { hostVariables } from '../../../src/load/inventory/host-variables.ts';
import { loadInventory } from '../../../src/load/inventory/load-inventory.ts';
import { loadVariablesFile } from '../../../src/load/role.ts';
import { readSource, SourceFile } from '../../../src/load/source.ts';
import { VaultedText } from '../../../src/load/tagged-text.ts';
import { sealText, Vault } from '../../../src/load/vault/vault.ts';
import { parseYaml } from '../../../src/load/yaml-document.ts';
import { ValueTemplate } from '../../../src/render/value-template.ts';
import { key } from './sample.ts';

const DEV = key('default', 'd');

const seal = (text: string): string => sealText(Buffer.from(text), DEV);
const inline = (text: string, indent: string): string =>
  `!vault |\n${seal(text).trimEnd().replace(/^/gm, indent)}\n`;

function folder(files: Readonly<Record<string, string>>): (name: string) => string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-vaulted-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text, { mode: text.startsWith('#!') ? 0o700 : 0o600 });
  }
  return (name) => join(path, name);
}

/** Values as a task would see them. */
function values(
  variables: ReadonlyMap<string, { readonly value: unknown; readonly origin: SourceFileOrigin }>,
) {
  return Object.fromEntries(
    [...variables].map(([name, { value, origin }]) => {
      const template = ValueTemplate.compile(value, origin, new Problems());
      return [name, template.evaluate({ has: () => false, get: () => undefined })];
    }),
  );
}
type SourceFileOrigin = Parameters<typeof ValueTemplate.compile>[1];

const place = ({ code, at }: Diagnostic): string =>
  `${code} ${at?.line}:${at?.column} ${at?.lineText.slice(at.column - 1, at.column - 1 + at.length)}`;

describe('an inventory', () => {
  const variablesOf = (sources: readonly string[], vault: Vault, host = 'web-1') => {
    const problems = new Problems();
    const inventory = loadInventory(sources, { vault }, problems);
    expect(problems.list).toEqual([]);
    return values(hostVariables(inventory, host) as never);
  };

  it.each([
    ['YAML', 'hosts.yml', seal('all: {hosts: {web-1: {a: "s3cret", n: 12345}}}\n')],
    ['INI', 'hosts', seal('web-1 a=s3cret n=12345\n')],
    ['INI without an ending, like YAML', 'inventory', seal('[web]\nweb-1\n[web:vars]\na=s3cret\nn=12345\n')],
    [
      'JSON',
      'hosts.json',
      seal('{"_meta": {"hostvars": {"web-1": {"a": "s3cret", "n": 12345}}}, "all": {"hosts": ["web-1"]}}'),
    ],
  ])('may be vaulted whole: %s', (_form, name, text) => {
    const vault = new Vault([DEV]);
    const found = variablesOf([folder({ [name]: text })(name)], vault);
    expect(found.a).toBe('s3cret');
    expect(String(found.n)).toBe('12345');
    expect(vault.secrets.mask('it has s3cret and 12345')).toBe('it has *** and ***');
  });

  it.each([
    ['YAML', 'hosts.yml', `all:\n  hosts:\n    web-1:\n      a: ${inline('s3cret', '        ')}`],
    [
      'the answer of a program',
      'program',
      `#!/bin/sh\ncat <<'E'\n${JSON.stringify({ all: { hosts: ['web-1'] }, _meta: { hostvars: { 'web-1': { a: { __ansible_vault: seal('s3cret') }, b: { __ansible_unsafe: '{{x}}' } } } } })}\nE\n`,
    ],
    [
      'JSON',
      'hosts.json',
      JSON.stringify({ all: { hosts: { 'web-1': { a: { __ansible_vault: seal('s3cret') } } } } }),
    ],
  ])('may hold vaulted values: %s', (_form, name, text) => {
    const vault = new Vault([DEV]);
    expect(vault.secrets.isEmpty).toBe(true);
    expect(variablesOf([folder({ [name]: text })(name)], vault).a).toBe('s3cret');
    expect(vault.secrets.mask('a s3cret')).toBe('a ***');
  });

  it('has vaulted files of variables, in folders too', () => {
    const path = folder({
      hosts: 'web-1\n',
      'group_vars/all/vault': seal('a: 1\n'),
      'host_vars/web-1.yml': seal('b: 2\n'),
    });
    expect(variablesOf([path('hosts')], new Vault([DEV]))).toEqual({ a: 1, b: 2 });
  });

  it('opens nothing that nobody asks for', () => {
    const vault = new Vault([]);
    const path = folder({
      'hosts.yml': `all:\n  hosts:\n    web-1:\n      a: ${inline('s3cret', '        ')}      b: 1\n`,
    });
    const problems = new Problems();
    const inventory = loadInventory([path('hosts.yml')], { vault }, problems);
    expect(problems.list).toEqual([]);
    expect(hostVariables(inventory, 'web-1').get('b')?.value).toBe(1);
  });

  it('that stays closed is told once, with its first line', () => {
    const path = folder({ 'hosts.yml': seal('all: {}'), 'group_vars/all.yml': seal('a: 1') });
    const problems = new Problems();
    loadInventory([path('hosts.yml')], {}, problems);
    expect(problems.list.map(place)).toEqual([
      'vault-key 1:1 $ANSIBLE_VAULT;1.1;AES256',
      'vault-key 1:1 $ANSIBLE_VAULT;1.1;AES256',
    ]);
  });
});

describe('extra variables', () => {
  it('come from vaulted files, and hold vaulted values', () => {
    const vault = new Vault([DEV]);
    const path = folder({
      'vault.yml': seal('a: s3cret\n'),
      'plain.yml': `b: ${inline('other s3cret', '  ')}`,
    });
    const problems = new Problems();
    const variables = parseExtraVars([`@${path('vault.yml')}`, `@${path('plain.yml')}`], problems, vault);
    expect(problems.list).toEqual([]);
    expect(values(variables as never)).toEqual({ a: 's3cret', b: 'other s3cret' });
  });
});

describe('a vaulted value', () => {
  it('is no template, whatever braces are in it', () => {
    const vault = new Vault([DEV]);
    const path = folder({ 'vars.yml': `a: ${inline('{{ x }} {% y %}', '  ')}` });
    const problems = new Problems();
    const variables = loadVariablesFile(path('vars.yml'), problems, undefined, vault);
    expect(values(variables as never)).toEqual({ a: '{{ x }} {% y %}' });
    expect(problems.list).toEqual([]);
  });

  it('that stays closed is a problem where it stands, and never becomes a value', () => {
    const source = new SourceFile(
      'vars.yml',
      `deep:\n  - b: ${inline('x', '      ')}`,
      new Vault([key('x', 'wrong')]),
    );
    const document = parseYaml(source, new Problems());
    const problems = new Problems();
    const template = ValueTemplate.compile(document?.data, document?.origin as never, problems);
    expect(problems.list.map(place)).toEqual(['vault-key 2:15 |']);
    expect(() => template.evaluate({ has: () => false, get: () => undefined })).toThrow(
      'the key "x" does not fit',
    );
    expect(template.shape({ shape: () => undefined, names: () => [] }).kind).not.toBe('known');
  });

  it('prints as Ansible prints it, opened or not', () => {
    const text = new VaultedText(seal('s3cret'), new Vault([DEV]));
    const before = JSON.stringify(text);
    expect(text.open()).toEqual({ kind: 'open', text: 's3cret' });
    expect(JSON.stringify(text)).toBe(before);
    expect(before).not.toContain('s3cret');
    expect(String(text)).not.toContain('s3cret');
  });
});

describe('a problem in a vaulted file', () => {
  it.each([
    ['YAML', 'password: "s3cret: x"\n  worse: s3cret\n', 'password: ***'],
    ['a list of secrets', '- s3cret\nx: : s3cret\n', '***'],
  ])('shows its place, and of the line no more than a name: %s', (_what, text, shown) => {
    const path = folder({ 'vars.yml': seal(text) });
    const problems = new Problems();
    expect(loadVariablesFile(path('vars.yml'), problems, undefined, new Vault([DEV])).size).toBe(0);
    expect(problems.count).toBeGreaterThan(0);
    expect(JSON.stringify(problems.list)).not.toContain('s3cret');
    expect(problems.list[0]?.at?.lineText.trimStart()).toMatch(
      new RegExp(`^(${shown.replaceAll('*', '\\*')}|worse: \\*\\*\\*|x: \\*\\*\\*)$`),
    );
  });

  it('has the line and column that the plain text has', () => {
    const path = folder({ 'vars.yml': seal('a: 1\nsecret_name: [s3cret, ]]\n') });
    const problems = new Problems();
    loadVariablesFile(path('vars.yml'), problems, undefined, new Vault([DEV]));
    expect(problems.list[0]?.at).toMatchObject({ line: 2, lineText: 'secret_name: ***' });
  });
});

it('a file with Windows line ends is opened', () => {
  const path = folder({ 'vars.yml': seal('a: 1\n').replaceAll('\n', '\r\n') });
  expect(
    values(loadVariablesFile(path('vars.yml'), new Problems(), undefined, new Vault([DEV])) as never),
  ).toEqual({ a: 1 });
});

it('a file that is not vaulted costs no key', () => {
  const vault = new Vault([DEV]);
  const path = folder({ 'vars.yml': 'a: plain text\n' });
  expect(readSource(path('vars.yml'), new Problems(), undefined, vault)?.kind).toBe('plain');
  loadVariablesFile(path('vars.yml'), new Problems(), undefined, vault);
  expect(vault.secrets.isEmpty).toBe(true);
});
