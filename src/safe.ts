/** Text that others chose, made printable: what a pod, its processes and its tools say must not drive the terminal. */

// Controls, what is invisible or turns the writing direction (Cf), lone surrogates, line separators, blanks that look like nothing,
// and marks stacked so high that they cover the lines above.
const unprintable =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\u034f|\u17b4|\u17b5|\u180b|\u180c|\u180d|\u180f|[\u115f\u1160\u2800\u3164\uffa0]|[\u{e0100}-\u{e01ef}]|(?<=\p{M}{5})\p{M}/gu;

const visible = (character: string): string => {
  const code = character.codePointAt(0) as number;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
};

// Cutting a surrogate pair in two would make a lone one.
const cut = (text: string, max: number): string => {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text[max - 1] ?? '') ? max - 1 : max;
  return `${text.slice(0, end)}… (${text.length - end} more)`;
};

/** Text for the terminal: controls but newline and tab, bidi marks and zero-width characters as `\x1b` or `\u{202e}`; of `max` characters at most. */
export const safe = (text: string, max = 65_536): string =>
  cut(text, max).replace(unprintable, (c) => (c === '\n' || c === '\t' ? c : visible(c)));

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The same on one line: newlines, carriage returns and tabs are shown as `\n`, `\r`, `\t`. */
export const safeLine = (text: string, max = 65_536): string => cut(text, max).replace(unprintable, (c) => named[c] ?? visible(c));

const escapedUnits = (character: string): string =>
  [...Array(character.length).keys()].map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');

/** JSON whose text a terminal shows as it is; JSON.stringify alone leaves DEL, C1 and bidi marks raw. */
export const safeJson = (value: unknown, indent = 0): string =>
  (JSON.stringify(value, undefined, indent) ?? 'null').replace(unprintable, (c) => (c === '\n' ? c : escapedUnits(c)));

/** YAML whose text a terminal shows as it is: JSON where `yaml`, the usual form of the same value, would not be; JSON is YAML. */
export const safeYaml = (value: unknown, yaml: string): string =>
  yaml.replace(/[\n\t]/g, '').match(unprintable) === null ? yaml : `${safeJson(value, 2)}\n`;

/** A word as a POSIX shell reads it back, for commands to paste. */
export const shellWord = (text: string): string => (/^[\w./@%+,:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
