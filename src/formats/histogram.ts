/** Class histograms of HotSpot, and tables of what changed between two. */
import { KprofError } from '../errors.ts';
import { bytes as inBytes, plural } from '../report.ts';
import {
  type Change,
  changeHeading,
  changesOf,
  changeTable,
  type Histogram,
  heading,
  parseChanges,
  parseHistogram,
} from '../runtimes/histogram.ts';
import { type Format, openFile, type Summary } from './format.ts';
import { firstLines, largest, objectTable } from './objects.ts';

/** More than a million classes would give. */
const longest = 64 * 2 ** 20;

async function textOf(path: string): Promise<string> {
  await using file = await openFile(path);
  const { size } = await file.stat();
  if (size > longest) throw notWhole(path);
  return file.readFile('utf8');
}

const notWhole = (path: string): KprofError => new KprofError('incomplete', `${path} is not a whole class histogram`);

async function histogramOf(path: string): Promise<Histogram> {
  const found = parseHistogram(await textOf(path));
  if (found === undefined) throw notWhole(path);
  return found;
}

const signed = (n: number): string => (n < 0 ? `-${inBytes(-n)}` : `+${inBytes(n)}`);

function summarise(found: Histogram): Summary {
  const { entries, instances, bytes } = found;
  return {
    text: `${inBytes(bytes)} in ${plural(instances, 'object')} of ${plural(entries.length, 'class', 'classes')}`,
    details: (columns, count = 10) => objectTable(entries, columns, count),
    facts: {
      bytes,
      instances,
      classes: entries.length,
      top: Object.fromEntries(largest(entries, 10).map((entry) => [entry.name, entry.bytes])),
    },
  };
}

/** What changed most, in bytes by the class's name; what shrank as negative numbers. */
const most = (changes: readonly Change[]) => Object.fromEntries(changes.slice(0, 10).map(({ name, moreBytes }) => [name, moreBytes]));

function summariseChanges({ changes, all }: NonNullable<ReturnType<typeof parseChanges>>): Summary {
  return {
    text: `${signed(all.moreBytes)} to ${inBytes(all.bytes)}; ${plural(changes.length, 'class', 'classes')} changed`,
    facts: {
      bytes: all.bytes,
      instances: all.instances,
      moreBytes: all.moreBytes,
      moreInstances: all.moreInstances,
      changed: changes.length,
      grew: most(changes.filter(({ moreBytes }) => moreBytes > 0)),
      shrank: most(changes.filter(({ moreBytes }) => moreBytes < 0).toReversed()),
    },
  };
}

/** Both kinds; the check adds all rows up. */
export const histogram: Format = {
  name: 'histogram',
  extension: 'txt',
  viewers: [],
  matches: (head) => {
    const text = head.toString('latin1');
    return text.startsWith(changeHeading) || text.split('\n', 3).some((line) => heading.test(line));
  },
  async check(path) {
    const text = await textOf(path);
    const changes = parseChanges(text);
    if (changes !== undefined) return summariseChanges(changes);
    const found = parseHistogram(text);
    if (found === undefined) throw notWhole(path);
    return summarise(found);
  },
  async diff(earlier, later) {
    const [one, other] = [await histogramOf(earlier), await histogramOf(later)];
    const text = changeTable(one, other);
    const summary = summariseChanges({ changes: changesOf(one, other), all: allOf(one, other) });
    return { ...summary, details: (columns, count = 10) => firstLines(text, columns, count + 1) };
  },
};

const allOf = (earlier: Histogram, later: Histogram) => ({
  name: '',
  instances: later.instances,
  bytes: later.bytes,
  moreInstances: later.instances - earlier.instances,
  moreBytes: later.bytes - earlier.bytes,
});
