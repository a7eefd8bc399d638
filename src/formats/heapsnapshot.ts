/**
 * Heap snapshots of V8: a head that tells the layout, long arrays of numbers, and the strings that these count on
 * (https://github.com/v8/v8/blob/main/src/profiler/heap-snapshot-generator.cc, HeapSnapshotJSONSerializer). They may be larger than
 * the memory here, so they are read once, byte by byte.
 */
import { KprofError } from '../errors.ts';
import { table } from '../profile/table.ts';
import { topOf } from '../profile/top.ts';
import { bytes as inBytes, plural } from '../report.ts';
import type { Format, Summary } from './format.ts';
import { openFile } from './format.ts';
import { type Layout, layoutOf, NotWhole, NumberReader, StringReader } from './heapsnapshot-parts.ts';

const longestHead = 2 ** 20;
const beginning = /^\s*\{\s*"snapshot"\s*:\s*\{\s*"meta"/;
/** So many classes are named at most. */
const mostNames = 1000;

/** What the objects of one class take. */
interface Class {
  size: number;
  count: number;
}

/** By class: the number of the constructor's name, or a type in words. */
type Classes = ReadonlyMap<number | string, Class>;

async function read(path: string): Promise<Summary> {
  await using file = await openFile(path);
  const reader = new SnapshotReader();
  for await (const chunk of file.createReadStream({ autoClose: false, start: 0, highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>)
    reader.take(chunk);
  return reader.end();
}

/** Takes the file's bytes in order; throws NotWhole. */
class SnapshotReader {
  private head = '';
  private layout: Layout | undefined;
  private numbers: NumberReader | undefined;
  private strings: StringReader | undefined;
  private readonly classes = new Map<number | string, Class>();
  private row: number[] = [];
  private readonly sections = new Map<string, number>();

  take(chunk: Buffer): void {
    let at = 0;
    if (this.layout === undefined) {
      const before = Buffer.byteLength(this.head, 'latin1');
      this.head += chunk.toString('latin1');
      const found = /"nodes"\s*:\s*\[/.exec(this.head);
      if (found === null) {
        if (this.head.length > longestHead) throw new NotWhole('it has no nodes');
        return;
      }
      this.layout = layoutOf(this.head.slice(0, found.index));
      this.numbers = new NumberReader('nodes', (name, value) => this.number(name, value));
      at = found.index + found[0].length - before;
      this.head = '';
    }
    if (this.strings === undefined) {
      at = (this.numbers as NumberReader).take(chunk, at);
      if (at >= chunk.length && !this.numbers?.done) return;
      this.strings = new StringReader(this.wanted());
    }
    this.strings.take(chunk, at);
  }

  private number(section: string, value: number): void {
    this.sections.set(section, (this.sections.get(section) ?? 0) + 1);
    const layout = this.layout as Layout;
    if (section !== 'nodes' || this.row.push(value) < layout.nodeFields) return;
    const [type, name, size] = [this.row[layout.type] as number, this.row[layout.name] as number, this.row[layout.size] as number];
    this.row = [];
    const kind = layout.types[type];
    if (kind === undefined) throw new NotWhole('a node in it is of no type');
    const key = kind === 'object' || kind === 'native' ? name : `(${kind})`;
    const sum = this.classes.get(key) ?? { size: 0, count: 0 };
    this.classes.set(key, sum);
    sum.size += size;
    sum.count += 1;
  }

  /** The largest classes' names. */
  private wanted(): ReadonlySet<number> {
    const largest = [...this.classes].sort(([, one], [, other]) => other.size - one.size).slice(0, mostNames);
    return new Set(largest.map(([key]) => key).filter((key) => typeof key === 'number'));
  }

  end(): Summary {
    const { layout, strings } = this;
    if (layout === undefined || strings === undefined || !strings.done) throw new NotWhole('it is cut short');
    const counted = (name: string, expected: number) => {
      const seen = this.sections.get(name) ?? 0;
      if (seen !== expected) throw new NotWhole(`it has ${seen} numbers of ${name} instead of ${expected}`);
    };
    counted('nodes', layout.nodes * layout.nodeFields);
    counted('edges', layout.edges * layout.edgeFields);
    for (const name of this.wanted()) if (!strings.found.has(name)) throw new NotWhole('a name in it is missing');
    return summarise(this.classes, strings.found, layout);
  }
}

/** Classes as DevTools has them, by what their objects take themselves. */
function summarise(classes: Classes, names: ReadonlyMap<number, string>, { nodes, edges }: Layout): Summary {
  const sum = [...classes.values()].reduce((all, { size }) => all + size, 0);
  const samples = [...classes].map(([key, { size }]) => {
    const name = typeof key === 'string' ? key : names.get(key);
    return { stack: name === undefined ? [] : [{ object: '', lines: [{ name, system: '', startLine: 0 }] }], values: [size] };
  });
  const type = { type: 'inuse_space', unit: 'bytes' };
  const top = topOf({ types: [type], samples, dropFrames: '', keepFrames: '', defaultType: '', time: 0, duration: 0 });
  return {
    text: `${inBytes(sum)} in ${plural(nodes, 'object')} of ${plural(classes.size, 'class', 'classes')}, ${plural(edges, 'reference')}`,
    ...(top.rows.length === 0 ? {} : { details: (columns: number, count?: number) => table(top, columns, count) }),
    facts: {
      bytes: sum,
      nodes,
      edges,
      classes: classes.size,
      flat: Object.fromEntries(top.rows.slice(0, 10).map((row) => [row.name, row.flat])),
    },
  };
}

/** Heap snapshots; the check reads all of it, in bounded memory. Chrome's DevTools show them (Memory, Load). */
export const heapsnapshot: Format = {
  name: 'heapsnapshot',
  extension: 'heapsnapshot',
  viewers: [],
  matches: (head) => beginning.test(head.toString('latin1')),
  async check(path) {
    try {
      return await read(path);
    } catch (error) {
      if (error instanceof NotWhole) throw new KprofError('incomplete', `${path} is not a whole heap snapshot: ${error.message}`);
      throw error;
    }
  },
};
