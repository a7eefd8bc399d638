/** Writes pcapng, of the one kind that kprof makes: little endian, time in nanoseconds. */
import type { Counted, Link } from './packet.ts';
import { blocks, byteOrder, options, tlsKeys } from './pcapng.ts';

const padded = (length: number): number => length + (-length & 3);

const longestOption = 65_535;

function option(number: number, value: Buffer): Buffer {
  const kept = value.subarray(0, longestOption);
  const bytes = Buffer.alloc(4 + padded(kept.length));
  bytes.writeUInt16LE(number, 0);
  bytes.writeUInt16LE(kept.length, 2);
  kept.copy(bytes, 4);
  return bytes;
}

const texts = (entries: readonly (readonly [number, string | undefined])[]): readonly Buffer[] =>
  entries.flatMap(([number, text]) => (text === undefined || text === '' ? [] : [option(number, Buffer.from(text))]));

function block(type: number, body: Buffer, opts: readonly Buffer[]): Buffer {
  const content = Buffer.concat([body, ...opts, ...(opts.length === 0 ? [] : [Buffer.alloc(4)])]);
  const bytes = Buffer.alloc(12 + padded(content.length));
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  content.copy(bytes, 8);
  bytes.writeUInt32LE(bytes.length, bytes.length - 4);
  return bytes;
}

/** What a file begins with. `comment` is of the whole capture. */
export function section({ comment, application }: { readonly comment?: string | undefined; readonly application: string }): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(byteOrder, 0);
  body.writeUInt16LE(1, 4);
  body.writeBigInt64LE(-1n, 8); // of unknown length
  return block(blocks.section, body, texts([[options.comment, comment], [options.application, application]])); // biome-ignore format: one line
}

/** An interface, of which packets follow. */
export function interfaceBlock(link: Link): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(link.type, 0);
  body.writeUInt32LE(link.snapLength, 4);
  const filter = link.filter === undefined || link.filter === '' ? [] : [option(options.filter, Buffer.from(`\0${link.filter}`))];
  const named = texts([
    [options.name, link.name],
    [options.description, link.description],
  ]);
  return block(blocks.interface, body, [...named, option(options.unit, Buffer.of(9)), ...filter]);
}

/** TLS secrets, in the format of SSLKEYLOGFILE. They must stand before the packets that they are for. */
export function secrets(keys: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(tlsKeys, 0);
  head.writeUInt32LE(keys.length, 4);
  return block(blocks.secrets, Buffer.concat([head, keys]), []);
}

function time(bytes: Buffer, at: number, seconds: number, nanos: number): void {
  const all = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  bytes.writeUInt32LE(Number(BigInt.asUintN(32, all >> 32n)), at);
  bytes.writeUInt32LE(Number(BigInt.asUintN(32, all)), at + 4);
}

/** What the kernel counted for an interface until now. */
export function statistics(link: number, { received, dropped, at = Date.now() }: Counted): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32LE(link, 0);
  const millis = Math.round(at);
  time(body, 4, Math.floor(millis / 1000), (millis % 1000) * 1_000_000);
  const counts = [
    [options.received, received],
    [options.dropped, dropped],
  ] as const;
  const opts = counts.flatMap(([number, count]) => {
    if (count === undefined) return [];
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(BigInt(count));
    return [option(number, value)];
  });
  return block(blocks.statistics, body, opts);
}

/** Bytes that the block of a packet takes. */
export const packetLength = (captured: number): number => 32 + padded(captured);

/** Writes the block of a packet into zeroed bytes. */
export function writePacket(
  bytes: Buffer,
  at: number,
  { link, seconds, nanos, length, data }: { link: number; seconds: number; nanos: number; length: number; data: Buffer },
): void {
  const size = packetLength(data.length);
  bytes.writeUInt32LE(blocks.packet, at);
  bytes.writeUInt32LE(size, at + 4);
  bytes.writeUInt32LE(link, at + 8);
  time(bytes, at + 12, seconds, nanos);
  bytes.writeUInt32LE(data.length, at + 20);
  bytes.writeUInt32LE(length, at + 24);
  data.copy(bytes, at + 28);
  bytes.writeUInt32LE(size, at + size - 4);
}
