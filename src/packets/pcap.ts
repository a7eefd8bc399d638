/** The classic file of libpcap: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
import { Broken, type Grammar, longestPacket } from './grammar.ts';
import type { PacketSink } from './packet.ts';

const microseconds = 0xa1b2c3d4;
const nanoseconds = 0xa1b23c4d;
const headerLength = 24;
const recordHeader = 16;

/** Of bytes that begin a file: at least four. */
export const isPcap = (bytes: Buffer): boolean =>
  [bytes.readUInt32LE(0), bytes.readUInt32BE(0)].some((magic) => magic === microseconds || magic === nanoseconds);

/** Reads what is behind the magic number, which tells the byte order and the unit of time. */
export function pcapGrammar(sink: PacketSink): Grammar {
  let header = true;
  let little = true;
  let unit = 1;
  const word = (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));

  function readHeader(bytes: Buffer, at: number): void {
    const magic = bytes.readUInt32LE(at);
    little = magic === microseconds || magic === nanoseconds;
    unit = word(bytes, at) === nanoseconds ? 1 : 1000;
    // The upper half tells of checksums at the end of frames.
    sink.link?.({ type: word(bytes, at + 20) & 0xffff, snapLength: word(bytes, at + 16), name: undefined });
    header = false;
  }
  function captured(bytes: Buffer, at: number): number {
    const length = word(bytes, at + 8);
    if (length > longestPacket) throw new Broken(`a packet in it would have ${length} bytes`);
    return length;
  }
  return {
    needs: (bytes, at, there) => (header ? headerLength : there < recordHeader ? recordHeader : recordHeader + captured(bytes, at)),
    read(bytes, at) {
      if (header) {
        readHeader(bytes, at);
        return headerLength;
      }
      const length = captured(bytes, at);
      const data = bytes.subarray(at + recordHeader, at + recordHeader + length);
      sink.packet(0, word(bytes, at), word(bytes, at + 4) * unit, word(bytes, at + 12), data);
      return recordHeader + length;
    },
  };
}
