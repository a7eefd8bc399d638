/** Stacks of goroutines as Go prints them (`goroutine?debug=2`, https://github.com/golang/go/blob/master/src/runtime/traceback.go), which keeper does, too. */
import { readFile } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { duration, plural } from '../report.ts';
import { safeLine } from '../safe.ts';
import { type Format, openFile } from './format.ts';

/** One goroutine. */
export interface Goroutine {
  readonly id: number;
  /** What it waits for, or that it runs: «chan receive». */
  readonly state: string;
  /** How long it has waited, as far as the runtime knows; counted from one minute on. */
  readonly minutes: number;
  /** Functions, the innermost first. */
  readonly stack: readonly string[];
  /** Who started it. */
  readonly creator: string | undefined;
}

/** Goroutines that do the same at the same place. */
export interface Group {
  readonly count: number;
  readonly state: string;
  readonly minutes: number;
  readonly stack: readonly string[];
  readonly creator: string | undefined;
}

const head = /^goroutine (\d+)(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[(.+)\]:$/;
const heading = /^# (\d+) of (\d+) goroutines, of a process paused for ([\d.]+) ms by Delve/;
const mostBytes = 512 * 2 ** 20;

/** The goroutines of a text. */
export function parseGoroutines(text: string): readonly Goroutine[] {
  return text
    .split(/^(?=goroutine \d)/m)
    .map(parseOne)
    .filter((each) => each !== undefined);
}

function parseOne(text: string): Goroutine | undefined {
  const [first = '', ...lines] = text.split('\n');
  const [, id, words = ''] = head.exec(first) ?? [];
  if (id === undefined) return undefined;
  const [state = '', ...more] = words.split(', ');
  const stack: string[] = [];
  let creator: string | undefined;
  for (const line of lines) {
    if (line === '' || line.startsWith('\t') || line.startsWith('#')) continue;
    const created = /^created by (.+?)(?: in goroutine \d+)?$/.exec(line)?.[1];
    if (created !== undefined) creator = created;
    else stack.push(line.replace(/\((?:[^()]|\([^()]*\))*\)$/, ''));
  }
  const minutes = Number(more.map((word) => /^(\d+) minutes$/.exec(word)?.[1]).find((found) => found !== undefined) ?? 0);
  // «(scan)» and «locked to thread» are about this moment.
  return { id: Number(id), state: state.replace(/ \(scan\)$/, ''), minutes, stack, creator };
}

/** The same stacks together, the most first. */
export function group(goroutines: readonly Goroutine[]): readonly Group[] {
  const groups = new Map<string, { count: number; minutes: number; readonly one: Goroutine }>();
  for (const one of goroutines) {
    const key = [one.state, one.creator, ...one.stack].join('\n');
    const found = groups.get(key);
    if (found === undefined) groups.set(key, { count: 1, minutes: one.minutes, one });
    else {
      found.count += 1;
      found.minutes = Math.max(found.minutes, one.minutes);
    }
  }
  return [...groups.values()]
    .map(({ count, minutes, one: { state, stack, creator } }) => ({ count, minutes, state, stack, creator }))
    .sort((a, b) => b.count - a.count || b.minutes - a.minutes);
}

// Where it waits is the runtime's business; who waits is what a person looks for.
const isOfRuntime = (name: string): boolean => /^(runtime|internal|sync|time|syscall)[./]/.test(name);

/** The functions that tell what a group is about, the innermost first. */
function telling({ stack, creator }: Group): string {
  const own = stack.findIndex((name) => !isOfRuntime(name));
  const shown = stack.slice(Math.max(0, own), Math.max(0, own) + 3);
  const by = own < 0 ? stack[0] : stack[own - 1];
  return `${shown.join(' < ')}${by === undefined || by === shown[0] ? '' : `, in ${by}`}${shown.length < 3 && creator !== undefined ? `, started by ${creator}` : ''}`;
}

function tableOf(groups: readonly Group[], columns: number, count: number): string {
  const rows = groups.slice(0, count).map((each) => ({ ...each, count: String(each.count), waited: waited(each.minutes) }));
  const longest = groups.reduce((a, b) => (b.minutes > a.minutes ? b : a), { minutes: 0 } as Group);
  const shown =
    longest.minutes > 0 && !groups.slice(0, count).includes(longest)
      ? [{ ...longest, count: String(longest.count), waited: waited(longest.minutes) }]
      : [];
  const all = [...rows, ...shown];
  const width = (of: (row: (typeof all)[number]) => string, least: number) => Math.max(least, ...all.map((row) => of(row).length));
  const widths = {
    count: width((row) => row.count, 5),
    state: Math.min(
      28,
      width((row) => row.state, 5),
    ),
    waited: width((row) => row.waited, 6),
  };
  const line = (n: string, state: string, time: string, what: string) =>
    safeLine(`${n.padStart(widths.count)}  ${state.slice(0, 28).padEnd(widths.state)}  ${time.padStart(widths.waited)}  ${what}`).slice(
      0,
      Math.max(40, columns),
    );
  const more = groups.length > rows.length ? [`… and ${groups.length - rows.length} other stacks`] : [];
  return [
    line('count', 'state', 'waited', 'where'),
    ...all.map((row) => line(row.count, row.state, row.waited, telling(row as never))),
    ...more,
  ].join('\n');
}

const waited = (minutes: number): string => (minutes === 0 ? '' : duration(minutes * 60_000));

/** Texts of whole stacks; the check wants a first line that is one, and a line's end behind the last. */
export const goroutines: Format = {
  name: 'goroutines',
  extension: 'txt',
  viewers: [],
  matches: (begin) => /^(?:# \d+ of \d+ goroutines, .*\n\n)?goroutine \d+ .*\[.+\]:\n/.test(begin.toString('latin1')),
  async check(path) {
    await using file = await openFile(path);
    const { size } = await file.stat();
    if (size > mostBytes) throw new KprofError('unsupported', `${path} has more than ${mostBytes / 2 ** 20} MiB of stacks`);
    const text = await readFile(path, 'utf8');
    if (!goroutines.matches(Buffer.from(text.slice(0, 4096)))) throw new KprofError('incomplete', `${path} has no stacks of goroutines`);
    if (!text.endsWith('\n')) throw new KprofError('incomplete', `${path} ends in the middle of a line`);
    const all = parseGoroutines(text);
    const groups = group(all);
    const [, , total, pause] = heading.exec(text.slice(0, text.indexOf('\n'))) ?? [];
    const waiting = all.reduce((most, { minutes }) => Math.max(most, minutes), 0);
    return {
      text: [
        `${total === undefined || Number(total) === all.length ? '' : `${all.length} of `}${plural(Number(total ?? all.length), 'goroutine')} with ${plural(groups.length, 'different stack')}`,
        ...(waiting === 0 ? [] : [`the longest waits for ${duration(waiting * 60_000)}`]),
        ...(pause === undefined ? [] : [`the process stood still for ${Math.round(Number(pause))}ms`]),
      ].join(', '),
      details: (columns, count = 10) => tableOf(groups, columns, count),
      facts: {
        goroutines: all.length,
        stacks: groups.length,
        ...(total === undefined ? {} : { total: Number(total) }),
        ...(pause === undefined ? {} : { pauseMs: Number(pause) }),
        longestWaitMs: waiting * 60_000,
        states: statesOf(groups),
      },
    };
  },
};

function statesOf(groups: readonly Group[]): Readonly<Record<string, number>> {
  const states: Record<string, number> = {};
  for (const { state, count } of groups) states[state] = (states[state] ?? 0) + count;
  return states;
}
