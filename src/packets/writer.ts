/** Both kinds of file, as kprof writes them. */
import type { Provenance } from '../formats/format.ts';
import type { Tallied } from '../toolkit.ts';
import { version } from '../version.ts';
import { interfaceBlock, packetLength, section, statistics, writePacket } from './encode.ts';
import type { Link } from './packet.ts';

/** How one kind of file is written. */
export interface Writer {
  head(link: Link): Buffer;
  /** Bytes that a packet takes. */
  packetLength(captured: number): number;
  packet(bytes: Buffer, at: number, packet: { link: number; seconds: number; nanos: number; length: number; data: Buffer }): void;
  tail(tallied: Tallied | undefined): Buffer;
  /** It has a place for TLS secrets. */
  readonly hasSecrets?: boolean;
}

/** What wrote it. */
export const application = `kprof ${version}`;

/** What a file tells of where its packets are from. */
export const comment = ({ namespace, pod, container, command }: Provenance): string =>
  `pod ${namespace}/${pod}, container ${container}: ${command}`;

/** pcapng, which tells what was captured where. */
export const pcapngWriter = (provenance: Provenance): Writer => ({
  head: (link) =>
    Buffer.concat([
      section({ comment: comment(provenance), application }),
      interfaceBlock({
        ...link,
        name: provenance.link,
        description: `${provenance.namespace}/${provenance.pod}`,
        filter: provenance.filter,
      }),
    ]),
  hasSecrets: true,
  packetLength,
  packet: writePacket,
  tail: (tallied) => (tallied === undefined ? Buffer.alloc(0) : statistics(0, tallied)),
});

/** The classic file, in nanoseconds. */
export const pcapWriter: Writer = {
  head({ type, snapLength }) {
    const bytes = Buffer.alloc(24);
    bytes.writeUInt32LE(0xa1b23c4d, 0);
    bytes.writeUInt16LE(2, 4);
    bytes.writeUInt16LE(4, 6);
    bytes.writeUInt32LE(snapLength, 16);
    bytes.writeUInt32LE(type, 20);
    return bytes;
  },
  packetLength: (captured) => 16 + captured,
  packet(bytes, at, { seconds, nanos, length, data }) {
    bytes.writeUInt32LE(seconds, at);
    bytes.writeUInt32LE(nanos, at + 4);
    bytes.writeUInt32LE(data.length, at + 8);
    bytes.writeUInt32LE(length, at + 12);
    data.copy(bytes, at + 16);
  },
  tail: () => Buffer.alloc(0),
};
