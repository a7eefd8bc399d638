/** JFR recordings that have headers and nothing else. */

/** What a test sets of a chunk. */
export interface ChunkFields {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly duration: number;
  readonly metadata: bigint;
  readonly constants: bigint;
  /** The size that the header tells, where it is not the real one. */
  readonly told: bigint;
}

/** One chunk, as JDK 17 writes it. */
export function chunk(fields: Partial<ChunkFields> = {}): Buffer {
  const { size = 200, start = Date.UTC(2026, 10, 21, 7, 15, 2), duration = 5000 } = fields;
  const bytes = Buffer.alloc(size, 0xee);
  bytes.write('FLR\0', 0, 'latin1');
  bytes.writeUInt16BE(2, 4);
  bytes.writeUInt16BE(1, 6);
  bytes.writeBigInt64BE(fields.told ?? BigInt(size), 8);
  bytes.writeBigInt64BE(fields.constants ?? 150n, 16);
  bytes.writeBigInt64BE(fields.metadata ?? 80n, 24);
  bytes.writeBigInt64BE(BigInt(start) * 1_000_000n, 32);
  bytes.writeBigInt64BE(BigInt(duration) * 1_000_000n, 40);
  return bytes;
}
