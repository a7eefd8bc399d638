/** argv → values. Everything is text until its flag's own `parse` reads it: no number is guessed, so a pod may be called 123. */
import { parseArgs } from 'node:util';
import { KprofError } from './errors.ts';
import type { Flag, Flags, Habit, Options } from './flags.ts';
import { nearest } from './nearest.ts';

/** What a command line holds: options by long name, and the words that are no flags. */
export interface Parsed<F extends Flags> {
  readonly options: Options<F>;
  readonly words: readonly string[];
  /** The flags that were typed, by long name. */
  readonly typed: readonly string[];
}

interface Typed {
  readonly name: string;
  readonly rawName: string;
  readonly text: string;
}

/**
 * Parses as kubectl does: the last of a repeated flag counts, `-nshop` and `-n=shop` are `-n shop`, `--` ends the flags. What is a habit
 * is refused, so that it is not taken for something else.
 */
export function parse<F extends Flags>(
  argv: readonly string[],
  flags: F,
  read: (path: string) => Uint8Array,
  habits: readonly Habit[] = [],
): Parsed<F> {
  const { typed, words } = tokens(argv, flags, habits);
  for (const each of typed) checkTogether(each, typed, flags);
  const options = Object.entries(flags).map(([name, flag]) => [
    name,
    value(
      flag,
      name,
      typed.filter((each) => each.name === name),
      read,
    ),
  ]);
  return { options: Object.fromEntries(options) as Options<F>, words, typed: typed.map(({ name }) => name) };
}

/** What has no meaning is not passed over: whoever typed it expects something. */
function checkTogether({ name, rawName }: Typed, typed: readonly Typed[], flags: Flags): void {
  const { with: needed, without = [] } = flags[name] as Flag<unknown>;
  const given = typed.filter(({ text }) => text !== 'false');
  if (needed !== undefined && !given.some((each) => each.name === needed))
    throw new KprofError('usage', `${rawName} has a meaning only with --${needed}`);
  const other = given.find((each) => without.includes(each.name));
  if (other !== undefined)
    throw new KprofError('usage', `${rawName} and ${other.rawName} do not go together`, { hint: 'leave out one of them' });
}

function tokens(argv: readonly string[], flags: Flags, habits: readonly Habit[]): { typed: readonly Typed[]; words: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value: placeholder, short }]) => [
      name,
      { type: placeholder === undefined ? ('boolean' as const) : ('string' as const), ...(short === undefined ? {} : { short }) },
    ]),
  );
  const parsed = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
  const typed = parsed
    .filter((token) => token.kind === 'option')
    .map(({ name, rawName, value: text, inlineValue }) => check(flags, { name, rawName, text, inline: inlineValue === true }, habits));
  return { typed, words: parsed.filter((token) => token.kind === 'positional').map((token) => token.value) };
}

function check(
  flags: Flags,
  { name, rawName, text, inline }: { name: string; rawName: string; text: string | undefined; inline: boolean },
  habits: readonly Habit[],
): Typed {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  const typed = text === undefined ? rawName : `${rawName}${inline ? '' : ' '}${text}`;
  const habit = habits.find((each) => each.typed.test(typed));
  if (flag === undefined) {
    const near = nearest(name, Object.keys(flags));
    throw new KprofError('usage', `There is no flag ${rawName}`, {
      hint: habit?.hint ?? (near === undefined ? 'see them all with --help' : `did you mean --${near}?`),
    });
  }
  if (flag.value === undefined) return { name, rawName, text: text ?? 'true' };
  if (habit !== undefined)
    throw new KprofError('usage', `${rawName} takes ${flag.value} (${flag.description}), and ${JSON.stringify(text)} hardly is one`, {
      hint: habit.hint,
    });
  if (text === undefined) throw new KprofError('usage', `${rawName} needs a value: ${rawName} ${flag.value}`);
  // parseArgs leaves the = of `-n=shop` in the value; kubectl doesn't.
  return { name, rawName, text: inline && !rawName.startsWith('--') ? text.replace(/^=/, '') : text };
}

function value(flag: Flag<unknown>, name: string, typed: readonly Typed[], read: (path: string) => Uint8Array): unknown {
  const all = typed.map(({ rawName, text }) => flag.parse(text, { flag: rawName, read }));
  if (flag.several === true) return all.flat();
  if (all.length > 0) return all.at(-1);
  if (flag.default !== undefined) return flag.parse(flag.default, { flag: `--${name}`, read });
  return flag.value === undefined ? false : undefined;
}
