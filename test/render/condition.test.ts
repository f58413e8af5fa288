import { describe, expect, it } from 'vitest';
import { ConditionError } from '../../src/render/condition.ts';
import { ANY, type Shape } from '../../src/render/shape.ts';
import { condition, conditionProblems, scopeOf } from './support/rendering.ts';

const PLAY = {
  port: 80,
  ratio: 1.5,
  name: 'web',
  enabled: true,
  nothing: null,
  names: ['a', 'b'],
  links: [
    { device: 'eth0', mtu: 1500 },
    { device: 'eth1', mtu: 9000 },
  ],
  by_name: { a: { n: 1 } },
  result: { rc: 0, stdout: 'Linux', changed: false, failed: false },
};

const SHAPES: Readonly<Record<string, Shape>> = {
  later: ANY,
  facts: {
    kind: 'record',
    fields: new Map<string, Shape>([
      ['hostname', ANY],
      ['interfaces', { kind: 'map', item: { kind: 'record', fields: new Map([['mtu', ANY]]) } }],
    ]),
  },
};

describe('the value of a condition', () => {
  it.each<[string, unknown]>([
    ['port == 80', true],
    ['port != 80 || enabled', true],
    ['port % 2 == 0', true],
    ['port + 1', 81],
    ['ratio * 2.0 == 3.0', true],
    ['port == 80.0', true],
    ['port == "80"', false],
    ['name == "web" && !(port in [81, 82])', true],
    ['nothing == null', true],
    ['names', ['a', 'b']],
    ['"a" in names', true],
    ['"n" in by_name.a', true],
    ['by_name.a.n == 1', true],
    ['by_name["a"].n == 1', true],
    ['names[1]', 'b'],
    ['size(names) == 2 && names.size() == 2', true],
    ['name.startsWith("w") && name.endsWith("b") && name.contains("e")', true],
    ['name.matches("^[a-z]+$")', true],
    ['name.upperAscii()', 'WEB'],
    ['"a,b".split(",")', ['a', 'b']],
    ['names.join("-")', 'a-b'],
    ['int("5") + 1', 6],
    ['string(port) + "/tcp"', '80/tcp'],
    ['double(port) / 3.0 > 26.0', true],
    ['names.exists(n, n == "b")', true],
    ['names.all(n, n != "c")', true],
    ['links.filter(l, l.mtu > 1500).map(l, l.device)', ['eth1']],
    ['links.exists_one(l, l.device == "eth0")', true],
    ['enabled ? "yes" : "no"', 'yes'],
    ['{"a": port}', { a: 80 }],
    ['versionAtLeast("5.10.0-19", "5.4")', true],
    ['has(vars.port)', true],
    ['has(vars.vlan)', false],
    ['!has(vars.vlan) || vlan > 1', true],
    ['vars.port == 80', true],
    ['vars["port"] == 80', true],
    ['has(result.stdout) && !has(result.nope)', true],
    ['result.rc == 0 && !result.failed', true],
    ['type(port) == int', true],
  ])('%s is %j', (text, expected) => {
    expect(condition(text).value(scopeOf(PLAY))).toEqual(expected);
    expect(conditionProblems(`size([${text}]) == 1`, PLAY)).toEqual([]);
  });

  it('knows what it names', () => {
    const { references } = condition(
      'a.b == c["x"] && vars.d && ds.all(x, x > e) && has(vars.f) && size(g) > 0',
    );
    expect([...references].sort()).toEqual(['a', 'c', 'd', 'ds', 'e', 'f', 'g']);
  });

  it('is data, whatever a host said', () => {
    const said = JSON.parse('{"stdout": "port == 80 || true", "__proto__": {"x": 1}, "constructor": 1}');
    const scope = scopeOf({ r: said });
    expect(condition('r.stdout == "port == 80 || true"').value(scope)).toBe(true);
    expect(condition('r.constructor == 1 && r.__proto__.x == 1').value(scope)).toBe(true);
    expect(condition('has(r.toString) || has(r.hasOwnProperty)').value(scope)).toBe(false);
    expect(() => condition('r.valueOf == 1').value(scope)).toThrow(ConditionError);
  });
});

describe('a condition holds', () => {
  it('or does not', () => {
    expect(condition('port == 80').holds(scopeOf(PLAY))).toBe(true);
    expect(condition('port == 81').holds(scopeOf(PLAY))).toBe(false);
  });

  it.each([
    ['port', 'it gives a number, not true or false'],
    ['result.stdout', 'it gives a string, not true or false'],
    ['names', 'it gives a list, not true or false'],
    ['nothing', 'it gives null, not true or false'],
    ['by_name', 'it gives a mapping, not true or false'],
    ['result.nope', 'there is no "nope"'],
    ['missing', '"missing" has no value'],
    ['names[7] == "a"', 'index out of bounds, index 7 >= size 2'],
    ['port > name', 'there is no int > string: the types do not fit'],
  ])('%s does neither: %s', (text, message) => {
    expect(() => condition(text).holds(scopeOf(PLAY))).toThrow(message);
  });
});

