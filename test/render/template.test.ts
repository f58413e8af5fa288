import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RenderError } from '../../src/render/template.ts';
import { partialsOf, render, scopeOf, template, type Variables } from './support/rendering.ts';

const LINKS = [
  { name: 'isp1', device: 'eth0', addresses: ['192.0.2.10', '192.0.2.11'] },
  { name: 'isp2', device: 'eth1', addresses: [] },
];
const PLAY: Variables = {
  links: LINKS,
  table: 801,
  device: 'lo',
  by_name: { a: { n: 1 }, b: { n: 2 } },
  no: null,
};

describe('names in blocks', () => {
  it.each<[string, string, string]>([
    [
      'a block with a name for its item hides nothing',
      '{{#each links as |link|}}{{link.name}} {{table}} {{device}};{{/each}}',
      'isp1 801 lo;isp2 801 lo;',
    ],
    [
      'its item may be called as a variable of the play',
      '{{#each links as |device|}}{{device.name}} {{/each}}{{device}}',
      'isp1 isp2 lo',
    ],
    [
      'a second name is the index',
      '{{#each links as |link i|}}{{i}}={{link.name}} {{/each}}',
      '0=isp1 1=isp2 ',
    ],
    [
      'of a mapping, it is the key',
      '{{#each by_name as |item key|}}{{key}}={{item.n}} {{/each}}',
      'a=1 b=2 ',
    ],
    [
      'a block without a name sees its item only',
      '{{#each links}}{{name}} {{device}};{{/each}}',
      'isp1 eth0;isp2 eth1;',
    ],
    ['and the play by ../', '{{#each links}}{{../table}} {{../device}};{{/each}}', '801 lo;801 lo;'],
    ['or by @root', '{{#each links}}{{@root.device}} {{/each}}', 'lo lo '],
    ['this is the item', '{{#each links.[0].addresses}}{{this}} {{/each}}', '192.0.2.10 192.0.2.11 '],
    [
      '@index, @first and @last count',
      '{{#each links as |l|}}{{@index}}{{#if @first}} first{{/if}}{{#if @last}} last{{/if}};{{/each}}',
      '0 first;1 last;',
    ],
    ['@key is the key of a mapping', '{{#each by_name}}{{@key}}{{n}} {{/each}}', 'a1 b2 '],
    [
      'nested blocks see both items',
      '{{#each links as |link|}}{{#each link.addresses as |ip|}}{{link.name}} {{ip}} {{table}};{{/each}}{{/each}}',
      'isp1 192.0.2.10 801;isp1 192.0.2.11 801;',
    ],
    [
      '../ of an index reaches the outer one',
      '{{#each links as |link|}}{{#each link.addresses}}{{@../index}}{{@index}} {{/each}}{{/each}}',
      '00 01 ',
    ],
    [
      'an empty list has an else',
      '{{#each links as |link|}}{{#each link.addresses}}{{else}}{{link.name}} none{{/each}}{{/each}}',
      'isp2 none',
    ],
    ['in else, names mean what they mean outside', '{{#each no}}{{else}}{{device}}{{/each}}', 'lo'],
    ['with names a part', '{{#with links.[1] as |l|}}{{l.name}} {{device}}{{/with}}', 'isp2 lo'],
    ['with without a name is the part', '{{#with links.[1]}}{{name}} {{device}}{{/with}}', 'isp2 eth1'],
    [
      'if and unless change no names',
      '{{#if table}}{{device}}{{/if}}{{#unless no}}{{device}}{{/unless}}',
      'lolo',
    ],
    ['else if goes on', '{{#if no}}a{{else if table}}b{{else}}c{{/if}}', 'b'],
    ['a helper in a condition', '{{#if (and table (not no))}}yes{{/if}}', 'yes'],
    ['whitespace control', 'a  {{~ table ~}}  b', 'a801b'],
    ['comments are no text', 'a{{! b }}{{!-- {{c}} --}}d', 'ad'],
    ['a backslash keeps braces', '\\{{device}}', '{{device}}'],
    ['nothing is escaped', '{{json links.[0].name}} {{concat "<" "&"}}', '"isp1" <&'],
  ])('%s', (_, text, expected) => {
    expect(render(text, PLAY)).toBe(expected);
  });

  it.each(['address', 'network', 'prefix', 'family', 'length', 'default', 'lookup', 'if', 'each'])(
    'a variable may be called %s, as a helper is',
    (name) => {
      expect(render(`{{${name}}} {{@root.${name}}} {{upper ${name}}}`, { [name]: 'v' })).toBe('v v V');
    },
  );
});

