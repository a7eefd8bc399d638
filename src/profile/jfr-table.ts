/** What a JFR recording says beside its method samples, as lines of a terminal. */
import { plural } from '../report.ts';
import { safeLine } from '../safe.ts';
import type { Events, Tally } from './jfr-events.ts';
import { shorten } from './table.ts';
import { inUnit, percent } from './units.ts';

const shown = 5;
/** A name shorter than this says little: before that, columns are left out. */
const leastName = 24;

/** The largest first; what is equal by name. */
export const ranked = (tallies: ReadonlyMap<string, Tally>): readonly (readonly [string, Tally])[] =>
  [...tallies].sort(([one, a], [other, b]) => b.amount - a.amount || (one < other ? -1 : 1));

/** Heading and lines of some numbers and a name; narrower, the last of the numbers are left out and names shortened. */
function aligned(lines: readonly { readonly numbers: readonly string[]; readonly name: string }[], columns: number): readonly string[] {
  const widths = (lines[0]?.numbers ?? []).map((_, at) => Math.max(...lines.map(({ numbers }) => numbers[at]?.length ?? 0)));
  const widthOf = (count: number) => widths.slice(0, count).reduce((sum, width) => sum + width + 2, 0);
  const fits = widths.map((_, at) => widths.length - at).find((count) => columns - widthOf(count) >= leastName) ?? 1;
  const room = Math.max(8, columns - widthOf(fits));
  return lines.map(({ numbers, name }) => {
    const cells = numbers.slice(0, fits).map((number, at) => `${number.padStart(widths[at] ?? 0)}  `);
    return `${cells.join('')}${shorten(name, room)}`;
  });
}

function tallies(
  all: ReadonlyMap<string, Tally>,
  unit: string,
  heading: readonly string[],
  columns: number,
  count: number,
): readonly string[] {
  if (all.size === 0) return [];
  const total = [...all.values()].reduce((sum, { amount }) => sum + amount, 0);
  const lines = ranked(all)
    .slice(0, count)
    .map(([name, tally]) => ({
      numbers: [inUnit(tally.amount, unit, 'minimum'), percent(tally.amount, total), String(tally.count)],
      name: safeLine(name, 1000),
    }));
  const rest = all.size - lines.length;
  const first = { numbers: heading.slice(0, -1), name: heading.at(-1) ?? '' };
  return ['', ...aligned([first, ...lines], columns), ...(rest > 0 ? [`… and ${rest} more`] : [])];
}

/** Pauses, allocation and monitors, as far as there are any; `count` lines of each. */
export function eventTables({ pauses, allocated, waited }: Events, columns: number, count: number = shown): readonly string[] {
  const time = (nanoseconds: number): string => inUnit(nanoseconds, 'ns', 'minimum');
  const words = [
    `${plural(pauses.count, 'pause')} for garbage collection,`,
    `${time(pauses.amount)} in all, the longest ${time(pauses.longest)}`,
  ];
  return [
    ...(pauses.count === 0 ? [] : ['', ...(words.join(' ').length > columns ? words : [words.join(' ')])]),
    ...tallies(allocated, 'bytes', ['allocated', 'share', 'samples', 'class'], columns, count),
    ...tallies(waited, 'ns', ['waited', 'share', 'times', 'monitor'], columns, count),
  ];
}