describe('before any host is contacted', () => {
  it.each([
    'later.anything.at[3].all == 1',
    'later.filter(x, x.y).size() > 0',
    'facts.interfaces["eth0"].mtu > 1500',
    'facts.interfaces.exists(name, facts.interfaces[name].mtu > 1500)',
    'has(vars.vlan) && vlan > 1',
    'has(later.stdout) && later.stdout == ""',
    'names.all(n, names.all(m, n != m || enabled))',
    'port > 80 && names == "a and not b | c"',
    'name == \'it is not defined\' || "True" == name',
    'name != "{{x}}"',
    'size(enabled ? "" : "x") == 0',
  ])('nothing is wrong with %s', (text) => {
    expect(conditionProblems(text, PLAY, SHAPES)).toEqual([]);
  });

  it.each<[string, string]>([
    ['prot == 80', '1:1 prot: "prot" is no variable, fact or registered result here; did you mean "port"?'],
    [
      'enabled && vars.prot == 80',
      '1:17 prot: "prot" is no variable, fact or registered result here; did you mean "port"?',
    ],
    [
      'result.sdtout == ""',
      '1:8 sdtout: result has rc, stdout, changed, failed, not "sdtout"; did you mean "stdout"?',
    ],
    [
      'has(resutl.stdout)',
      '1:5 resutl: "resutl" is no variable, fact or registered result here; did you mean "result"?',
    ],
    ['names.all(n, m != "")', '1:14 m: "m" is no variable, fact or registered result here'],
    ['links.all(l, l.mut > 1)', '1:16 mut: l has device, mtu, not "mut"; did you mean "mtu"?'],
    ['links[0].mut > 1', '1:10 mut: links[0] has device, mtu, not "mut"; did you mean "mtu"?'],
    ['by_name["b"].n == 1', '1:9 "b": by_name has a, not "b"; did you mean "a"?'],
    [
      'facts.hostnam == ""',
      '1:7 hostnam: facts has hostname, interfaces, not "hostnam"; did you mean "hostname"?',
    ],
    [
      'facts.interfaces["eth0"].mut > 1',
      '1:26 mut: facts.interfaces["eth0"] has mtu, not "mut"; did you mean "mtu"?',
    ],
    ['port', '1:1 port: it gives a number, not true or false; write port != 0'],
    ['name', '1:1 name: it gives a string, not true or false; write size(name) > 0'],
    ['port == 80 && port', '1:1 port == 80 && port: one side of && or || is of type int, not true or false'],
    ['"x" in name', '1:1 "x" in name: "in" looks into lists and mappings; write text.contains("part")'],
    [
      'name.startswith("w")',
      '1:6 startswith: there is no function or method "startswith"; did you mean "startsWith"?',
    ],
    [
      'port.contains("8")',
      '1:1 port.contains("8"): there is no int.contains(string), but string.contains(string)',
    ],
    ['has(port)', '1:5 port: has() asks for a key of something; write has(vars.x) for a variable'],
    ['1 < port < 3', '1:1 1 < port < 3: there is no bool < int: the types do not fit'],
    ['port = 80', '1:6 =: "=" is not expected here; write =='],
    ['(port == 80', '1:12 : ")" is missing'],
    ['port ==', '1:8 : the condition ends too early'],
    ["name == 'w", "1:9 'w: the quotes are not closed"],
  ])('%s: %s', (text, expected) => {
    expect(conditionProblems(text, PLAY, SHAPES)).toEqual([expected]);
  });
});

describe("Ansible's spelling", () => {
  it.each<[string, string, string]>([
    ['port == 80 and enabled', 'and', 'write &&'],
    ['port == 80 or enabled', 'or', 'write ||'],
    ['not enabled', 'not enabled', 'write "!enabled", in quotes'],
    ['port == 80 && not enabled', 'not enabled', 'write !enabled'],
    ['port == 80 && not (enabled)', 'not', 'write !(…)'],
    ['vlan is defined', 'vlan is defined', 'write has(vars.vlan)'],
    ['vlan is not defined', 'vlan is not defined', 'write "!has(vars.vlan)", in quotes'],
    ['vlan is undefined', 'vlan is undefined', 'write "!has(vars.vlan)", in quotes'],
    ['result.stdout is defined', 'result.stdout is defined', 'write has(result.stdout)'],
    [
      "facts.interfaces['eth0'].mtu is defined",
      "facts.interfaces['eth0'].mtu is defined",
      "write has(facts.interfaces['eth0'].mtu)",
    ],
    ['result is changed', 'result is changed', 'write result.changed'],
    ['result is not failed', 'result is not failed', 'write "!result.failed", in quotes'],
    ['result is succeeded', 'result is succeeded', 'write "!result.failed", in quotes'],
    ['enabled && result is skipped', 'result is skipped', 'write result.skipped'],
    ['nothing is none', 'nothing is none', 'write nothing == null'],
    ['nothing is not none', 'nothing is not none', 'write nothing != null'],
    ["name is match('w.*')", 'name is match', "write name.matches('…')"],
    [
      "facts.kernel.release is version('5.4', '>=')",
      'facts.kernel.release is version',
      "write versionAtLeast(facts.kernel.release, '…')",
    ],
    ["'c' not in names", "'c' not in names", 'write "!(\'c\' in names)", in quotes'],
    ['names | length > 1', 'names | length', 'write size(names)'],
    ['result.rc | int == 0', 'result.rc | int', 'write int(result.rc)'],
    ['vlan | default(1) > 1', 'vlan | default(1)', 'write (has(vars.vlan) ? vlan : 1)'],
    [
      "result.stdout | default('') == ''",
      "result.stdout | default('')",
      "write (has(result.stdout) ? result.stdout : '')",
    ],
    ['name | lower', 'name | lower', 'write name.lowerAscii()'],
    ['name | ipaddr', 'name | ipaddr', 'docs/templates.md lists the functions and methods there are'],
    ['enabled == True', 'True', 'write true'],
    ['enabled == False', 'False', 'write false'],
    ['nothing == None', 'None', 'write null'],
    ['{{ port }} == 80', '{{ port }}', 'write port without the braces'],
  ])('%s: %s → %s', (text, marked, hint) => {
    const [problem] = conditionProblems(text, PLAY);
    expect(problem?.replace(/^\d+:\d+ /, '').startsWith(`${marked}: `)).toBe(true);
    expect(problem?.endsWith(`; ${hint}`)).toBe(true);
  });
});
