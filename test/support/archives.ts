/** Tar archives, honest and hostile, made byte by byte. */

const block = 512;

/** The fields of a tar header that a test sets; the rest is as GNU tar writes it. */
export interface Entry {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly linkname: string;
  /** `ustar\x0000`, or GNU's `ustar  \0`, or '' for v7. */
  readonly magic: string;
  readonly mode: string;
  readonly uid: string;
  readonly mtime: string;
  /** The raw size field, where a number can't say it. */
  readonly sizeField: Uint8Array;
  readonly prefix: string;
  readonly checksum: string;
}

export const posix = 'ustar\x0000';
export const gnu = 'ustar  \0';

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

/** A size in GNU's base-256 form; negative in two's complement. */
export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  for (let at = 11, rest = BigInt.asUintN(96, value); at >= 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = (field[0] as number) | 0x80;
  return field;
}

/** One header block. */
export function header(entry: Partial<Entry> & { readonly name: string }): Buffer {
  const bytes = Buffer.alloc(block);
  bytes.write(entry.name, 0, 100, 'utf8');
  bytes.write(entry.mode ?? octal(0o644, 8), 100, 'latin1');
  bytes.write(entry.uid ?? octal(1000, 8), 108, 'latin1');
  bytes.write(octal(1000, 8), 116, 'latin1');
  bytes.set(entry.sizeField ?? Buffer.from(octal(entry.size ?? 0, 12), 'latin1'), 124);
  bytes.write(entry.mtime ?? octal(1_700_000_000, 12), 136, 'latin1');
  bytes.write(entry.type ?? '0', 156, 'latin1');
  bytes.write(entry.linkname ?? '', 157, 100, 'utf8');
  bytes.write(entry.magic ?? gnu, 257, 'latin1');
  bytes.write(entry.prefix ?? '', 345, 155, 'utf8');
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(entry.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** Zeros up to the next multiple of `unit`. */
export const padding = (length: number, unit = block): Buffer => Buffer.alloc((unit - (length % unit)) % unit);

/** A header and its content, padded. */
export const entry = (content: Uint8Array, fields: Partial<Entry> & { readonly name: string }): Buffer =>
  Buffer.concat([header({ size: content.length, ...fields }), content, padding(content.length)]);

export const zeros = (blocks: number): Buffer => Buffer.alloc(blocks * block);

/** Closes an archive: two blocks of zeros, and zeros up to the record that tar writes (10 240 bytes). */
export const close = (...parts: readonly Uint8Array[]): Buffer => {
  const whole = Buffer.concat([...parts, zeros(2)]);
  return Buffer.concat([whole, padding(whole.length, 20 * block)]);
};

/** A whole archive of one file, as GNU tar makes it. */
export const archive = (name: string, content: Uint8Array, fields: Partial<Entry> = {}): Buffer =>
  close(entry(content, { name, ...fields }));
