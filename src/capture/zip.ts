/** A zip file of stored entries (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT): profiles are compressed already. */
import { crc32 } from 'node:zlib';
import type { Sink } from '../cluster.ts';

const version = 20;
// Names are UTF-8.
const flags = 0x0800;
// 1980-01-01: the times are in the files.
const date = 0x0021;

interface Entry {
  readonly name: Buffer;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

const shared = ({ name, crc, size }: Entry): Buffer => {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(version, 0);
  fields.writeUInt16LE(flags, 2);
  fields.writeUInt16LE(date, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(size, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
};

function central(entry: Entry): Buffer {
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(entry.offset, 10);
  return Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([version, 0]), shared(entry), rest, entry.name]);
}

/** Writes a zip file into `sink`, which gets it from its beginning to its end; below 4 GiB. */
export function zip(sink: Sink): { add(name: string, content: Buffer): Promise<void>; end(): Promise<void> } {
  const entries: Entry[] = [];
  let offset = 0;
  const write = async (bytes: Buffer) => {
    offset += bytes.length;
    await sink(bytes);
  };
  return {
    async add(name, content) {
      const entry = { name: Buffer.from(name), crc: crc32(content), size: content.length, offset };
      entries.push(entry);
      await write(Buffer.concat([Buffer.from('PK\x03\x04'), shared(entry), entry.name]));
      await write(content);
    },
    async end() {
      const start = offset;
      const directory = Buffer.concat(entries.map(central));
      const tail = Buffer.alloc(22);
      tail.write('PK\x05\x06', 'latin1');
      tail.writeUInt16LE(entries.length, 8);
      tail.writeUInt16LE(entries.length, 10);
      tail.writeUInt32LE(directory.length, 12);
      tail.writeUInt32LE(start, 16);
      await write(Buffer.concat([directory, tail]));
    },
  };
}
