/** Small heap dumps in HotSpot's binary format. */

const u = (bytes: 1 | 2 | 4 | 8, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigUInt64BE(BigInt(value));
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

/** One of the file's records. */
export const record = (tag: number, ...body: readonly Buffer[]): Buffer => {
  const all = Buffer.concat(body);
  return Buffer.concat([u(1, tag), u(4, 0), u(4, all.length), all]);
};

/** What the dump is of; IDs are numbers of a test's choice. */
export interface DumpOptions {
  readonly idSize?: 4 | 8;
  readonly title?: string;
  /** Instances of the class `App$Known`, with one int each. */
  readonly known?: number;
  /** So many of a class of that name by another class loader. */
  readonly other?: number;
  readonly end?: boolean;
  /** More of them, inside the segment. */
  readonly objects?: (id: (value: number) => Buffer) => readonly Buffer[];
}

/** A dump with `known` objects, an array of three of them, and an array of five bytes. */
export function heapDump({
  idSize = 8,
  title = 'JAVA PROFILE 1.0.2',
  known = 3,
  other = 0,
  end = true,
  objects = () => [],
}: DumpOptions = {}): Buffer {
  const id = (value: number) => u(idSize, value);
  const text = (number: number, content: string) => record(0x01, id(number), Buffer.from(content));
  const load = (type: number, name: number) => record(0x02, u(4, 1), id(type), u(4, 0), id(name));
  const type = (self: number, size: number, fields: readonly Buffer[]) =>
    Buffer.concat([
      u(1, 0x20),
      id(self),
      u(4, 0),
      ...Array.from({ length: 6 }, () => id(0)),
      u(4, size),
      u(2, 0),
      u(2, 0),
      u(2, fields.length),
      ...fields,
    ]);
  const instance = (self: number, of = 1000) => Buffer.concat([u(1, 0x21), id(self), u(4, 0), id(of), u(4, 4), u(4, 42)]);
  return Buffer.concat([
    Buffer.from(`${title}\0`),
    u(4, idSize),
    u(8, Date.UTC(2026, 10, 21)),
    text(1, 'App$Known'),
    text(2, '[LApp$Known;'),
    text(3, 'number'),
    load(1000, 1),
    load(1001, 2),
    ...(other > 0 ? [load(1002, 1)] : []),
    record(0x05, u(4, 1), u(4, 0), u(4, 0)),
    record(
      0x1c,
      Buffer.concat([u(1, 0x01), id(7), id(8)]),
      type(1000, 4, [Buffer.concat([id(3), u(1, 10)])]),
      type(1001, 0, []),
      ...(other > 0 ? [type(1002, 4, [Buffer.concat([id(3), u(1, 10)])])] : []),
      ...Array.from({ length: other }, (_, index) => instance(4000 + index, 1002)),
      Buffer.concat(Array.from({ length: known }, (_, index) => instance(2000 + index))),
      Buffer.concat([u(1, 0x22), id(3000), u(4, 0), u(4, 3), id(1001), id(2000), id(2001), id(2002)]),
      Buffer.concat([u(1, 0x23), id(3001), u(4, 0), u(4, 5), u(1, 8), Buffer.from('hello')]),
      ...objects(id),
    ),
    ...(end ? [record(0x2c)] : []),
  ]);
}
