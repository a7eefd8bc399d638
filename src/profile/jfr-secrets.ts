/** Whether a JFR recording tells the environment or the system properties, where secrets live: its events are passed over, in little memory. */
import type { FileHandle } from 'node:fs/promises';
import { Cursor, readTypes } from './jfr-values.ts';
import { Malformed } from './wire.ts';

const telling: readonly string[] = ['jdk.InitialEnvironmentVariable', 'jdk.InitialSystemProperty'];

const headerLength = 68;
/** Of an event its length and its type: two numbers of 9 bytes at most. */
const headOfEvent = 18;
const window = 2 ** 20;
/** Of real ones it has some hundred kilobytes. */
const largestMetadata = 16 * 2 ** 20;

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

/** Undefined where that can't be told: it is not whole, or not understood. */
export async function tellsSecrets(file: FileHandle, size: number): Promise<boolean | undefined> {
  try {
    for (let at = 0; at < size; ) {
      const header = await readAt(file, at, headerLength);
      const end = at + Number(header.readBigInt64BE(8));
      if (end < at + headerLength || end > size) return undefined;
      const wanted = await typesThatTell(file, at + Number(header.readBigInt64BE(24)), end);
      if (wanted.size > 0 && (await hasEvent(file, at + headerLength, end, wanted))) return true;
      at = end;
    }
    return false;
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Their numbers, which each chunk has of its own. */
async function typesThatTell(file: FileHandle, at: number, end: number): Promise<ReadonlySet<number>> {
  const length = new Cursor(await readAt(file, at, Math.min(headOfEvent, end - at)), 0).varint();
  if (length > Math.min(largestMetadata, end - at)) throw new Malformed('its metadata is larger than it can be');
  const types = readTypes(await readAt(file, at, length), 0);
  if (types.size === 0) throw new Malformed('it has no types');
  return new Set([...types.values()].filter(({ name }) => telling.includes(name)).map(({ id }) => id));
}

async function hasEvent(file: FileHandle, from: number, end: number, wanted: ReadonlySet<number>): Promise<boolean> {
  let cursor = new Cursor(Buffer.alloc(0), 0);
  for (let [at, base] = [from, from]; at < end; ) {
    const known = base + cursor.bytes.length;
    if (known < Math.min(end, at + headOfEvent)) {
      base = at;
      cursor = new Cursor(await readAt(file, at, Math.min(window, end - at)), 0);
    }
    cursor.at = at - base;
    const length = cursor.varint();
    if (length <= 0) throw new Malformed('it has an event of no length');
    if (wanted.has(cursor.varint())) return true;
    at += length;
  }
  return false;
}
