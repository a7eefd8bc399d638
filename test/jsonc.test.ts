import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asJson, withItem } from '../src/jsonc.ts';
import './support/seed.ts';

const value = (text: string): unknown => JSON.parse(asJson(text));

describe('JSON with comments', () => {
  it.each([
    ['// a\n{ "a": 1, /* "b": 2, */ }', { a: 1 }],
    ['{"a": "// no /* comment */ \\" // nor here,]"}', { a: '// no /* comment */ " // nor here,]' }],
    ['\ufeff[1,\r\n// x\r\n]', [1]],
    ['[[1,],{"a":[],},]// end', [[1], { a: [] }]],
    ['/**/{}/***/', {}],
    ['"\\\\"', '\\'],
  ])('%j is read', (text, expected) => {
    expect(value(text)).toEqual(expected);
    expect(asJson(text)).toHaveLength(text.length);
  });

  it.each(['[,]', '{,}', '[1,,]', '[1,,2]', '{"a":,}', '{"a":1', '[1] /*', '"a', '{"a":1}}', ',', '[1]x', "{'a':1}", '{"a"://\n}'])(
    '%j is broken',
    (text) => expect(() => value(text)).toThrow(),
  );
});

/** JSON with odd comments, commas and blanks, and the value that it has. */
const blank = fc
  .array(fc.constantFrom(' ', '\n', '\t', '\r\n', '// "x": [ } ,\n', '/* ] , " */', '//\r\n', '/**/'), { maxLength: 3 })
  .map((parts) => parts.join(''));
const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string(), fc.constantFrom('//', '/*', '",]', '\\', '\u2028'));
const odd = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf.map((each) => JSON.stringify(each)),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(fc.array(fc.tuple(blank, tie('value'), blank), { maxLength: 4 }), blank, fc.boolean())
    .map(([items, end, comma]) => `[${items.map((each) => each.join('')).join(',')}${comma && items.length > 0 ? ',' : ''}${end}]`),
  object: fc
    .tuple(fc.array(fc.tuple(blank, fc.string(), blank, tie('value'), blank), { maxLength: 4 }), blank, fc.boolean())
    .map(
      ([items, end, comma]) =>
        `{${items.map(([a, key, b, each, c]) => `${a}${JSON.stringify(key)}${b}:${each}${c}`).join(',')}${comma && items.length > 0 ? ',' : ''}${end}}`,
    ),
}));
const file = fc
  .record({ before: blank, root: odd.object, list: fc.option(odd.list, { nil: undefined }), space: blank, after: blank })
  .map(
    ({ before, root, list, space, after }) =>
      `${before}${list === undefined ? root : `{${space}"list"${space}:${list}${Object.keys(value(root) as object).length > 0 ? ',' : ''}${root.slice(1)}`}${after}`,
  );

describe('a change', () => {
  it('adds one item, and loses nothing', () => {
    fc.assert(
      fc.property(file, (text) => {
        const before = value(text) as { readonly list?: unknown };
        fc.pre(Array.isArray(before.list ?? []));
        const added = { name: '//"' };
        const changed = withItem(text, 'list', added, () => false);
        expect(value(changed)).toEqual({ ...before, list: [...((before.list as readonly unknown[]) ?? []), added] });
        // Every character of it is there, in its order.
        let at = 0;
        for (const char of changed) if (char === text[at]) at++;
        expect(at).toBe(text.length);
      }),
      { numRuns: 300 },
    );
  });

  it('takes the place of the one that is the same, and of nothing else', () => {
    fc.assert(
      fc.property(odd.list, odd.list, blank, (one, other, space) => {
        const text = `{${space}"list":[${one},${space}{"me":1,/* mine */}${space},${other}${space}]}`;
        const isMe = (item: unknown) => (item as { me?: number } | null)?.me === 1;
        const changed = withItem(text, 'list', 7, isMe);
        expect(changed).toBe(text.replace('{"me":1,/* mine */}', '7'));
      }),
      { numRuns: 200 },
    );
  });
});
