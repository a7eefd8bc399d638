/**
 * Class histograms, as HotSpot prints them
 * (https://github.com/openjdk/jdk/blob/master/src/hotspot/share/memory/heapInspection.cpp, KlassInfoHisto::print_histo_on),
 * and the table of what changed between two.
 */

/** The objects of one class. */
export interface Entry {
  /** As the JVM writes it: `[B`, `java.lang.String (java.base@25.0.3)`. */
  readonly name: string;
  readonly instances: number;
  readonly bytes: number;
}

/** What a heap holds, the largest class first. */
export interface Histogram {
  readonly entries: readonly Entry[];
  readonly instances: number;
  readonly bytes: number;
}

const row = /^ *(\d+): +(\d+) +(\d+) {2}(\S.*)$/;
const total = /^Total +(\d+) +(\d+)$/;

/** A line that begins a histogram. */
export const heading: RegExp = /^ num {5}#instances {9}#bytes {2}class name/;

const sum = (entries: readonly Entry[], of: 'instances' | 'bytes'): number => entries.reduce((all, entry) => all + entry[of], 0);

/** Reads one; undefined where it is not whole: a row is missing, or the total is not that of the rows. */
export function parseHistogram(text: string): Histogram | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => heading.test(line));
  const end = lines.findIndex((line) => total.test(line));
  if (start < 0 || end < start) return undefined;
  const rows = lines.slice(start + 2, end).map((line) => row.exec(line));
  const entries: Entry[] = [];
  for (const [index, found] of rows.entries()) {
    if (found === null || Number(found[1]) !== index + 1) return undefined;
    entries.push({ instances: Number(found[2]), bytes: Number(found[3]), name: found[4] as string });
  }
  const [, instances, bytes] = (total.exec(lines[end] as string) ?? []).map(Number);
  if (instances !== sum(entries, 'instances') || bytes !== sum(entries, 'bytes')) return undefined;
  return { entries, instances, bytes };
}

/** One class in two histograms. */
export interface Change extends Entry {
  readonly moreInstances: number;
  readonly moreBytes: number;
}

/** Classes of the same name, of several loaders, count as one. */
export function byName(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  for (const { name, instances, bytes } of entries) {
    const known = found.get(name);
    found.set(name, { name, instances: instances + (known?.instances ?? 0), bytes: bytes + (known?.bytes ?? 0) });
  }
  return found;
}

/** The classes that changed: those that grew most first, those that shrank most last. */
export function changesOf(earlier: Histogram, later: Histogram): readonly Change[] {
  const [before, after] = [byName(earlier.entries), byName(later.entries)];
  const none = { instances: 0, bytes: 0 };
  return [...new Set([...after.keys(), ...before.keys()])]
    .map((name) => {
      const [was, is] = [before.get(name) ?? none, after.get(name) ?? none];
      const more = { moreInstances: is.instances - was.instances, moreBytes: is.bytes - was.bytes };
      return { name, instances: is.instances, bytes: is.bytes, ...more };
    })
    .filter(({ moreInstances, moreBytes }) => moreInstances !== 0 || moreBytes !== 0)
    .sort((one, other) => other.moreBytes - one.moreBytes || other.moreInstances - one.moreInstances);
}

const signed = (n: number): string => (n > 0 ? `+${n}` : String(n));
const line = (cells: readonly string[], name: string): string =>
  `${cells.map((cell, column) => cell.padStart(column % 2 === 0 ? 13 : 15)).join('')}  ${name}`.trimEnd();

/** A line that begins a table of changes. */
export const changeHeading: string = line(['+instances', '+bytes', '#instances', '#bytes'], 'class name');

/** The table of changes, with a last line for all classes. */
export function changeTable(earlier: Histogram, later: Histogram): string {
  const cells = (each: Omit<Change, 'name'>) => [
    signed(each.moreInstances),
    signed(each.moreBytes),
    String(each.instances),
    String(each.bytes),
  ];
  const all = {
    ...later,
    moreInstances: later.instances - earlier.instances,
    moreBytes: later.bytes - earlier.bytes,
  };
  const rows = changesOf(earlier, later).map((each) => line(cells(each), each.name));
  return `${[changeHeading, ...rows, line(cells(all), '(all classes)')].join('\n')}\n`;
}

const changeRow = /^ *([+-]\d+|0) +([+-]\d+|0) +(\d+) +(\d+) {2}(\S.*)$/;

/** Reads a table of changes, the last line apart; undefined where it is not whole. */
export function parseChanges(text: string): { readonly changes: readonly Change[]; readonly all: Change } | undefined {
  const lines = text.split('\n');
  if (lines[0] !== changeHeading || lines.at(-1) !== '') return undefined;
  const read: Change[] = [];
  for (const each of lines.slice(1, -1)) {
    const found = changeRow.exec(each);
    if (found === null) return undefined;
    const [moreInstances = 0, moreBytes = 0, instances = 0, bytes = 0] = found.slice(1, 5).map(Number);
    read.push({ name: found[5] as string, moreInstances, moreBytes, instances, bytes });
  }
  const all = read.at(-1);
  const changes = read.slice(0, -1);
  if (all?.name !== '(all classes)') return undefined;
  const isSum = changes.reduce((left, { moreBytes }) => left - moreBytes, all.moreBytes) === 0;
  return isSum ? { changes, all } : undefined;
}
