import { describe, expect, it } from 'vitest';
import { ANY, type Shape } from '../../src/render/shape.ts';
import { nameProblems, partialsOf, syntaxProblems } from './support/rendering.ts';

const PLAY = {
  links: [
    { name: 'isp1', device: 'eth0' },
    { name: 'isp2', device: 'eth1', gateway: '192.0.2.1' },
  ],
  table: 801,
  nothing: null,
  by_name: { a: { n: 1 } },
  mixed: ['a', { name: 'b' }],
};

const SHAPES: Readonly<Record<string, Shape>> = {
  result: ANY,
  facts: {
    kind: 'record',
    fields: new Map<string, Shape>([
      ['hostname', ANY],
      ['tools', { kind: 'map', item: ANY }],
      ['routes', { kind: 'list', item: { kind: 'record', fields: new Map([['table', ANY]]) } }],
    ]),
  },
};

const PARTIALS = partialsOf({
  greet: 'hello {{who}} of {{table}}',
  typo: '{{woh}}',
  loop: '{{#each them}}{{../who}}{{/each}}',
});

describe('names that are fine', () => {
  it.each([
    '{{table}} {{links.[0].name}} {{links.1.gateway}}',
    '{{#each links as |l|}}{{l.device}} {{table}}{{/each}}',
    '{{#each links}}{{device}} {{../table}} {{@root.table}} {{@index}}{{/each}}',
    '{{#each links}}{{#each ../links}}{{../device}}{{../../table}}{{/each}}{{/each}}',
    '{{#each by_name as |item key|}}{{key}}{{item.n}}{{/each}}',
    '{{#if nothing}}{{nothing}}{{nothing.deeper.still}}{{/if}}',
    '{{result}} {{result.anything.at.all}} {{#if result.x}}{{/if}}',
    '{{#each result.lines as |l|}}{{l.x}}{{/each}}',
    '{{facts.hostname}} {{facts.tools.ip}} {{#each facts.routes as |r|}}{{r.table}}{{/each}}',
    '{{links.[7].name}}',
    '{{links.length}}',
    '{{default nothing "x"}} {{sh (default nothing table)}}',
    '{{> greet who="x"}} {{> greet who=table}} {{> loop them=links who="x"}}',
    '{{#with links.[0]}}{{name}}{{/with}}{{#with nothing as |x|}}{{x.y}}{{/with}}',
    '{{lookup (lookup by_name "a") "n"}} and {{json (lookup links 0)}}',
    '{{#each mixed as |x|}}{{#if (isText x)}}{{upper x}}{{else}}{{upper x.name}}{{/if}}{{/each}}',
    '{{#if (isText links)}}{{links}}{{else}}{{links.[0].name}}{{/if}}',
    '{{#each mixed as |x|}}{{#unless (isText x)}}{{x.name}}{{else}}{{lower x}}{{/unless}}{{/each}}',
  ])('%s', (text) => {
    expect(nameProblems(text, PLAY, { shapes: SHAPES, partials: PARTIALS })).toEqual([]);
  });
});