describe('partials', () => {
  const partials = partialsOf({
    greet: 'hello {{who}} of {{table}}',
    list: '{{#each items as |item|}}{{prefix}}{{item}}/{{table}} {{/each}}',
    nameless: '{{#each items}}{{name}}{{../prefix}} {{/each}}',
    outer: '{{> greet who=name}}!',
    indented: 'a\nb\n',
    one: '{{x}}',
  });

  it.each<[string, string, string]>([
    ['take arguments by name and see the variables of the play', '{{> greet who="you"}}', 'hello you of 801'],
    [
      'see their arguments inside of their loops',
      '{{> list items=links.[0].addresses prefix="- "}}',
      '- 192.0.2.10/801 - 192.0.2.11/801 ',
    ],
    ['reach their arguments by ../, too', '{{> nameless items=links prefix="."}}', 'isp1. isp2. '],
    [
      'work inside of loops',
      '{{#each links as |link|}}{{> greet who=link.name}};{{/each}}',
      'hello isp1 of 801;hello isp2 of 801;',
    ],
    ['may call others', '{{> outer name="x"}}', 'hello x of 801!'],
    ['are not indented by where they stand', '  {{> indented}}', '  a\nb\n'],
    ['an argument may be a variable that is called alike', '{{> greet who=device}}', 'hello lo of 801'],
    ['an argument may be false or null', '{{> list items=no prefix=""}}.', '.'],
    ['are text, also where they are one expression', '{{> one x=table}}', '801'],
  ])('%s', (_, text, expected) => {
    expect(render(text, PLAY, partials)).toBe(expected);
  });

  it('are compiled apart for each set of argument names', () => {
    const text = '{{> greet who="a"}} {{> both}}';
    const two = partialsOf({ greet: '{{who}}', both: '{{who}}' });
    expect(render(text, { who: 'play' }, two)).toBe('a play');
  });
});

describe('the value of a text', () => {
  const values = scopeOf(PLAY);

  it.each<[string, unknown]>([
    ['{{table}}', 801],
    ['{{links}}', LINKS],
    ['{{ by_name.a }}', { n: 1 }],
    ['{{no}}', null],
    ['{{~table~}}', 801],
    ['{{add table 1}}', 802],
    ['{{default no 5}}', 5],
    ['{{lookup links 1}}', LINKS[1]],
    ['{{eq table 801}}', true],
    ['{{table}} ', '801 '],
    ['{{table}}{{table}}', '801801'],
    ['{{#if table}}{{table}}{{/if}}', '801'],
    ['plain', 'plain'],
  ])('%s is %j', (text, expected) => {
    expect(template(text).value(values)).toEqual(expected);
  });

  it('is the very same object that the variable holds', () => {
    expect(template('{{links}}').value(values)).toBe(LINKS);
  });

  it('is any JSON value as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(template('{{x}}').value(scopeOf({ x: value }))).toStrictEqual(value);
      }),
    );
  });

  it('survives {{json x}}', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(render('{{json x}}\n', { x: value }))).toStrictEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });

  it('is never taken for a template again', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(render('[{{x}}]', { x: value })).toBe(`[${value}]`);
      }),
      { examples: [['{{y}}'], ['{{{y}}}'], ['{{#if y}}'], ['\\{{y}}'], ["'"], ['<&>']] },
    );
  });
});

