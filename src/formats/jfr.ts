/**
 * JDK Flight Recorder: a row of chunks, each with a header of its own, big-endian.
 * https://github.com/openjdk/jdk/blob/master/src/hotspot/share/jfr/recorder/repository/jfrChunkWriter.cpp
 */
import type { FileHandle } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { type Recording, readRecording } from '../profile/jfr.ts';
import type { Events } from '../profile/jfr-events.ts';
import { tellsSecrets } from '../profile/jfr-secrets.ts';
import { eventTables, ranked } from '../profile/jfr-table.ts';
import type { Profile } from '../profile/profile.ts';
import { table } from '../profile/table.ts';
import { topOf } from '../profile/top.ts';
import { bytes as inBytes, duration as inWords, plural } from '../report.ts';
import { shellWord } from '../safe.ts';
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
  const text = `${inWords(durationMs)} of recording from ${start}, ${inBytes(size)} in ${plural(chunks.length, 'chunk')}${finished ? '' : '; the last chunk was not finished'}`;
  return { text, facts: { version: first.version, chunks: chunks.length, start, durationMs, bytes: size, finished } };
}

const milliseconds = (nanoseconds: number): number => Math.round(nanoseconds / 1000) / 1000;

/** For the record, as far as there are any. */
function factsOf({ pauses, allocated, waited }: Events): Summary['facts'] {
  const first = (all: Events['waited'], convert: (amount: number) => number) =>
    Object.fromEntries(
      ranked(all)
        .slice(0, 10)
        .map(([name, { amount }]) => [name, convert(amount)]),
    );
  const { count, amount, longest } = pauses;
  return {
    ...(count === 0 ? {} : { gc: { pauses: count, totalMs: milliseconds(amount), longestMs: milliseconds(longest) } }),
    ...(allocated.size === 0 ? {} : { allocated: first(allocated, Number) }),
    ...(waited.size === 0 ? {} : { waitedMs: first(waited, milliseconds) }),
  };
}

/** What the JVM saw of itself, where it could be read: the recording is whole without it. */
function withRecording(summary: Summary, recording: Recording | undefined): Summary {
  if (recording === undefined) return summary;
  const { samples, events } = recording;
  const top = topOf(samples);
  const first = top.rows.slice(0, 10);
  const details = (columns: number, count?: number) =>
    [...(first.length === 0 ? [] : [table(top, columns, count)]), ...eventTables(events, columns, count)].join('\n').replace(/^\n/, '');
  return {
    text: `${summary.text}, ${plural(top.total, top.type.type === 'java samples' ? 'sample' : 'wall-clock sample')} of Java methods`,
    ...(details(80) === '' ? {} : { details }),
    facts: {
      ...summary.facts,
      samples: top.total,
      flat: Object.fromEntries(first.map(({ name, flat }) => [name, flat])),
      ...factsOf(events),
    },
  };
}

/** The method samples of a whole recording. Throws a KprofError. */
async function samplesOf(path: string): Promise<Profile> {
  await using file = await openFile(path);
  const { size } = await file.stat();
  await chunksOf(file, path, size);
  const recording = await readRecording(file, size);
  if (recording === undefined)
    throw new KprofError('unsupported', `The events of ${path} can't be read here`, { hint: `jfr summary ${shellWord(path)}` });
  return recording.samples;
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
    return withRecording(summary, await readRecording(file, size));
  },
  stacks: samplesOf,
  async tellsSecrets(path) {
    await using file = await openFile(path);
    return await tellsSecrets(file, (await file.stat()).size);
  },
};