describe('names that nothing stands behind', () => {
  it.each<[string, readonly string[]]>([
    [
      '{{tabel}}',
      ['1:3 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    [
      'a\nb {{#if tabel}}{{/if}}',
      ['2:9 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    [
      '{{#each mixed as |x|}}{{#if (isText x)}}{{else}}{{tabel}}{{/if}}{{/each}}',
      ['1:51 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    [
      '{{#each links as |l|}}{{#if nothing}}{{l.nmae}}{{/if}}{{/each}}',
      [
        '1:42 nmae: l has name, device, not "nmae"; did you mean "name"?',
        '1:42 nmae: l has name, device, gateway, not "nmae"; did you mean "name"?',
      ],
    ],
    ['{{links.[0].nmae}}', ['1:13 nmae: links.0 has name, device, not "nmae"; did you mean "name"?']],
    ['{{table.x}}', ['1:9 x: table is a number, it has nothing named "x"']],
    ['{{#each links as |l|}}{{l.gateway}}{{/each}}', ['1:27 gateway: l has name, device, not "gateway"']],
    [
      '{{#each links}}{{table}}{{/each}}',
      [
        '1:18 table: this has name, device, not "table"',
        '1:18 table: this has name, device, gateway, not "table"',
      ],
    ],
    [
      '{{#each links}}{{../tabel}}{{/each}}',
      ['1:21 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    [
      '{{@root.tabel}}',
      ['1:9 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    [
      '{{sh (upper tabel)}}',
      ['1:13 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    [
      '{{facts.hostnmae}}',
      ['1:9 hostnmae: facts has hostname, tools, routes, not "hostnmae"; did you mean "hostname"?'],
    ],
    [
      '{{#each facts.routes}}{{tabel}}{{/each}}',
      ['1:25 tabel: this has table, not "tabel"; did you mean "table"?'],
    ],
    ['{{> typo who="x"}}', ['typo.hbs 1:3 woh: "woh" is no variable, fact or registered result here']],
    [
      '{{> greet who=tabel}}',
      ['1:15 tabel: "tabel" is no variable, fact or registered result here; did you mean "table"?'],
    ],
    ['{{> greet}}', ['greet.hbs 1:9 who: "who" is no variable, fact or registered result here']],
    [
      '{{shh table}}',
      ['1:3 shh: shh is followed by arguments, so it has to be a helper; did you mean "sh"?'],
    ],
    [
      '{{#if (eqq table 1)}}{{/if}}',
      ['1:8 eqq: eqq is followed by arguments, so it has to be a helper; did you mean "eq"?'],
    ],
    ['{{#evry links}}{{/evry}}', ['1:4 evry: blocks are #if, #unless, #each, #with']],
    ['{{eq table}}', ['1:1 {{eq table}}: eq takes 2 arguments, 1 is given']],
    ['{{lookup links}}', ['1:1 {{lookup links}}: lookup takes 2 arguments, 1 is given']],
    ['{{links}} x', ['1:1 {{links}}: "links" is a list; write {{#each links as |item|}} … {{/each}}']],
    ['{{add table "1"}}', ['1:1 {{add table "1"}}: add: a string is not a number']],
    ['{{lookup by_name "z"}}', ['1:18 "z": by_name has a, not "z"; did you mean "a"?']],
    [
      '{{ansible_hostname}}',
      ['1:3 ansible_hostname: "ansible_hostname" is Ansible\'s name; write facts.hostname'],
    ],
  ])('%s', (text, expected) => {
    expect(nameProblems(text, PLAY, { shapes: SHAPES, partials: PARTIALS })).toEqual(expected);
  });

  it('are found in what never runs on this host', () => {
    expect(nameProblems('{{#if nothing}}{{tabel}}{{/if}}', PLAY)).toHaveLength(1);
  });

  it('are not made up from what stands in an empty list', () => {
    expect(nameProblems('{{#each none as |x|}}{{x.y}}{{/each}}', { none: [] })).toEqual([]);
  });
});

describe('a text that is no template', () => {
  it.each([
    ['a {{b', '1:3 {{b: the braces are not closed; close them with }}'],
    ['{{a}} {{b {{c}}', '1:7 {{b {{c}}: the braces are not closed; close them with }}'],
    ['{{#if a}}\n{{#each b}}\n{{/if}}', '3:1 {{/if}}: {{#each}} on line 2 is still open'],
    ['x{{/if}}', '1:2 {{/if}}: no {{#if}} stands before it'],
    ['{{#if a}}x', '1:1 {{#if a}}: the block is not closed; close it with {{/if}}'],
    ['{{#fi a}}x', '1:1 {{#fi a}}: the block is not closed; blocks are if, unless, each, with'],
    [
      '{{a | upper}}',
      '1:5 | upper: Handlebars has helpers instead of filters, and they come first; write {{upper x …}}',
    ],
    [
      '{{a | ipaddr}}',
      '1:5 | ipaddr: Handlebars has helpers instead of filters, and they come first; docs/templates.md lists the helpers there are',
    ],
    ['{{a[0]}}', '1:4 [0]: what is in a list or mapping comes after a dot; write .[0]'],
    ["{{a['b']}}", "1:4 ['b']: what is in a list or mapping comes after a dot; write .[b]"],
    ['{{a.0}}', '1:4 .0: a number at the end of a name stands in brackets; write .[0]'],
    ["{{f('x')}}", '1:3 f(: arguments follow a helper without parentheses around them; write {{f x y}}'],
    [
      '{{#if a == 1}}x{{/if}}',
      '1:9 ==: Handlebars has helpers instead of operators, and they come first; write (eq x y)',
    ],
    ['{{}}', '1:1 {{}}: nothing stands between the braces; write a name there'],
    [
      '{% if a %}',
      '1:1 {% if: this is Jinja, templates are Handlebars; write {{#if x}} … {{else}} … {{/if}}',
    ],
  ])('%j', (text, expected) => {
    expect(syntaxProblems(text)).toEqual([expected]);
  });

  it.each([
    '%{+Q}o {{a}}',
    'awk "{%s}" {{a}}',
    "{{a}} {'b': 1}",
    '{{! {{ }} }} {{a}}',
    '{{!-- {{#if}} --}}',
    'f(x)[0] | y {{a}}',
  ])('%j is one', (text) => {
    expect(syntaxProblems(text)).toEqual([]);
  });
});
