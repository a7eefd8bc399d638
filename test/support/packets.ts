/** Packets and files of them, made by hand: of either kind, byte order and unit of time. */

/** A packet in a file. */
export interface Made {
  readonly seconds: number;
  readonly nanos: number;
  readonly data: Buffer;
  /** On the wire, where less was kept. */
  readonly length?: number;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** An address of IPv4 or IPv6, the latter with all its groups. */
const addressBytes = (address: string): Buffer =>
  address.includes(':') ? hex(address.split(':').map((group) => group.padStart(4, '0')).join('')) : Buffer.from(address.split('.').map(Number)); // biome-ignore format: one line

/** IP around what it carries, without checksums. */
export function ip(from: string, to: string, protocol: number, payload: Buffer): Buffer {
  const addresses = Buffer.concat([addressBytes(from), addressBytes(to)]);
  if (addresses.length === 32) {
    const header = hex('60000000 0000 00 40');
    header.writeUInt16BE(payload.length, 4);
    header[6] = protocol;
    return Buffer.concat([header, addresses, payload]);
  }
  const header = hex('4500 0000 0000 0000 40 00 0000');
  header.writeUInt16BE(20 + payload.length, 2);
  header[9] = protocol;
  return Buffer.concat([header, addresses, payload]);
}

export const flags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** A segment of TCP. */
export function tcp(from: number, to: number, sequence: number, bits: number, payload: string | Buffer = ''): Buffer {
  const header = hex('0000 0000 00000000 00000000 5000 ffff 0000 0000');
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt32BE(sequence >>> 0, 4);
  header[13] = bits;
  return Buffer.concat([header, typeof payload === 'string' ? Buffer.from(payload) : payload]);
}

export function udp(from: number, to: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** An answer of a DNS server, without records. */
export function dns(name: string, code: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  return Buffer.concat([hex('0001 8180 0001 0000 0000 0000').fill(0x80 | code, 3, 4), ...labels, hex('00 0001 0001')]);
}

const isV6 = (packet: Buffer): boolean => (packet[0] as number) >> 4 === 6;
const ethertype = (packet: Buffer): Buffer => (isV6(packet) ? hex('86dd') : hex('0800'));

/** A packet of IP as each kind of link has it, by its number. */
export const links: Readonly<Record<number, (packet: Buffer) => Buffer>> = {
  1: (packet) => Buffer.concat([hex('020000000001 020000000002'), ethertype(packet), packet]),
  101: (packet) => packet,
  113: (packet) => Buffer.concat([hex('0000 0001 0006 020000000001 0000'), ethertype(packet), packet]),
  276: (packet) => Buffer.concat([ethertype(packet), hex('0000 00000002 0001 00 06 020000000001 0000'), packet]),
};

/** How a file is made. */
export interface Shape {
  /** Options of the interface of pcapng, as hex. */
  readonly options?: string;
  readonly little?: boolean;
  readonly nano?: boolean;
  readonly link?: number;
}

function numbers(little: boolean, ...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      if (little) field.writeUIntLE(value >>> 0, 0, bytes);
      else field.writeUIntBE(value >>> 0, 0, bytes);
      return field;
    }),
  );
}

/** The classic file. */
export function pcapFile(packets: readonly Made[], { little = true, nano = false, link = 1 }: Shape = {}): Buffer {
  const magic = nano ? 0xa1b23c4d : 0xa1b2c3d4;
  return Buffer.concat([
    numbers(little, [4, magic], [2, 2], [2, 4], [4, 0], [4, 0], [4, 262_144], [4, link]),
    ...packets.flatMap(({ seconds, nanos, data, length = data.length }) => [
      numbers(little, [4, seconds], [4, nano ? nanos : Math.floor(nanos / 1000)], [4, data.length], [4, length]),
      data,
    ]),
  ]);
}

/** A block of pcapng. */
export function block(little: boolean, type: number, body: Buffer): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
  const length = 12 + padded.length;
  return Buffer.concat([numbers(little, [4, type], [4, length]), padded, numbers(little, [4, length])]);
}

/** The newer file, with a block in between that nobody knows. */
export function pcapngFile(packets: readonly Made[], { little = true, nano = false, link = 1, options = '' }: Shape = {}): Buffer {
  const unit = nano ? `${numbers(little, [2, 9], [2, 1]).toString('latin1')}\x09\0\0\0\0\0\0\0` : '';
  return Buffer.concat([
    block(little, 0x0a0d0d0a, numbers(little, [4, 0x1a2b3c4d], [2, 1], [2, 0], [4, -1], [4, -1])),
    block(little, 1, Buffer.concat([numbers(little, [2, link], [2, 0], [4, 0]), Buffer.from(unit, 'latin1'), hex(options)])),
    block(little, 0x0bad, Buffer.from('what others say')),
    ...packets.map(({ seconds, nanos, data, length = data.length }) => {
      const time = BigInt(seconds) * (nano ? 1_000_000_000n : 1_000_000n) + BigInt(nano ? nanos : Math.floor(nanos / 1000));
      const stamp = [[4, Number(time >> 32n)], [4, Number(time & 0xffffffffn)]] as const; // biome-ignore format: one line
      return block(little, 6, Buffer.concat([numbers(little, [4, 0], ...stamp, [4, data.length], [4, length]), data]));
    }),
  ]);
}
