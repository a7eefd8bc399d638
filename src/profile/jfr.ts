/**
 * What is read of JFR recordings: method samples as a profile, and the events of jfr-events.ts. Methods that the JVM marks hidden
 * (the inside of method handles and lambdas) are no places, as in `jfr print` and in the stack traces of Java.
 * https://github.com/openjdk/jdk/blob/master/src/jdk.jfr/share/classes/jdk/jfr/internal/tool/PrettyWriter.java
 */
import type { FileHandle } from 'node:fs/promises';
import { type Counter, className, counter, type Events, type Fields } from './jfr-events.ts';
import { Cursor, readTypes, readValue, type Type, type Value } from './jfr-values.ts';
import type { Location, Profile, Sample } from './profile.ts';
import { Malformed } from './wire.ts';

const headerLength = 68;
/** Of a file: it is read here chunk by chunk, in memory. */
const largest = 256 * 2 ** 20;

type Constants = ReadonlyMap<string, ReadonlyMap<number, Value>>;

/** What stands out in a recording. */
export interface Recording {
  readonly samples: Profile;
  readonly events: Events;
}

/** Undefined where it can't be read: too large, or not understood. Whether the file is whole is judged elsewhere. */
export async function readRecording(file: FileHandle, size: number): Promise<Recording | undefined> {
  if (size > largest) return undefined;
  const samples = samplers.map((): Sample[] => []);
  const counts = counter();
  try {
    for (let at = 0; at < size; ) {
      const { buffer: header } = await file.read(Buffer.alloc(headerLength), 0, headerLength, at);
      const length = Number(header.readBigInt64BE(8)) || size - at;
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
      readChunk(buffer, samples, counts);
      at += length;
    }
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return undefined;
    throw error;
  }
  const first = Math.max(
    0,
    samples.findIndex(({ length }) => length > 0),
  );
  return { samples: profileOf(samples[first] ?? [], samplers[first]?.type ?? ''), events: counts.events() };
}

/** Events that are method samples; those that come first are taken, where there are several kinds. */
const samplers: readonly { readonly event: string; readonly type: string; readonly weigh: (fields: Fields) => number }[] = [
  { event: 'jdk.ExecutionSample', type: 'java samples', weigh: () => 1 },
  // https://github.com/async-profiler/async-profiler/blob/master/src/jfrMetadata.cpp
  { event: 'profiler.WallClockSample', type: 'wall-clock samples', weigh: ({ samples }) => Math.max(1, Number(samples) || 1) },
];

const profileOf = (samples: readonly Sample[], type: string): Profile => ({
  types: [{ type, unit: 'count' }],
  samples,
  dropFrames: '',
  keepFrames: '',
  defaultType: '',
  time: 0,
  duration: 0,
});

/** The samples of each of the samplers are added to the list at its place. */
function readChunk(chunk: Buffer, samples: readonly Sample[][], counts: Counter): void {
  const types = readTypes(chunk, Number(chunk.readBigInt64BE(24)));
  const traces = samplers.map(() => new Map<number, number>());
  const sample = (weights: Map<number, number> | undefined, id: number, weight: number): void =>
    void weights?.set(id, (weights.get(id) ?? 0) + weight);
  const readers = samplers.map(({ event, weigh }, at) => [event, (of: Fields) => sample(traces[at], Number(of['stackTrace']), weigh(of))]);
  walk(chunk, types, { ...Object.fromEntries(readers), ...counts.of });
  const constants = readConstants(chunk, types);
  const ticks = Number(chunk.readBigInt64BE(56));
  if (ticks <= 0) throw new Malformed('its clock does not tick');
  const nameOf = names(constants);
  counts.close(ticks, (type) => className(nameOf(type)));
  const stackOf = stacks(constants);
  for (const [at, weights] of traces.entries())
    for (const [id, weight] of weights) samples[at]?.push({ stack: stackOf(id), values: [weight] });
}

