/** A ranking as lines of a terminal. */
import { safeLine } from '../safe.ts';
import type { Row, Top } from './top.ts';
import { inUnit, percent } from './units.ts';

const shown = 10;
/** A name shorter than this says little: before that, columns are left out. */
const leastName = 24;

interface Line {
  readonly flat: string;
  readonly flatPercent: string;
  readonly sum: string;
  readonly cum: string;
  readonly cumPercent: string;
  readonly name: string;
}

const heading: Line = { flat: 'flat', flatPercent: 'flat%', sum: 'sum%', cum: 'cum', cumPercent: 'cum%', name: 'function' };
const layouts: readonly (readonly (keyof Omit<Line, 'name'>)[])[] = [
  ['flat', 'flatPercent', 'sum', 'cum', 'cumPercent'],
  ['flat', 'flatPercent', 'cum', 'cumPercent'],
  ['flat', 'flatPercent', 'cum'],
  ['flat', 'cum'],
  ['flat'],
];

function linesOf({ rows, total, type, unit }: Top, count: number): readonly Line[] {
  let sum = 0;
  return rows.slice(0, count).map(({ name, flat, cum }: Row) => {
    sum += flat;
    return {
      flat: inUnit(flat, type.unit, unit),
      flatPercent: percent(flat, total),
      sum: percent(sum, total),
      cum: inUnit(cum, type.unit, unit),
      cumPercent: percent(cum, total),
      name: safeLine(name, 1000),
    };
  });
}

/** Both ends of a name tell more than its middle: `github.com/…/net.(*Conn).Read`. */
export function shorten(name: string, width: number): string {
  const letters = [...name];
  if (letters.length <= width) return name;
  const end = Math.ceil((width - 1) * 0.7);
  return `${letters.slice(0, Math.max(0, width - 1 - end)).join('')}…${letters.slice(-end).join('')}`;
}

/** The first ten functions; narrower, columns are left out and names shortened. */
export function table(top: Top, columns: number, count: number = shown): string {
  const lines = [heading, ...linesOf(top, count)];
  const widths = new Map(layouts[0]?.map((key) => [key, Math.max(...lines.map((line) => line[key].length))] as const));
  const widthOf = (keys: (typeof layouts)[number]) => keys.reduce((sum, key) => sum + (widths.get(key) ?? 0) + 2, 0);
  const layout = layouts.find((keys) => columns - widthOf(keys) >= leastName) ?? (layouts.at(-1) as (typeof layouts)[number]);
  const room = Math.max(8, columns - widthOf(layout));
  const text = lines.map((line) =>
    [...layout.map((key) => `${line[key].padStart(widths.get(key) ?? 0)}  `), shorten(line.name, room)].join('').trimEnd(),
  );
  const rest = top.rows.length + top.dropped - Math.min(count, top.rows.length);
  return [...text, ...(rest > 0 ? [`… and ${rest} more`] : [])].join('\n');
}
