/**
 * JDK Flight Recorder: a row of chunks, each with a header of its own, big-endian.
 * https://github.com/openjdk/jdk/blob/master/src/hotspot/share/jfr/recorder/repository/jfrChunkWriter.cpp
 */
import type { FileHandle } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { methodSamples } from '../profile/jfr.ts';
import type { Profile } from '../profile/profile.ts';
import { table } from '../profile/table.ts';
import { topOf } from '../profile/top.ts';
import { bytes as inBytes, duration as inWords } from '../report.ts';
import { type Format, openFile, readAt, type Summary } from './format.ts';

const magic = Buffer.from('FLR\0', 'latin1');
const headerLength = 68;

/** The header of one chunk. */
interface Chunk {
  readonly version: string;
  /** In bytes, header included; 0 while it is being written. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly start: number;
  /** Milliseconds. */
  readonly duration: number;
}

const broken = (path: string, reason: string): KprofError =>
  new KprofError('incomplete', `${path} is not a whole JFR recording: ${reason}`);

function parse(header: Buffer): Chunk {
  return {
    version: `${header.readUInt16BE(4)}.${header.readUInt16BE(6)}`,
    size: Number(header.readBigInt64BE(8)),
    start: Number(header.readBigInt64BE(32) / 1_000_000n),
    duration: Number(header.readBigInt64BE(40) / 1_000_000n),
  };
}

// Both are written when a chunk is closed, and without them no reader makes sense of its events.
const hasTables = (header: Buffer, size: number): boolean =>
  [16, 24].every((field) => {
    const offset = Number(header.readBigInt64BE(field));
    return offset >= headerLength && offset < size;
  });

async function chunkAt(file: FileHandle, path: string, position: number, rest: number): Promise<Chunk> {
  const header = await readAt(file, position, headerLength);
  if (!header.subarray(0, 4).equals(magic)) throw broken(path, `no chunk begins at byte ${position}`);
  if (header.length < headerLength) throw broken(path, `it ends in the header of a chunk, at byte ${position}`);
  const chunk = parse(header);
  // The last chunk of a JVM that died has no size yet.
  if (chunk.size === 0) return chunk;
  if (chunk.size > rest) throw broken(path, `a chunk of ${chunk.size} bytes has ${rest} of them`);
  if (chunk.size < headerLength || !hasTables(header, chunk.size)) throw broken(path, `the chunk at byte ${position} is damaged`);
  return chunk;
}

async function chunksOf(file: FileHandle, path: string, size: number): Promise<readonly Chunk[]> {
  if (size === 0) throw broken(path, 'it is empty');
  const chunks: Chunk[] = [];
  for (let at = 0; at < size; ) {
    const chunk = await chunkAt(file, path, at, size - at);
    chunks.push(chunk);
    at += chunk.size === 0 ? size - at : chunk.size;
  }
  return chunks;
}

function summarise(chunks: readonly Chunk[], size: number): Summary {
  const first = chunks[0] as Chunk;
  const last = chunks.at(-1) as Chunk;
  const durationMs = Math.max(0, last.start + last.duration - first.start);
  const start = new Date(first.start).toISOString();
  const finished = last.size !== 0;
  const text = `${inWords(durationMs)} of recording from ${start}, ${inBytes(size)} in ${chunks.length} chunk${chunks.length === 1 ? '' : 's'}${finished ? '' : '; the last chunk was not finished'}`;
  return { text, facts: { version: first.version, chunks: chunks.length, start, durationMs, bytes: size, finished } };
}

/** What the JVM's own sampling saw, where it could be read: the recording is whole without it. */
function withSamples(summary: Summary, samples: Profile | undefined): Summary {
  if (samples === undefined) return summary;
  const top = topOf(samples);
  const first = top.rows.slice(0, 10);
  return {
    text: `${summary.text}, ${top.total} samples of Java methods`,
    ...(first.length === 0 ? {} : { details: (columns: number, count?: number) => table(top, columns, count) }),
    facts: { ...summary.facts, samples: top.total, flat: Object.fromEntries(first.map(({ name, flat }) => [name, flat])) },
  };
}

/** JFR recordings; the check walks all chunk headers, whose sizes must add up to the file's. */
export const jfr: Format = {
  name: 'jfr',
  extension: 'jfr',
  viewers: ['jmc', 'page'],
  matches: (head) => head.subarray(0, 4).equals(magic),
  async check(path) {
    await using file = await openFile(path);
    const { size } = await file.stat();
    const summary = summarise(await chunksOf(file, path, size), size);
    return withSamples(summary, await methodSamples(file, size));
  },
};
