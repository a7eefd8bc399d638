/** The newer file: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html */
import { Broken, type Grammar, longestPacket } from './grammar.ts';
import type { PacketSink } from './packet.ts';

/** Block types. */
export const blocks = { section: 0x0a0d0d0a, interface: 1, old: 2, simple: 3, statistics: 5, packet: 6, secrets: 10 } as const;
export const byteOrder = 0x1a2b3c4d;
/** The kind of secrets that a key log of TLS is: «TLSK». */
export const tlsKeys = 0x544c534b;
/** Numbers of options, each of its own block. */
export const options = {
  end: 0,
  comment: 1,
  application: 4,
  name: 2,
  description: 3,
  filter: 11,
  unit: 9,
  offset: 14,
  received: 4,
  dropped: 5,
};

// As in Wireshark: what is longer was never written so.
const longestBlock = 16 * 2 ** 20;
const least = 12;
/** Of a section; all of them are known at a time. */
const mostInterfaces = 65_536;

/** Of bytes that begin a file: at least four. */
export const isPcapng = (bytes: Buffer): boolean => bytes.readUInt32LE(0) === blocks.section;

/** Blocks that tell of packets. */
const told: ReadonlySet<number> = new Set([blocks.section, blocks.interface, blocks.old, blocks.simple, blocks.packet, blocks.statistics]); // biome-ignore format: one line

interface Interface {
  /** Its number in the whole file. */
  readonly link: number;
  readonly snapLength: number;
  /** Units of time in a second. */
  readonly units: bigint;
  /** Seconds to be added. */
  readonly offset: number;
}

const second = 1_000_000_000n;

