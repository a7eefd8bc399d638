import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safe, safeJson, safeLine, shellWord } from '../src/safe.ts';

const corpus: Readonly<Record<string, string>> = {
  colour: '\x1b[31mred',
  'screen cleared': '\x1b[2J\x1b[H',
  'cursor up': '\x1b[1A\x1b[K',
  'alternate screen': '\x1b[?1049h',
  'cursor hidden': '\x1b[?25l',
  title: '\x1b]0;pwned\x07',
  'clipboard (OSC 52)': '\x1b]52;c;ZXZpbA==\x07',
  'link (OSC 8)': '\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\',
  'image (OSC 1337)': '\x1b]1337;File=inline=1:AAAA\x07',
  'DCS query': '\x1bP$q"p\x1b\\',
  'APC (kitty)': '\x1b_Ga=T;AAAA\x1b\\',
  'device report': '\x1b[6n',
  'terminal reset': '\x1bc',
  'CSI as C1': '\x9b31m',
  'OSC as C1': '\x9d52;c;x\x9c',
  'DCS as C1': '\x90q\x9c',
  'next line as C1': 'a\x85b',
  'line overwritten': 'real\rfake',
  backspaces: 'safe\b\b\b\bevil',
  bell: '\x07',
  NUL: 'a\0b',
  'form feed': 'a\fb',
  'vertical tab': 'a\vb',
  'shift out': '\x0e',
  DEL: 'a\x7f',
  'right-to-left override': 'x\u202egpj.exe',
  'left-to-right override': '\u202d',
  embedding: '\u202a\u202b\u202c',
  isolates: '\u2066a\u2067b\u2068c\u2069',
  'Arabic letter mark': '\u061c',
  'direction marks': '\u200e\u200f',
  'zero-width space': 'a\u200bb',
  'zero-width joiners': 'a\u200cb\u200dc',
  'word joiner': '\u2060',
  'byte order mark': '\ufeff',
  'soft hyphen': 'a\u00adb',
  'line separator': 'a\u2028b',
  'paragraph separator': 'a\u2029b',
  'lone high surrogate': 'a\ud800b',
  'lone low surrogate': '\udc00',
  'tag characters': '\u{e0001}\u{e0041}',
  'interlinear annotation': '\ufff9\ufffb',
  'hangul filler': '\u3164',
  'combining grapheme joiner': 'a\u034f',
};
const bad = /[^\t\n\x20-\x7e\u00a0-\u{10ffff}]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u3164]|\u034f/u;

describe.each(Object.entries(corpus))('%s', (_, text) => {
  test('is shown, not obeyed', () => {
    expect(bad.test(text)).toBe(true);
    expect(safe(text)).not.toMatch(bad);
    expect(safeLine(text)).not.toMatch(bad);
    expect(safe(text)).toMatch(/\\x[0-9a-f]{2}|\\u\{[0-9a-f]+\}/);
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
