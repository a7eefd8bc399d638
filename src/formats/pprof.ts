/** Profiles of pprof, gzipped protobuf: https://github.com/google/pprof/blob/main/proto/profile.proto */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { KprofError } from '../errors.ts';
import { bytes as inWords } from '../report.ts';
import { shellWord } from '../safe.ts';
import { type Format, openFile } from './format.ts';

const magic = Buffer.from([0x1f, 0x8b, 8]);
// Both are read whole. Most profiles have kilobytes.
const largest = 256 * 2 ** 20;
const unzip = promisify(gunzip);

const broken = (path: string, reason: string): KprofError =>
  new KprofError('incomplete', `${path} is not a whole pprof profile: ${reason}`);

/** A number of protobuf, seven bits a byte, and where it ends; undefined when it is cut. */
function varint(bytes: Buffer, at: number): readonly [value: number, end: number] | undefined {
  let value = 0;
  for (let i = 0; i < 10; i += 1) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 127) * 128 ** i;
    if (byte < 128) return [value, at + i + 1];
  }
  return undefined;
}

/** How many samples (field 2) a profile has; undefined when it is none. */
function samplesOf(bytes: Buffer): number | undefined {
  let samples = 0;
  for (let at = 0; at < bytes.length; ) {
    const [tag, begin] = varint(bytes, at) ?? [0, 0];
    const [value, end] = varint(bytes, begin) ?? [Number.NaN, 0];
    const [field, wire] = [tag >>> 3, tag & 7];
    at = end + (wire === 2 ? value : 0);
    if (field < 1 || field > 15 || (wire !== 0 && wire !== 2) || !(at <= bytes.length)) return undefined;
    if (field === 2) samples += 1;
  }
  return bytes.length === 0 ? undefined : samples;
}

/** Profiles as Go and others serve them; the check unpacks them. */
export const pprof: Format = {
  name: 'pprof',
  extension: 'pb.gz',
  viewers: ['page', 'pprof'],
  matches: (head) => head.subarray(0, 3).equals(magic),
  async check(path) {
    await using file = await openFile(path);
    const { size } = await file.stat();
    if (size > largest)
      throw new KprofError('unsupported', `${path} has ${inWords(size)}, and kprof reads a pprof profile of up to ${inWords(largest)}`, {
        hint: `go tool pprof ${shellWord(path)}`,
      });
    const packed = await readFile(path);
    const bytes = await unzip(packed, { maxOutputLength: largest }).catch(() => {
      throw broken(path, 'it is cut short, or too large');
    });
    const samples = samplesOf(bytes);
    if (samples === undefined) throw broken(path, 'what is packed is no profile');
    return { text: `${samples} stacks, ${inWords(bytes.length)} unpacked`, facts: { samples, bytes: bytes.length } };
  },
};