describe('a template that cannot be rendered says where', () => {
  it.each<[string, Variables, string]>([
    ['ok {{x}}', { x: null }, '1:4 {{x}}: null has no text form'],
    ['a\n  {{#if y}}{{x}}{{/if}}', { x: [1], y: true }, '2:12 {{x}}: a list has no text form'],
    ['{{#each list as |i|}}\n{{i}}\n{{/each}}', { list: [1, {}] }, '2:1 {{i}}: a mapping has no text form'],
    ['a {{nothing}}', {}, '1:3 {{nothing}}: "nothing" is not known'],
    ['a {{#if r.sdtout}}b{{/if}}', { r: { stdout: '' } }, '1:9 r.sdtout: "r.sdtout" is not known'],
    ['a {{#each r.lines}}b{{/each}}', { r: {} }, '1:11 r.lines: "r.lines" is not known'],
    ['a {{#unless r.x}}b{{/unless}}', { r: {} }, '1:13 r.x: "r.x" is not known'],
    ['a {{sh r.x}}', { r: {} }, '1:3 {{sh r.x}}: "r.x" is not known'],
    ['a {{#if (eq r.x 1)}}b{{/if}}', { r: {} }, '1:9 (eq r.x 1): "r.x" is not known'],
    ['{{#with r.x}}b{{/with}}', { r: {} }, '1:9 r.x: "r.x" is not known'],
    ['{{#each rs}}{{nmae}}{{/each}}', { rs: [{ name: 1 }] }, '1:13 {{nmae}}: "rs.0.nmae" is not known'],
    ['{{#if rs.x}}b{{/if}}', { rs: [] }, '1:7 rs.x: "rs.x" is not known'],
    ['{{x.constructor}}', { x: {} }, '1:1 {{x.constructor}}: "x.constructor" is not known'],
    ['{{#if x.__proto__}}b{{/if}}', { x: {} }, '1:7 x.__proto__: "x.__proto__" is not known'],
    ['{{x.toString}}', { x: {} }, '1:1 {{x.toString}}: "x.toString" is not known'],
    ['{{x.length}}', { x: {} }, '1:1 {{x.length}}: "x.length" is not known'],
    ['{{network x}}', { x: 'nonsense' }, '1:1 {{network x}}: "nonsense" is no address'],
  ])('%j', (text, variables, expected) => {
    expect(failure(() => render(text, variables))).toBe(expected);
  });

  it('in the file of the partial', () => {
    const partials = partialsOf({ part: 'x\n  {{value}}\n' });
    const fail = () => render('a\n{{> part value=list}}', { list: [] }, partials);
    expect(failure(fail)).toBe('part.hbs 2:3 {{value}}: a list has no text form');
  });

  it('and is none the worse for it', () => {
    const parsed = template('{{x}}{{y}}');
    expect(() => parsed.render(scopeOf({ x: [], y: 1 }))).toThrow(RenderError);
    expect(parsed.render(scopeOf({ x: 0, y: 1 }))).toBe('01');
  });
});

describe('what a host said is data', () => {
  const said = JSON.parse(
    '{"stdout": "{{secret}}", "__proto__": {"polluted": 1}, "constructor": "c", "lines": ["{{#if x}}"]}',
  );

  it('that looks like a template stays as it is', () => {
    expect(render('{{r.stdout}} {{#each r.lines as |l|}}{{l}}{{/each}}', { r: said, secret: 's' })).toBe(
      '{{secret}} {{#if x}}',
    );
  });

  it('whatever its keys are called', () => {
    expect(render('{{r.constructor}} {{r.__proto__.polluted}}', { r: said })).toBe('c 1');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('comes through {{json}} whole', () => {
    expect(render('{{json r}}\n', { r: said })).toBe(`${JSON.stringify(said)}\n`);
  });
});

/** `line:column marked text: message` of the RenderError that `work` ends in. */
function failure(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    const { file, line, column, length, lineText } = error.at;
    const marked = lineText.slice(column - 1, column - 1 + length);
    return `${file === 'text' ? '' : `${file} `}${line}:${column} ${marked}: ${error.message}`;
  }
  throw new Error('nothing failed');
}