/** Reads the events of these types, and passes over all others. */
function walk(chunk: Buffer, types: ReadonlyMap<number, Type>, readers: Readonly<Record<string, (fields: Fields) => void>>): void {
  const wanted = new Map(
    [...types.values()].flatMap(({ id, name }) => (Object.hasOwn(readers, name) ? [[id, readers[name]] as const] : [])),
  );
  const cursor = new Cursor(chunk, headerLength);
  while (cursor.at < chunk.length) {
    const start = cursor.at;
    const size = cursor.varint();
    if (size <= 0) throw new Malformed('it has an event of no length');
    const id = cursor.varint();
    wanted.get(id)?.(readValue(cursor, types, id) as Fields);
    cursor.at = start + size;
  }
}

/** Constants by the name of their type and their number; checkpoints are a chain, each with the way back to the one before. */
function readConstants(chunk: Buffer, types: ReadonlyMap<number, Type>): Constants {
  const all = new Map<string, Map<number, Value>>();
  const cursor = new Cursor(chunk, 0);
  for (let at = Number(chunk.readBigInt64BE(16)), last = chunk.length; at > 0 && at < last; ) {
    cursor.at = at;
    for (let head = 0; head < 4; head++) cursor.varint(); // size, type, start, duration
    const delta = signed(cursor);
    cursor.byte();
    for (let pools = cursor.count(); pools > 0; pools--) readPool(cursor, types, all);
    last = at;
    at = delta === 0 ? 0 : at + delta;
  }
  return all;
}

/** The one number that is less than zero, in 64 bits. */
function signed(cursor: Cursor): number {
  let value = 0n;
  for (let index = 0n; index < 9n; index++) {
    const byte = BigInt(cursor.byte());
    value |= (index === 8n ? byte : byte & 127n) << (7n * index);
    if (index < 8n && byte < 128n) break;
  }
  return Number(BigInt.asIntN(64, value));
}

function readPool(cursor: Cursor, types: ReadonlyMap<number, Type>, all: Map<string, Map<number, Value>>): void {
  const id = cursor.varint();
  const name = types.get(id)?.name ?? '';
  const pool = all.get(name) ?? new Map<number, Value>();
  all.set(name, pool);
  for (let left = cursor.count(); left > 0; left--) pool.set(cursor.varint(), readValue(cursor, types, id));
}

const get = (value: Value, field: string): Value =>
  typeof value === 'object' && !Array.isArray(value) ? (value as { readonly [field: string]: Value })[field] : undefined;

const pool = (constants: Constants, name: string): ReadonlyMap<number, Value> => constants.get(name) ?? new Map();

/** The names of classes, by their numbers, as the JVM has them inside: `java/lang/String`. */
function names(constants: Constants): (id: number) => string {
  const [classes, symbols] = [pool(constants, 'java.lang.Class'), pool(constants, 'jdk.types.Symbol')];
  return (id) => String(get(symbols.get(Number(get(classes.get(id), 'name'))), 'string') ?? '');
}

/** The places of a stack trace, by its number. */
function stacks(constants: Constants): (id: number) => readonly Location[] {
  const [traces, methods] = [pool(constants, 'jdk.types.StackTrace'), pool(constants, 'jdk.types.Method')];
  const symbols = pool(constants, 'jdk.types.Symbol');
  const nameOf = names(constants);
  const known = new Map<number, Location>();
  const locate = (id: number): Location => {
    const method = methods.get(id);
    const type = nameOf(Number(get(method, 'type'))).replaceAll('/', '.');
    const name = String(get(symbols.get(Number(get(method, 'name'))), 'string') ?? '');
    return { object: '', lines: [{ name: `${type}.${name}`, system: '', startLine: 0 }] };
  };
  const place = (id: number): Location => {
    const location = known.get(id) ?? locate(id);
    known.set(id, location);
    return location;
  };
  return (id) => {
    const frames = get(traces.get(id), 'frames');
    const ids = Array.isArray(frames) ? (frames as readonly Value[]).map((frame) => Number(get(frame, 'method'))) : [];
    const shown = ids.filter((method) => !get(methods.get(method), 'hidden'));
    return (shown.length > 0 ? shown : ids).map(place);
  };
}
