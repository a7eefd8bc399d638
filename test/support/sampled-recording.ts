/** A chunk of a JFR recording with method samples, as small as can be: metadata, one checkpoint, events. */

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
};
const numbers = (...values: readonly number[]): Buffer => Buffer.concat(values.map(varint));
const text = (value: string): Buffer => Buffer.concat([Buffer.of(3), varint(Buffer.byteLength(value)), Buffer.from(value)]);

/** With its length first, which counts itself. */
const event = (...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = [1, 2, 3, 4].map((head) => body.length + head).find((all) => all - body.length === varint(all).length) as number;
  return Buffer.concat([varint(length), body]);
};

interface Node {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly children?: readonly Node[];
}

const type = (id: number, name: string, ...children: readonly Node[]): Node => ({ name: 'class', attributes: { id, name }, children });
const field = (name: string, of: number, more: Readonly<Record<string, string>> = {}): Node => ({
  name: 'field',
  attributes: { name, class: of, ...more },
});
const constant = { constantPool: 'true' };
const types = {
  long: 1,
  text: 2,
  symbol: 3,
  class: 4,
  method: 5,
  frame: 6,
  trace: 7,
  sample: 8,
  boolean: 9,
  wallClock: 10,
  environment: 11,
  unknown: 12,
} as const;

const metadata: Node = {
  name: 'root',
  children: [
    {
      name: 'metadata',
      children: [
        type(types.long, 'long'),
        type(types.text, 'java.lang.String'),
        type(types.symbol, 'jdk.types.Symbol', field('string', types.text)),
        type(types.class, 'java.lang.Class', field('name', types.symbol, constant)),
        type(
          types.method,
          'jdk.types.Method',
          field('type', types.class, constant),
          field('name', types.symbol, constant),
          field('hidden', types.boolean),
        ),
        type(types.frame, 'jdk.types.StackFrame', field('method', types.method, constant)),
        type(types.trace, 'jdk.types.StackTrace', field('frames', types.frame, { dimension: '1' })),
        type(types.sample, 'jdk.ExecutionSample', field('startTime', types.long), field('stackTrace', types.trace, constant)),
        type(types.boolean, 'boolean'),
        type(types.environment, 'jdk.InitialEnvironmentVariable', field('key', types.text), field('value', types.text)),
        type(types.wallClock, 'profiler.WallClockSample', field('stackTrace', types.trace, constant), field('samples', types.long)),
      ],
    },
  ],
};

function metadataEvent(): Buffer {
  const words: string[] = [];
  const word = (value: string | number): number =>
    words.includes(String(value)) ? words.indexOf(String(value)) : words.push(String(value)) - 1;
  const write = ({ name, attributes = {}, children = [] }: Node): Buffer =>
    Buffer.concat([
      numbers(
        word(name),
        Object.keys(attributes).length,
        ...Object.entries(attributes).flatMap(([key, value]) => [word(key), word(value)]),
      ),
      varint(children.length),
      ...children.map(write),
    ]);
  const tree = write(metadata);
  return event(numbers(0, 0, 0, 1), varint(words.length), ...words.map(text), tree);
}

/** What else is in it. */
interface More {
  /** The value of an environment variable. */
  readonly secret?: string;
  /** Bytes of an event that nobody reads. */
  readonly padding?: Buffer;
}

/**
 * Samples of stacks of methods of class app.Main, the innermost first, each so many times; `LambdaForm` is hidden. By the wall
 * clock they are one event for each stack, as async-profiler writes them.
 */
export function sampled(
  samples: readonly (readonly [stack: readonly string[], count: number])[],
  clock: 'cpu' | 'wall' = 'cpu',
  { secret, padding }: More = {},
): Buffer {
  const methods = [...new Set(samples.flatMap(([stack]) => stack))];
  const pool = (id: number, ...values: readonly Buffer[]): Buffer =>
    Buffer.concat([numbers(id, values.length), ...values.map((value, at) => Buffer.concat([varint(at), value]))]);
  const eventsOf: Readonly<Record<typeof clock, (count: number, trace: number) => readonly Buffer[]>> = {
    cpu: (count, trace) => Array.from({ length: count }, () => event(numbers(types.sample, 0, trace))),
    wall: (count, trace) => [event(numbers(types.wallClock, trace, count))],
  };
  const events = [
    ...samples.flatMap(([, count], trace) => eventsOf[clock](count, trace)),
    ...(padding === undefined ? [] : [event(varint(types.unknown), padding)]),
    ...(secret === undefined ? [] : [event(varint(types.environment), text('PASSWORD'), text(secret))]),
  ];
  const checkpoint = event(
    numbers(1, 0, 0, 0),
    Buffer.of(0),
    varint(4),
    pool(types.symbol, text('app/Main'), ...methods.map(text)),
    pool(types.class, varint(0)),
    pool(types.method, ...methods.map((name, at) => numbers(0, at + 1, name === 'LambdaForm' ? 1 : 0))),
    pool(types.trace, ...samples.map(([stack]) => numbers(stack.length, ...stack.map((name) => methods.indexOf(name))))),
  );
  const tables = metadataEvent();
  const before = 68 + Buffer.concat(events).length;
  const header = Buffer.alloc(68);
  header.write('FLR\0', 'latin1');
  header.writeUInt16BE(2, 4);
  header.writeBigInt64BE(BigInt(before + checkpoint.length + tables.length), 8);
  header.writeBigInt64BE(BigInt(before), 16);
  header.writeBigInt64BE(BigInt(before + checkpoint.length), 24);
  header.writeBigInt64BE(1_000_000_000n, 56);
  return Buffer.concat([header, ...events, checkpoint, tables]);
}