/** Reads blocks; those that tell nothing of packets are passed over. */
export function pcapngGrammar(sink: PacketSink): Grammar {
  let little = true;
  let interfaces: Interface[] = [];
  let links = 0;
  const word = (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const half = (bytes: Buffer, at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const long = (bytes: Buffer, at: number): bigint => (little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));

  /** The value of an option, the last one of its number. */
  function option(bytes: Buffer, from: number, to: number, wanted: number): Buffer | undefined {
    let found: Buffer | undefined;
    for (let at = from; at + 4 <= to; ) {
      const length = half(bytes, at + 2);
      const number = half(bytes, at);
      if (number === options.end) break;
      if (at + 4 + length > to) throw new Broken('an option is longer than its block');
      if (number === wanted) found = bytes.subarray(at + 4, at + 4 + length);
      at += 4 + length + (-length & 3);
    }
    return found;
  }

  function addInterface(bytes: Buffer, at: number, end: number): void {
    if (end - at < 8) throw new Broken('an interface of it tells nothing');
    if (interfaces.length === mostInterfaces) throw new Broken(`it has more than ${mostInterfaces} interfaces`);
    const name = option(bytes, at + 8, end, options.name);
    const unit = option(bytes, at + 8, end, options.unit)?.[0] ?? 6;
    const offset = option(bytes, at + 8, end, options.offset);
    const snapLength = word(bytes, at + 4);
    const exponent = BigInt(unit & 0x7f);
    if ((unit & 0x80) === 0 && exponent > 18n) throw new Broken('an interface of it counts time in nothing that is known');
    interfaces.push({
      link: links++,
      snapLength,
      units: (unit & 0x80) === 0 ? 10n ** exponent : 2n ** (exponent > 63n ? 63n : exponent),
      offset: offset?.length === 8 ? Number(BigInt.asIntN(64, long(offset, 0))) : 0,
    });
    const filter = option(bytes, at + 8, end, options.filter);
    sink.link?.({
      type: half(bytes, at),
      snapLength,
      name: name?.toString('utf8'),
      description: option(bytes, at + 8, end, options.description)?.toString('utf8'),
      // The first byte tells the kind: 0 is a text.
      filter: filter?.[0] === 0 ? filter.toString('utf8', 1) : undefined,
    });
  }

  function interfaceOf(number: number): Interface {
    const found = interfaces[number];
    if (found === undefined) throw new Broken(`a packet in it is of interface ${number}, which it does not have`);
    return found;
  }

  function packet(of: Interface, time: bigint | undefined, length: number, bytes: Buffer, at: number, captured: number, end: number): void {
    if (captured > longestPacket) throw new Broken(`a packet in it would have ${captured} bytes`);
    if (at + captured > end) throw new Broken('a packet is longer than its block');
    const data = bytes.subarray(at, at + captured);
    const nanos = time === undefined ? 0 : Number(((time % of.units) * second) / of.units);
    sink.packet(of.link, time === undefined ? undefined : Number(time / of.units) + of.offset, nanos, length, data);
  }
  const time = (bytes: Buffer, at: number): bigint => (BigInt(word(bytes, at)) << 32n) | BigInt(word(bytes, at + 4));

  function readPacket(type: number, bytes: Buffer, at: number, end: number): void {
    if (end - at < (type === blocks.simple ? 4 : 20)) throw new Broken('a block in it is too short for a packet');
    if (type === blocks.simple) {
      const of = interfaceOf(0);
      const length = word(bytes, at);
      const captured = Math.min(length, of.snapLength === 0 ? length : of.snapLength);
      packet(of, undefined, length, bytes, at + 4, captured, end);
      return;
    }
    const number = type === blocks.old ? half(bytes, at) : word(bytes, at);
    packet(interfaceOf(number), time(bytes, at + 4), word(bytes, at + 16), bytes, at + 20, word(bytes, at + 12), end);
  }

  function readStatistics(bytes: Buffer, at: number, end: number): void {
    if (end - at < 12) throw new Broken('a block of it is too short for statistics');
    const count = (wanted: number) => {
      const value = option(bytes, at + 12, end, wanted);
      return value?.length === 8 ? Number(long(value, 0)) : undefined;
    };
    const { link, units, offset } = interfaceOf(word(bytes, at));
    const millis = Number((time(bytes, at + 4) * 1000n) / units) + offset * 1000;
    sink.counted?.(link, { received: count(options.received), dropped: count(options.dropped), at: millis });
  }

  function readSecrets(bytes: Buffer, at: number, end: number): void {
    if (end - at < 8 || word(bytes, at + 4) > end - at - 8) throw new Broken('secrets of it are longer than their block');
    if (word(bytes, at) === tlsKeys) sink.secrets?.(bytes.subarray(at + 8, at + 8 + word(bytes, at + 4)));
  }

  function beginSection(bytes: Buffer, at: number): void {
    if (![bytes.readUInt32LE(at + 8), bytes.readUInt32BE(at + 8)].includes(byteOrder)) throw new Broken('a section tells no byte order');
    little = bytes.readUInt32LE(at + 8) === byteOrder;
  }

  function readSection(bytes: Buffer, at: number, end: number): void {
    interfaces = [];
    const comment = sink.comment === undefined || end - at < 16 ? undefined : option(bytes, at + 16, end, options.comment);
    if (comment !== undefined) sink.comment?.(comment.toString('utf8'));
  }

  const isRead = (type: number): boolean => told.has(type) || (type === blocks.secrets && sink.secrets !== undefined);

  function lengthOf(bytes: Buffer, at: number): number {
    if (bytes.readUInt32LE(at) === blocks.section) beginSection(bytes, at);
    const length = word(bytes, at + 4);
    if (length < least || length % 4 !== 0 || length > longestBlock) throw new Broken(`a block in it would have ${length} bytes`);
    return length;
  }

  return {
    needs(bytes, at, there) {
      if (there < least) return least;
      const length = lengthOf(bytes, at);
      return isRead(word(bytes, at)) ? length : least;
    },
    read(bytes, at) {
      const length = lengthOf(bytes, at);
      const type = word(bytes, at);
      if (!isRead(type)) return length;
      if (word(bytes, at + length - 4) !== length) throw new Broken('a block of it ends with another length than it begins with');
      const [from, end] = [at + 8, at + length - 4];
      if (type === blocks.section) readSection(bytes, from, end);
      else if (type === blocks.secrets) readSecrets(bytes, from, end);
      else if (type === blocks.interface) addInterface(bytes, from, end);
      else if (type === blocks.statistics) readStatistics(bytes, from, end);
      else readPacket(type, bytes, from, end);
      return length;
    },
  };
}
