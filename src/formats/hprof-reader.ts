/**
 * Heap dumps in HotSpot's binary format
 * (https://github.com/openjdk/jdk/blob/master/src/hotspot/share/services/heapDumper.cpp has its grammar). They may be larger than the
 * memory here: they are read once, in order, and the names of classes are looked for afterwards, near the beginning.
 */
import type { FileHandle } from 'node:fs/promises';
import { Objects } from './hprof-objects.ts';
import { NotWhole, Window } from './hprof-window.ts';

/** The objects of one class; bytes are those of fields or elements, with references of the width of an ID. */
export interface ClassCount {
  /** As in Java: `java.lang.String`, `byte[]`. */
  readonly name: string;
  readonly instances: number;
  readonly bytes: number;
}

/** What a heap dump holds. */
export interface HeapDump {
  /** When it was taken, milliseconds since 1970. */
  readonly takenAt: number;
  /** The largest first. */
  readonly classes: readonly ClassCount[];
  readonly loaded: number;
  readonly roots: number;
}

const [utf8, loadClass, heapDump, segment, end] = [0x01, 0x02, 0x0c, 0x1c, 0x2c];
/** Records of other kinds, which are skipped: unloaded classes, stacks, allocation sites, threads, samples. */
const others: readonly number[] = [0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x0d, 0x0e];
const mostLoaded = 2_000_000;
const longestName = 65_535;

/** How such a file begins. */
export const magic: RegExp = /^JAVA PROFILE 1\.0\.[12]\0/;

/** Reads all of it; throws NotWhole. */
export async function readHeapDump(file: FileHandle): Promise<HeapDump> {
  const { size } = await file.stat();
  const window = new Window(file, size);
  const { isSegmented, takenAt } = await readHead(window);
  const start = window.at;
  const objects = new Objects(window);
  const names = new Map<number, number>();
  let [heaps, ended] = [0, false];
  while (window.at < size) {
    if (ended) throw new NotWhole('something follows its end');
    await window.fill(9);
    const { tag, length } = readRecordHead(window);
    if (tag === heapDump || tag === segment) {
      if (window.at + length > size) throw new NotWhole('it is cut short');
      await objects.read(window.at + length);
      heaps += 1;
    } else if (tag === loadClass) await readLoaded(window, names);
    else if (tag === end) ended = true;
    else if (tag === utf8 || others.includes(tag)) window.skip(length);
    else throw new NotWhole(`a record at ${window.at - 9} is of no kind`);
  }
  if (window.at !== size || heaps === 0 || (isSegmented && !ended)) throw new NotWhole('it is cut short');
  objects.check();
  return { takenAt, classes: await named(window, start, objects, names), loaded: names.size, roots: objects.roots };
}

async function readHead(window: Window): Promise<{ readonly isSegmented: boolean; readonly takenAt: number }> {
  await window.fill(31);
  const title = window.text(19);
  if (!magic.test(title)) throw new NotWhole('it does not begin as one');
  window.idSize = window.u4();
  if (window.idSize !== 4 && window.idSize !== 8) throw new NotWhole(`its IDs are of ${window.idSize} bytes`);
  return { isSegmented: title.includes('1.0.2'), takenAt: window.u4() * 2 ** 32 + window.u4() };
}

function readRecordHead(window: Window): { readonly tag: number; readonly length: number } {
  const tag = window.u1();
  window.skip(4);
  return { tag, length: window.u4() };
}

/** The class, by the number of its name. */
async function readLoaded(window: Window, names: Map<number, number>): Promise<void> {
  await window.fill(8 + 2 * window.idSize);
  window.skip(4);
  const type = window.id();
  window.skip(4);
  names.set(type, window.id());
  if (names.size > mostLoaded) throw new NotWhole('it has more classes than any program');
}

async function named(
  window: Window,
  start: number,
  { classes, primitives }: Objects,
  names: ReadonlyMap<number, number>,
): Promise<readonly ClassCount[]> {
  const wanted = new Set([...classes.keys()].map((type) => names.get(type)));
  if (wanted.has(undefined)) throw new NotWhole('an object in it is of no class');
  const texts = await textsOf(window, start, wanted as ReadonlySet<number>);
  const counted = [...classes].map(([type, tally]) => ({ name: inJava(texts.get(names.get(type) as number) as string), ...tally }));
  const arrays = [...primitives].map(([type, tally]) => ({ name: `${words[type]}[]`, ...tally }));
  return [...counted, ...arrays].sort((one, other) => other.bytes - one.bytes || other.instances - one.instances);
}

/** Texts by their numbers: they stand before what uses them, so that little has to be read again. */
async function textsOf(window: Window, start: number, wanted: ReadonlySet<number>): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  for (window.at = start; window.at < window.total && found.size < wanted.size; ) {
    await window.fill(9);
    const { tag, length } = readRecordHead(window);
    const next = window.at + length;
    if (tag === utf8) {
      await window.fill(Math.min(length, longestName + window.idSize));
      const id = window.id();
      if (wanted.has(id)) found.set(id, window.text(Math.min(length - window.idSize, longestName)));
    }
    window.at = next;
  }
  if (found.size < wanted.size) throw new NotWhole('a name in it is missing');
  return found;
}

const words: Readonly<Record<number, string>> = {
  4: 'boolean',
  5: 'char',
  6: 'float',
  7: 'double',
  8: 'byte',
  9: 'short',
  10: 'int',
  11: 'long',
};
const letters: Readonly<Record<string, string>> = {
  Z: 'boolean',
  C: 'char',
  F: 'float',
  D: 'double',
  B: 'byte',
  S: 'short',
  I: 'int',
  J: 'long',
};

/** `[[Ljava/lang/String;` is `java.lang.String[][]`. */
export function inJava(name: string): string {
  const [, dimensions = '', element = ''] = /^(\[*)(.*)$/s.exec(name) ?? [];
  const plain = dimensions === '' ? element : (letters[element] ?? element.replace(/^L(.*);$/s, '$1'));
  return plain.replaceAll('/', '.') + '[]'.repeat(dimensions.length);
}
