/**
 * What is inside a chunk of a JFR recording: its metadata describes every type, by which all else is read. Own reading: jfrview, the
 * one reader there is for Node, fails on recordings that are whole.
 * https://github.com/openjdk/jdk/tree/master/src/jdk.jfr/share/classes/jdk/jfr/internal/consumer (ChunkParser, MetadataReader, ParserFactory)
 */
import { Malformed } from './wire.ts';

/** A value: of a primitive, of a type with fields, or of an array; a reference is the number of a constant. */
export type Value = number | string | undefined | readonly Value[] | { readonly [field: string]: Value };

/** A field of a type. */
interface FieldType {
  readonly name: string;
  readonly type: number;
  readonly constant: boolean;
  readonly array: boolean;
}

/** A type of the metadata. */
export interface Type {
  readonly id: number;
  readonly name: string;
  readonly fields: readonly FieldType[];
}

// Types lie in each other two or three deep; those of a forged file may for ever.
const deepest = 16;

/** Reads the encodings of JFR's compressed integers. Throws Malformed at the end of the bytes. */
export class Cursor {
  at: number;
  /** Values that may still be read: a forged type can make many of few bytes. */
  private budget: number;
  readonly bytes: Buffer;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
    this.budget = 16 * bytes.length;
  }

  spend(): void {
    if (--this.budget < 0) throw new Malformed('it has more values than bytes');
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Malformed('it ends in the middle of a value');
    return byte;
  }

  /** As a double, which is exact where it matters: of sizes, numbers of constants, ticks of a process. */
  varint(): number {
    let value = 0;
    for (let [index, scale] = [0, 1]; index < 9; index++, scale *= 128) {
      const byte = this.byte();
      if (index === 8) return value + byte * scale;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  }

  count(): number {
    const count = this.varint();
    if (count > this.bytes.length) throw new Malformed('it counts more than it has');
    return count;
  }

  text(): string | undefined {
    const encoding = this.byte();
    if (encoding === 0) return undefined;
    if (encoding === 1) return '';
    if (encoding === 2) return void this.varint();
    const length = this.count();
    if (encoding === 4) return String.fromCharCode(...Array.from({ length: Math.min(length, 10_000) }, () => this.varint() & 0xffff));
    if (encoding !== 3 && encoding !== 5) throw new Malformed('a text of it is of no known encoding');
    this.at += length;
    if (this.at > this.bytes.length) throw new Malformed('it ends in the middle of a text');
    return this.bytes.toString(encoding === 3 ? 'utf8' : 'latin1', this.at - length, this.at);
  }
}

interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
}

function element(cursor: Cursor, strings: readonly string[], depth: number): Element {
  if (depth > deepest) throw new Malformed('its metadata lies too deep');
  const word = () => strings[cursor.varint()] ?? '';
  const name = word();
  const attributes = new Map(Array.from({ length: cursor.count() }, () => [word(), word()] as const));
  return { name, attributes, children: Array.from({ length: cursor.count() }, () => element(cursor, strings, depth + 1)) };
}

/** The types of a chunk, by their numbers; `at` is where its metadata begins. */
export function readTypes(chunk: Buffer, at: number): ReadonlyMap<number, Type> {
  const cursor = new Cursor(chunk, at);
  for (let head = 0; head < 5; head++) cursor.varint(); // size, type, start, duration, number
  const strings = Array.from({ length: cursor.count() }, () => cursor.text() ?? '');
  const found = element(cursor, strings, 0).children.find(({ name }) => name === 'metadata');
  const classes = (found?.children ?? []).filter(({ name }) => name === 'class');
  return new Map(
    classes.map(({ attributes, children }) => {
      const id = Number(attributes.get('id'));
      const fields = children.filter(({ name }) => name === 'field').map(({ attributes: of }) => fieldOf(of));
      return [id, { id, name: attributes.get('name') ?? '', fields }] as const;
    }),
  );
}

const fieldOf = (attributes: ReadonlyMap<string, string>): FieldType => ({
  name: attributes.get('name') ?? '',
  type: Number(attributes.get('class')),
  constant: attributes.get('constantPool') === 'true',
  array: attributes.get('dimension') === '1',
});

/** Reads a value of a type. */
export function readValue(cursor: Cursor, types: ReadonlyMap<number, Type>, id: number, depth = 0): Value {
  cursor.spend();
  const type = types.get(id);
  if (type === undefined || depth > deepest) throw new Malformed('it has a value of no known type');
  switch (type.name) {
    case 'boolean':
    case 'byte':
      return cursor.byte();
    case 'char':
    case 'short':
    case 'int':
    case 'long':
      return cursor.varint();
    case 'float':
      cursor.at += 4;
      return undefined;
    case 'double':
      cursor.at += 8;
      return undefined;
    case 'java.lang.String':
      return cursor.text();
    default:
      return Object.fromEntries(type.fields.map((field) => [field.name, readField(cursor, types, field, depth)]));
  }
}

function readField(cursor: Cursor, types: ReadonlyMap<number, Type>, { type, constant, array }: FieldType, depth: number): Value {
  const one = () => (constant ? cursor.varint() : readValue(cursor, types, type, depth + 1));
  return array ? Array.from({ length: cursor.count() }, one) : one();
}
