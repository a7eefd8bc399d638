/** Writes profiles in the wire format, for tests that need to know what is in them. */
import { gzipSync } from 'node:zlib';

const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};

/** A field of a number, a text or a message. */
export const field = (number: number, value: number | bigint | string | Buffer): Buffer => {
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
};

/** Functions of a stack, the innermost first; those within a list are inlined into each other. */
export type Stack = readonly (string | readonly string[])[];

/** What a test's profile holds. */
export interface Content {
  readonly types?: readonly (readonly [type: string, unit: string])[];
  readonly samples: readonly (readonly [stack: Stack, ...values: number[]])[];
  readonly dropFrames?: string;
  readonly keepFrames?: string;
  readonly defaultType?: string;
  /** Fields that the writer doesn't know. */
  readonly more?: readonly Buffer[];
}

/** The bytes of a profile, not compressed. */
export function plainProfile({ types = [['cpu', 'nanoseconds']], samples, more = [], ...texts }: Content): Buffer {
  const strings = [''];
  const text = (each: string): number => (strings.includes(each) ? strings.indexOf(each) : strings.push(each) - 1);
  const functions: string[] = [];
  const fn = (name: string): number => (functions.includes(name) ? functions.indexOf(name) : functions.push(name) - 1) + 1;
  const locations: string[][] = [];
  const location = (lines: readonly string[]): number => {
    const at = locations.findIndex((each) => each.join('\n') === lines.join('\n'));
    return (at >= 0 ? at : locations.push([...lines]) - 1) + 1;
  };
  const heads = types.map(([type, unit]) => field(1, Buffer.concat([field(1, text(type)), field(2, text(unit))])));
  const bodies = samples.map(([stack, ...values]) => {
    const ids = stack.map((each) => varint(location([each].flat())));
    return field(2, Buffer.concat([field(1, Buffer.concat(ids)), field(2, Buffer.concat(values.map(varint)))]));
  });
  const places = locations.map((lines, at) =>
    field(4, Buffer.concat([field(1, at + 1), ...lines.map((name) => field(4, field(1, fn(name))))])),
  );
  const names = functions.map((name, at) => field(5, Buffer.concat([field(1, at + 1), field(2, text(name)), field(3, text(name))])));
  const options = [
    field(7, text(texts.dropFrames ?? '')),
    field(8, text(texts.keepFrames ?? '')),
    field(10, 2e9),
    field(14, text(texts.defaultType ?? '')),
  ];
  return Buffer.concat([...heads, ...bodies, ...places, ...names, ...options, ...strings.map((each) => field(6, each)), ...more]);
}

/** The same as a file has it. */
export const profile = (content: Content): Buffer => gzipSync(plainProfile(content));
