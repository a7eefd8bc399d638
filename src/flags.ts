/** How a flag is described, so that parsing, help and the types of the options all come from one place. */
import { KprofError } from './errors.ts';
import type { Milliseconds } from './toolkit.ts';

/** What reading a flag's text may ask for; the text itself is all that most need. */
export interface Reading {
  /** The flag as typed: `--duration`. */
  readonly flag: string;
  /** Reads a local file of the user's. */
  readonly read: (path: string) => Uint8Array;
}

/** One flag: `parse` turns what was typed into the option's value, or throws a usage error that names it. */
export interface Flag<T> {
  readonly short?: string;
  /** The placeholder in the help, such as DURATION; a flag without one takes no value. */
  readonly value?: string;
  /** As it would be typed; absent, the flag is left undefined (or false, without a value). */
  readonly default?: string;
  readonly description: string;
  /** Given several times, the values add up; otherwise the last one counts, as with kubectl. */
  readonly several?: boolean;
  /** The long name of the flag without which it has no meaning. */
  readonly with?: string;
  /** Those that it has no meaning with, or another one. */
  readonly without?: readonly string[];
  readonly parse: (text: string, reading: Reading) => T;
}

/** Flags by their long name. */
// biome-ignore lint/suspicious/noExplicitAny: a flag of any type; Options below recovers it
export type Flags = Readonly<Record<string, Flag<any>>>;

/** The values of flags, by long name. */
export type Options<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A file the user named, already read. */
export interface LocalFile {
  readonly path: string;
  readonly content: Uint8Array;
}

const units: Readonly<Record<string, Milliseconds>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration in Go's grammar (https://pkg.go.dev/time#ParseDuration, without µs and ns); a bare number is seconds. */
export function parseDuration(text: string): Milliseconds | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d*)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d*)?)(ms|s|m|h)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (units[unit as string] as number),
    0,
  );
}

const longest = 24 * 3_600_000;

/** A length of time of at least `least`. */
export const duration = (preset: string, description: string, least: Milliseconds = 1000): Flag<Milliseconds> => ({
  value: 'DURATION',
  default: preset,
  description,
  parse(text, { flag }) {
    const parsed = parseDuration(text);
    const hint = `write it as 15s, 1m30s or 2h: ${flag} ${preset}`;
    if (parsed === undefined) throw new KprofError('usage', `${flag} "${text}" is not a duration`, { hint });
    if (parsed < least) throw new KprofError('usage', `${flag} ${text} is too short: at least ${least / 1000}s`, { hint });
    if (parsed > longest) throw new KprofError('usage', `${flag} ${text} is too long: at most 24h`, { hint });
    return Math.round(parsed);
  },
});

const mostCounted = 999_999_999;

/** A whole number of at least `least`. */
export const count = (preset: string | undefined, description: string, least = 1, value = 'N'): Flag<number> => ({
  value,
  ...(preset === undefined ? {} : { default: preset }),
  description,
  parse(text, { flag }) {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > mostCounted)
      throw new KprofError('usage', `${flag} "${text}" is not a whole number from ${least} to ${mostCounted}`, {
        hint: `${flag} ${preset ?? least}`,
      });
    return Number(text);
  },
});

const sizes: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1e3, m: 1e6, g: 1e9, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3 };

/** A size in bytes: `100MB`, `8MiB`, `1G`. */
export const size = (preset: string | undefined, description: string, least = 1024, most = 2 ** 40): Flag<number | undefined> => ({
  value: 'SIZE',
  ...(preset === undefined ? {} : { default: preset }),
  description,
  parse(typed, { flag }) {
    const [, number = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?)([kmg]i?)?b?$/i.exec(typed) ?? [];
    const bytes = Math.round(Number(number) * (sizes[unit.toLowerCase()] as number));
    const hint = `write it as 500kB, 100MB or 8MiB: ${flag} ${preset ?? '100MB'}`;
    if (number === '') throw new KprofError('usage', `${flag} "${typed}" is no size`, { hint });
    if (bytes < least || bytes > most)
      throw new KprofError(
        'usage',
        `${flag} ${typed} is too ${bytes < least ? `small: at least ${least}` : `large: at most ${most}`} bytes`,
        { hint },
      );
    return bytes;
  },
});

/** A flag that is there or not. */
export const toggle = (description: string, short?: string): Flag<boolean> => ({
  ...(short === undefined ? {} : { short }),
  description,
  parse(text, { flag }) {
    if (text !== 'true' && text !== 'false') throw new KprofError('usage', `${flag} takes no value, or true or false, not "${text}"`);
    return text === 'true';
  },
});

/** A flag that is there, or not, or left to what fits. */
export const automatic = (description: string): Flag<boolean | undefined> => ({
  default: 'auto',
  description,
  parse: (text, reading) => (text === 'auto' ? undefined : toggle(description).parse(text, reading)),
});

/** Any text but the empty one. */
export const text = (value: string, description: string, more: { short?: string; default?: string } = {}): Flag<string | undefined> => ({
  value,
  ...more,
  description,
  parse(typed, { flag }) {
    if (typed === '') throw new KprofError('usage', `${flag} needs a value: ${flag} ${value}`);
    return typed;
  },
});

/** Texts, one for each time the flag is given. */
export const texts = (value: string, description: string): Flag<readonly string[]> => ({
  value,
  description,
  several: true,
  parse: (typed, reading) => [text(value, description).parse(typed, reading) as string],
});

/** One of a few words. */
export const choice = <W extends string>(words: readonly W[], preset: W, description: string): Flag<W> => ({
  value: words.join('|'),
  default: preset,
  description,
  parse(typed, { flag }) {
    const word = words.find((candidate) => candidate === typed);
    if (word === undefined) throw new KprofError('usage', `${flag} "${typed}" is none of ${words.join(', ')}`);
    return word;
  },
});

/** One of a few words, or a file whose name ends in `extension`. */
export const choiceOrFile = <W extends string>(
  words: readonly W[],
  extension: string,
  preset: W,
  description: string,
): Flag<W | LocalFile> => ({
  value: [...words, `FILE${extension}`].join('|'),
  default: preset,
  description,
  parse(typed, { flag, read }) {
    if (typed.endsWith(extension)) return { path: typed, content: read(typed) };
    const word = words.find((candidate) => candidate === typed);
    if (word === undefined) throw new KprofError('usage', `${flag} "${typed}" is none of ${words.join(', ')} and no ${extension} file`);
    return word;
  },
});

/** What users of another tool type out of habit, and what does that here. */
export interface Habit {
  /** Of a flag with its value, as both were typed: `-s 96`, `-s96`, or `-w` where there is no such flag. */
  readonly typed: RegExp;
  readonly hint: string;
}
