/**
 * A reader of tar for exactly one regular file, and nothing else: whatever a general reader would interpret, this one refuses.
 * POSIX ustar and what GNU tar writes for one file: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
import { KprofError } from '../errors.ts';
import { safeLine } from '../safe.ts';
import { damage } from './fault.ts';

const block = 512;
const record = 20 * block;
const largest = Number.MAX_SAFE_INTEGER;

// Folders count for nothing here, and nobody honest sends more of them.
const deepest = 32;

/** What is expected of the archive. */
export interface Expected {
  /** The last part of the entry's name. */
  readonly name: string;
  /** The largest size that is taken, in bytes. */
  readonly maxBytes: number;
}

/** An archive while it comes in. */
export interface TarReader {
  /** The next bytes of the archive, in pieces of any size; gives those of them that are the file's. Throws a KprofError `incomplete`. */
  take(bytes: Uint8Array): Uint8Array;
  /** The file's size in bytes as the header has it; undefined until the header is there. */
  size(): number | undefined;
  /** Whether the two blocks of zeros that end an archive were seen. */
  ended(): boolean;
  /** Says that no more bytes come; throws when the archive is not whole. */
  finish(): void;
}

const broken = (reason: string): KprofError => new KprofError('incomplete', reason);

/** Text that came where something else was expected, as the end of a sentence: quoted, of one line, at most 200 characters; '' when it is no text. */
export function quoteText(bytes: Uint8Array): string {
  const printable =
    Buffer.from(bytes)
      .toString('latin1')
      .match(/^[\t\n\r\x20-\x7e\x80-\xff]+/)?.[0] ?? '';
  const text = Buffer.from(printable, 'latin1').toString('utf8').trim();
  return text.length < 4 ? '' : `: "${safeLine(text).slice(0, 200)}"`;
}

const noArchive = (bytes: Uint8Array): KprofError => broken(`what came is no tar archive${quoteText(bytes)}`);

const field = (header: Buffer, start: number, length: number): string => {
  const bytes = header.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? length : end);
};

const octal = (header: Buffer, start: number, length: number): number => {
  const text = header.toString('latin1', start, start + length);
  return /^ *[0-7]+[ \0]*$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
};

// GNU tar's form for 8 GiB and more: https://www.gnu.org/software/tar/manual/html_node/Extensions.html
const base256 = (header: Buffer, start: number, length: number): number => {
  if (header[start] !== 0x80) return Number.NaN;
  return header.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, 0);
};

const sizeOf = (header: Buffer): number => ((header[124] as number) & 0x80 ? base256(header, 124, 12) : octal(header, 124, 12));

const checksum = (header: Buffer): number => header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);

const isPosix = (header: Buffer): boolean => header.toString('latin1', 257, 265) === 'ustar\x0000';
const isGnu = (header: Buffer): boolean => header.toString('latin1', 257, 265) === 'ustar  \0';

function checkForm(header: Buffer): void {
  if (!isPosix(header) && !isGnu(header)) throw noArchive(header);
  if (octal(header, 148, 8) !== checksum(header)) throw damage("the archive's header is damaged");
}

function checkName(header: Buffer, name: string): void {
  const prefix = field(header, 345, 155);
  const full = prefix === '' ? field(header, 0, 100) : `${prefix}/${field(header, 0, 100)}`;
  const parts = full.replace(/^\.\//, '').split('/');
  const folders = parts.slice(0, -1);
  const plain = folders.length <= deepest && folders.every((folder) => !['', '.', '..'].includes(folder) && !/[\\:]/.test(folder));
  if (!plain || parts.at(-1) !== name) throw broken(`the archive has "${safeLine(full, 100)}" instead of "${safeLine(name)}"`);
}

function readHeader(header: Buffer, { name, maxBytes }: Expected): number {
  checkForm(header);
  const type = String.fromCharCode(header[156] as number);
  if (type !== '0' && type !== '\0') throw broken(`the archive has an entry of type "${safeLine(type)}" where a regular file was expected`);
  checkName(header, name);
  const size = sizeOf(header);
  if (!(size >= 0 && size <= largest)) throw broken("the archive's header has no usable size");
  if (size > maxBytes) throw broken(`the file has ${size} bytes, more than the ${maxBytes} that are taken`);
  return size;
}

const isEmpty = (header: Buffer): boolean => header.every((byte) => byte === 0);

const up = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;

/** Reads an archive of one regular file; all that follows the file must be zeros: the padding, two blocks, and at most the rest of a tar record. */
export function createTarReader(expected: Expected): TarReader {
  const header = Buffer.alloc(block);
  let at = 0;
  let size: number | undefined;

  const contentEnd = (): number => block + (size ?? 0);
  const archiveEnd = (): number => up(contentEnd(), block) + 2 * block;

  const takeHeader = (bytes: Uint8Array): number => {
    const length = Math.min(block - at, bytes.length);
    header.set(bytes.subarray(0, length), at);
    at += length;
    // A tar that found nothing closes an empty archive; its exit code and what it says tell more, and come later.
    if (at === block && !isEmpty(header)) size = readHeader(header, expected);
    return length;
  };

  const takeZeros = (bytes: Uint8Array): void => {
    const wrong = bytes.findIndex((byte) => byte !== 0);
    if (wrong >= 0)
      throw broken(at + wrong < up(contentEnd(), block) ? 'the padding of the file is damaged' : 'the archive has more than the one file');
    at += bytes.length;
    if (at > up(archiveEnd(), record)) throw broken('bytes follow the end of the archive');
  };

  return {
    take(bytes) {
      const start = at < block ? takeHeader(bytes) : 0;
      const content = bytes.subarray(start, start + Math.max(0, contentEnd() - at));
      at += content.length;
      if (start + content.length < bytes.length) takeZeros(bytes.subarray(start + content.length));
      return content;
    },
    size: () => size,
    ended: () => size !== undefined && at >= archiveEnd(),
    finish() {
      if (at === 0) throw damage('nothing came');
      if (at >= block && size === undefined) throw broken('the archive is empty');
      if (size === undefined) throw noArchive(header.subarray(0, at));
      if (at < contentEnd()) throw damage(`only ${at - block} of ${size} bytes came`);
      if (at !== archiveEnd() && at !== up(archiveEnd(), record)) throw damage('the archive has no proper end');
    },
  };
}
