/** Protocol buffers, as bytes: https://protobuf.dev/programming-guides/encoding/ */

/** A number of up to 64 bits: a bigint only where a double can't hold it. */
export type Integer = number | bigint;

/** What is no protocol buffer, or not a whole one. */
export class Malformed extends Error {}

/** One field of a message: a number, or the bytes of a text, of a message, or of packed numbers. */
export type Field = (number: number, value: Integer | undefined, bytes: Buffer | undefined) => void;

const small = 2 ** 53;

class Reader {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  varint(): Integer {
    let low = 0;
    let scale = 1;
    for (let length = 1; length <= 7; length++, scale *= 128) {
      const byte = this.byte();
      low += (byte & 127) * scale;
      if (byte < 128) return low;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        if (value >= 2n ** 64n) break;
        return value < small ? Number(value) : value;
      }
    }
    throw new Malformed('a number in it is longer than 64 bits');
  }

  take(length: Integer): Buffer {
    if (typeof length !== 'number' || length > this.left) throw new Malformed('it ends in the middle of a field');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Malformed('it ends in the middle of a number');
    return byte;
  }
}

/** Reads the fields of a message in their order. Throws Malformed. */
export function readMessage(bytes: Buffer, field: Field): void {
  const reader = new Reader(bytes);
  while (reader.left > 0) {
    const key = reader.varint();
    if (typeof key !== 'number' || key < 8 || key >= 2 ** 32) throw new Malformed('it has a field that can not be');
    const [number, type] = [Math.floor(key / 8), key % 8];
    if (type === 0) field(number, reader.varint(), undefined);
    else if (type === 2) field(number, undefined, reader.take(reader.varint()));
    else if (type === 1) reader.take(8);
    else if (type === 5) reader.take(4);
    else throw new Malformed('it has a field of no known type');
  }
}

/** The numbers of a repeated field, packed or not, put behind those of `into`. */
export function readIntegers(into: Integer[], value: Integer | undefined, bytes: Buffer | undefined): void {
  if (value !== undefined) into.push(value);
  const reader = new Reader(bytes ?? Buffer.alloc(0));
  while (reader.left > 0) into.push(reader.varint());
}

/** The signed number of the same 64 bits; where a double can't hold it, the nearest that it can. */
export const signed = (value: Integer): number => (typeof value === 'number' ? value : Number(BigInt.asIntN(64, value)));
