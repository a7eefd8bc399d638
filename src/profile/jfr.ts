/** The method samples (jdk.ExecutionSample) of JFR recordings, as a profile. */
import type { FileHandle } from 'node:fs/promises';
import { Cursor, readTypes, readValue, type Type, type Value } from './jfr-values.ts';
import type { Location, Profile, Sample } from './profile.ts';
import { Malformed } from './wire.ts';

const headerLength = 68;
/** Of a file: it is read here chunk by chunk, in memory. */
const largest = 256 * 2 ** 20;

type Constants = ReadonlyMap<string, ReadonlyMap<number, Value>>;

/** Undefined where they can't be read: too large, or not understood. Whether the file is whole is judged elsewhere. */
export async function methodSamples(file: FileHandle, size: number): Promise<Profile | undefined> {
  if (size > largest) return undefined;
  const samples: Sample[] = [];
  try {
    for (let at = 0; at < size; ) {
      const { buffer: header } = await file.read(Buffer.alloc(headerLength), 0, headerLength, at);
      const length = Number(header.readBigInt64BE(8)) || size - at;
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
      samples.push(...samplesOf(buffer));
      at += length;
    }
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return undefined;
    throw error;
  }
  return { types: [{ type: 'samples', unit: 'count' }], samples, dropFrames: '', keepFrames: '', defaultType: '', time: 0, duration: 0 };
}

function samplesOf(chunk: Buffer): readonly Sample[] {
  const types = readTypes(chunk, Number(chunk.readBigInt64BE(24)));
  const event = [...types.values()].find(({ name }) => name === 'jdk.ExecutionSample');
  if (event === undefined) return [];
  const counts = new Map<number, number>();
  for (const { stackTrace } of eventsOf(chunk, types, event)) counts.set(Number(stackTrace), (counts.get(Number(stackTrace)) ?? 0) + 1);
  const stackOf = stacks(readConstants(chunk, types));
  return [...counts].map(([id, count]) => ({ stack: stackOf(id), values: [count] }));
}

function* eventsOf(chunk: Buffer, types: ReadonlyMap<number, Type>, { id }: Type): Generator<{ readonly [field: string]: Value }> {
  const cursor = new Cursor(chunk, headerLength);
  while (cursor.at < chunk.length) {
    const start = cursor.at;
    const size = cursor.varint();
    if (size <= 0) throw new Malformed('it has an event of no length');
    if (cursor.varint() === id) yield readValue(cursor, types, id) as { readonly [field: string]: Value };
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

/** The places of a stack trace, by its number. */
function stacks(constants: Constants): (id: number) => readonly Location[] {
  const pool = (name: string) => constants.get(name) ?? new Map<number, Value>();
  const [traces, methods, classes, symbols] = ['jdk.types.StackTrace', 'jdk.types.Method', 'java.lang.Class', 'jdk.types.Symbol'].map(
    pool,
  ) as [ReadonlyMap<number, Value>, ReadonlyMap<number, Value>, ReadonlyMap<number, Value>, ReadonlyMap<number, Value>];
  const symbol = (id: Value): string => String(get(symbols.get(Number(id)), 'string') ?? '');
  const known = new Map<number, Location>();
  const locate = (id: number): Location => {
    const method = methods.get(id);
    const type = symbol(get(classes.get(Number(get(method, 'type'))), 'name')).replaceAll('/', '.');
    return { object: '', lines: [{ name: `${type}.${symbol(get(method, 'name'))}`, system: '', startLine: 0 }] };
  };
  const place = (frame: Value): Location => {
    const id = Number(get(frame, 'method'));
    const location = known.get(id) ?? locate(id);
    known.set(id, location);
    return location;
  };
  return (id) => {
    const frames = get(traces.get(id), 'frames');
    return Array.isArray(frames) ? (frames as readonly Value[]).map(place) : [];
  };
}
