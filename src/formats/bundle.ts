/** Several profiles in one zip file of stored entries, as src/capture/zip.ts writes it. */
import { crc32 } from 'node:zlib';
import { KprofError } from '../errors.ts';
import { bytes as inBytes, plural } from '../report.ts';
import type { Format, Summary } from './format.ts';
import { traceIn } from './gotrace.ts';
import { contentOf, profileIn, summarise } from './pprof.ts';

/** One file in the bundle. */
export interface Member {
  readonly name: string;
  readonly content: Buffer;
}

/** The files of a bundle. Throws a KprofError `incomplete` when it is not whole, or no bundle of ours. */
export function members(content: Buffer, path: string): readonly Member[] {
  const broken = (reason: string) => new KprofError('incomplete', `${path} is not a whole bundle: ${reason}`);
  const tail = content.length - 22;
  if (tail < 0 || content.readUInt32LE(tail) !== 0x06054b50) throw broken('it ends without its directory');
  const count = content.readUInt16LE(tail + 10);
  const found: Member[] = [];
  try {
    for (let left = count, at = content.readUInt32LE(tail + 16); left > 0; left--) {
      const nameLength = content.readUInt16LE(at + 28);
      const member = memberAt(content, at, nameLength);
      if (member === undefined) throw broken(`its file ${count - left + 1} is damaged`);
      found.push(member);
      at += 46 + nameLength + content.readUInt16LE(at + 30) + content.readUInt16LE(at + 32);
    }
  } catch (error) {
    if (error instanceof RangeError) throw broken('its directory is damaged');
    throw error;
  }
  return found;
}

function memberAt(content: Buffer, at: number, nameLength: number): Member | undefined {
  const [method, size, local] = [content.readUInt16LE(at + 10), content.readUInt32LE(at + 24), content.readUInt32LE(at + 42)];
  const signed = content.readUInt32LE(at) === 0x02014b50 && content.readUInt32LE(local) === 0x04034b50;
  const start = local + 30 + content.readUInt16LE(local + 26) + content.readUInt16LE(local + 28);
  const bytes = content.subarray(start, start + size);
  if (!signed || method !== 0 || bytes.length !== size || crc32(bytes) !== content.readUInt32LE(at + 16)) return undefined;
  return { name: content.subarray(at + 46, at + 46 + nameLength).toString('utf8'), content: bytes };
}

const describe = ({ name, content }: Member): Summary =>
  name.endsWith('.trace') ? traceIn(content, name) : summarise(profileIn(content, name));

/** Bundles; the check reads every file in it. */
export const bundle: Format = {
  name: 'bundle',
  extension: 'zip',
  viewers: [],
  matches: (head) =>
    head.subarray(0, 4).toString('latin1') === 'PK\x03\x04' && /^\w[\w.-]*\.(pb\.gz|trace)/.test(head.subarray(30).toString('latin1')),
  async check(path) {
    const content = await contentOf(path);
    const files = members(content, path).map((member) => ({ ...member, summary: describe(member) }));
    const lines = files.map(({ name, summary }) => `  ${name}: ${summary.text}`);
    return {
      text: [`${plural(files.length, 'profile')}, ${inBytes(content.length)}`, ...lines].join('\n'),
      facts: { files: Object.fromEntries(files.map(({ name, content: { length } }) => [name, length])), bytes: content.length },
    };
  },
};
