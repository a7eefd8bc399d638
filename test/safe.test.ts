import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safe, safeJson, safeLine, safeYaml, shellWord } from '../src/safe.ts';
import { unprintable as bad, terminalTexts } from './support/corpus.ts';

describe.each(Object.entries(terminalTexts))('%s', (_, text) => {
  test('is shown, not obeyed', () => {
    expect(bad.test(text)).toBe(true);
    expect(safe(text)).not.toMatch(bad);
    expect(safeLine(text)).not.toMatch(bad);
    expect(safe(text, text.length)).toMatch(/\\x[0-9a-f]{2}|\\u\{[0-9a-f]+\}/);
  });
  test('in JSON means what it did', () => {
    expect(safeJson({ [text]: [text] })).not.toMatch(bad);
    expect(JSON.parse(safeJson({ [text]: [text] }))).toEqual({ [text]: [text] });
  });
});

test('harmless text stays as it is', () => {
  const text = 'Grüße, 世界, 👍, naïve\n\tx';
  expect(safe(text)).toBe(text);
  expect(safeLine('a\r\n\tb')).toBe('a\\r\\n\\tb');
  expect(safe('\x1b[0m\u202e')).toBe('\\x1b[0m\\u{202e}');
});

test('long text is cut between characters', () => {
  expect(safe('a'.repeat(100), 10)).toBe(`${'a'.repeat(10)}… (90 more)`);
  expect(safe('👍👍', 3)).toBe('👍… (2 more)');
  expect(safe('abc', 3)).toBe('abc');
});

test('the corpus is one of at least forty', () => expect(Object.keys(terminalTexts).length).toBeGreaterThanOrEqual(40));

test('YAML that a terminal shows as it is stays, any other becomes JSON, which is YAML', () => {
  expect(safeYaml({ a: 'ü' }, 'a: ü\n')).toBe('a: ü\n');
  expect(safeYaml({ a: '\u202e' }, 'a: \u202e\n')).toBe('{\n  "a": "\\u202e"\n}\n');
});

test('any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(safe(text)).not.toMatch(bad);
      expect(safe(safe(text))).toBe(safe(text));
      expect(safeLine(text)).not.toMatch(/[\n\r\t]/);
      expect(JSON.parse(safeJson(text))).toBe(text);
    }),
  );
});

test('JSON with an indent, and of nothing', () => {
  expect(safeJson({ a: 1 }, 2)).toBe('{\n  "a": 1\n}');
  expect(safeJson(undefined)).toBe('null');
});

test('a word for the shell', () => {
  expect(shellWord('/tmp/a-b_c.jfr')).toBe('/tmp/a-b_c.jfr');
  expect(shellWord("it's $(x)")).toBe(`'it'\\''s $(x)'`);
  expect(shellWord('')).toBe("''");
});
