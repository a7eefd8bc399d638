/** A window onto a file that is larger than the memory here: bytes are read in order, and what is skipped is not read at all. */
import type { FileHandle } from 'node:fs/promises';

/** The file is not what it has to be. */
export class NotWhole extends Error {}

const size = 4 * 2 ** 20;

/** Numbers are big endian, IDs as wide as the file says. */
export class Window {
  /** Where the next byte is read, in the file. */
  at = 0;
  idSize = 8;
  /** Bytes of the file. */
  readonly total: number;
  private readonly file: FileHandle;
  private readonly buffer = Buffer.allocUnsafe(size);
  private base = 0;
  private length = 0;

  constructor(file: FileHandle, total: number) {
    this.file = file;
    this.total = total;
  }

  /** Whether so many bytes can be taken without reading. */
  has(bytes: number): boolean {
    return this.at >= this.base && this.at + bytes <= this.base + this.length;
  }

  /** Makes so many bytes available, at most 4 MiB; throws NotWhole where the file ends before. */
  async fill(bytes: number): Promise<void> {
    if (this.has(bytes)) return;
    if (this.at + bytes > this.total) throw new NotWhole('it is cut short');
    const kept = this.at < this.base ? 0 : Math.max(0, this.base + this.length - this.at);
    if (kept > 0) this.buffer.copyWithin(0, this.at - this.base, this.length);
    this.base = this.at;
    this.length = kept;
    while (this.length < bytes) {
      const { bytesRead } = await this.file.read(this.buffer, this.length, size - this.length, this.base + this.length);
      if (bytesRead === 0) throw new NotWhole('it is cut short');
      this.length += bytesRead;
    }
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  u1(): number {
    return this.buffer[this.take(1)] as number;
  }

  u2(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }

  u4(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  /** Addresses are below 2^53. */
  id(): number {
    return this.idSize === 4 ? this.u4() : this.u4() * 2 ** 32 + this.u4();
  }

  text(bytes: number): string {
    const from = this.take(bytes);
    return this.buffer.toString('utf8', from, from + bytes);
  }

  /** Where they are in the buffer. */
  private take(bytes: number): number {
    if (!this.has(bytes)) throw new NotWhole('a record in it is longer than what it is in');
    this.at += bytes;
    return this.at - bytes - this.base;
  }
}
