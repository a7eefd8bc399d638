/**
 * Profiles of pprof, read strictly and with bounds: https://github.com/google/pprof/blob/main/proto/profile.proto
 * Own reading, because a file that was cut or forged must be told from a whole one.
 */
import { gunzipSync } from 'node:zlib';
import { type Integer, Malformed, readIntegers, readMessage, signed } from './wire.ts';

/** What is counted, and in which unit. */
export interface ValueType {
  readonly type: string;
  readonly unit: string;
}

/** A function as it is named; `system` is the name that the linker knows. */
export interface Fn {
  readonly name: string;
  readonly system: string;
  readonly startLine: Integer;
}

/** A place in the program; functions that were inlined into each other stand together, the innermost first. */
export interface Location {
  readonly object: string;
  readonly lines: readonly Fn[];
}

/** Values of one stack, the innermost place first. */
export interface Sample {
  readonly stack: readonly Location[];
  readonly values: readonly number[];
}

/** A profile, with names instead of numbers. */
export interface Profile {
  readonly types: readonly ValueType[];
  readonly samples: readonly Sample[];
  readonly dropFrames: string;
  readonly keepFrames: string;
  readonly defaultType: string;
  /** Milliseconds since 1970; 0 when not said. */
  readonly time: number;
  /** Milliseconds; 0 when not said. */
  readonly duration: number;
}

/** Of the file, and of what it unpacks to. */
export const largest = { file: 256 * 2 ** 20, content: 1024 * 2 ** 20 };

/** Reads a profile, compressed or not. Throws Malformed with the reason when it is none or not whole. */
export function parseProfile(file: Buffer): Profile {
  const compressed = file[0] === 0x1f && file[1] === 0x8b;
  return decode(compressed ? unpack(file) : file);
}

function unpack(file: Buffer): Buffer {
  try {
    return gunzipSync(file, { maxOutputLength: largest.content });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new Malformed(`it unpacks to more than ${largest.content / 2 ** 20} MiB`);
    throw new Malformed(code === 'Z_BUF_ERROR' ? 'it ends in the middle' : `it can not be unpacked: ${message}`);
  }
}

interface Raw {
  readonly types: Buffer[];
  readonly samples: Buffer[];
  readonly mappings: Buffer[];
  readonly locations: Buffer[];
  readonly functions: Buffer[];
  readonly strings: Buffer[];
  readonly numbers: Map<number, Integer>;
}

function split(content: Buffer): Raw {
  const raw: Raw = { types: [], samples: [], mappings: [], locations: [], functions: [], strings: [], numbers: new Map() };
  const lists: Readonly<Record<number, Buffer[]>> = {
    1: raw.types,
    2: raw.samples,
    3: raw.mappings,
    4: raw.locations,
    5: raw.functions,
    6: raw.strings,
  };
  readMessage(content, (number, value, bytes) => {
    const list = lists[number];
    if (list !== undefined && bytes === undefined) throw new Malformed('a field of it is of another type');
    if (list !== undefined && bytes !== undefined) list.push(bytes);
    else if (value !== undefined) raw.numbers.set(number, value);
  });
  return raw;
}

function numbersOf(message: Buffer): ReadonlyMap<number, Integer> {
  const numbers = new Map<number, Integer>();
  readMessage(message, (number, value) => value !== undefined && numbers.set(number, value));
  return numbers;
}

/** By their ids, each of which is there once. */
function byId<T>(
  messages: readonly Buffer[],
  what: string,
  read: (message: Buffer, numbers: ReadonlyMap<number, Integer>) => T,
): ReadonlyMap<Integer, T> {
  const all = new Map<Integer, T>();
  for (const message of messages) {
    const numbers = numbersOf(message);
    const id = numbers.get(1) ?? 0;
    if (id === 0 || all.has(id)) throw new Malformed(`two of its ${what} have the same number, or one has none`);
    all.set(id, read(message, numbers));
  }
  return all;
}

function find<T>(all: ReadonlyMap<Integer, T>, id: Integer, what: string): T {
  const found = all.get(id);
  if (found === undefined) throw new Malformed(`it names a ${what} that it does not have`);
  return found;
}

function decode(content: Buffer): Profile {
  const raw = split(content);
  const strings = raw.strings.map((bytes) => bytes.toString('utf8'));
  if (strings.length === 0 || strings[0] !== '') throw new Malformed('its table of texts is missing');
  const text = (index: Integer | undefined): string => {
    const found = strings[Number(index ?? 0)];
    if (found === undefined) throw new Malformed('it names a text that it does not have');
    return found;
  };
  const types = raw.types.map(numbersOf).map((numbers) => ({ type: text(numbers.get(1)), unit: text(numbers.get(2)) }));
  if (types.length === 0) throw new Malformed('it does not say what it counts');
  const objects = byId(raw.mappings, 'mappings', (_, numbers) => text(numbers.get(5)));
  const functions = byId(raw.functions, 'functions', (_, numbers) => ({
    name: text(numbers.get(2)),
    system: text(numbers.get(3)),
    startLine: numbers.get(5) ?? 0,
  }));
  const locations = byId(raw.locations, 'locations', (message, numbers) => locationOf(message, numbers, objects, functions));
  const { numbers } = raw;
  return {
    types,
    samples: raw.samples.map((message) => sampleOf(message, locations, types.length)),
    dropFrames: text(numbers.get(7)),
    keepFrames: text(numbers.get(8)),
    defaultType: text(numbers.get(14)),
    time: Math.round(signed(numbers.get(9) ?? 0) / 1e6),
    duration: signed(numbers.get(10) ?? 0) / 1e6,
  };
}

function locationOf(
  message: Buffer,
  numbers: ReadonlyMap<number, Integer>,
  objects: ReadonlyMap<Integer, string>,
  functions: ReadonlyMap<Integer, Fn>,
): Location {
  const lines: Fn[] = [];
  readMessage(message, (number, _, bytes) => {
    if (number === 4 && bytes !== undefined) lines.push(find(functions, numbersOf(bytes).get(1) ?? 0, 'function'));
  });
  const mapping = numbers.get(2) ?? 0;
  return { object: mapping === 0 ? '' : find(objects, mapping, 'mapping'), lines };
}

function sampleOf(message: Buffer, locations: ReadonlyMap<Integer, Location>, width: number): Sample {
  const [ids, values]: [Integer[], Integer[]] = [[], []];
  readMessage(message, (number, value, bytes) => {
    if (number === 1) readIntegers(ids, value, bytes);
    else if (number === 2) readIntegers(values, value, bytes);
  });
  if (values.length !== width) throw new Malformed(`a sample of it has ${values.length} values, and ${width} are counted`);
  return { stack: ids.map((id) => find(locations, id, 'location')), values: values.map(signed) };
}
