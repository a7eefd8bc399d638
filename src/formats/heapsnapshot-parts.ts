/** The parts of a heap snapshot: its head, its arrays of numbers, its strings. */

/** The file is not as V8 writes it; the message is the reason. */
export class NotWhole extends Error {}

/** Where things are in it. */
export interface Layout {
  readonly nodes: number;
  readonly edges: number;
  readonly nodeFields: number;
  readonly edgeFields: number;
  /** Columns of a node. */
  readonly type: number;
  readonly name: number;
  readonly size: number;
  /** Types of nodes by their number. */
  readonly types: readonly string[];
}

const texts = (value: unknown): readonly string[] => {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new NotWhole('its head is damaged');
};

const whole = (value: unknown): number => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new NotWhole('its head is damaged');
};

/** Of the text before the nodes: `{"snapshot":{"meta":{…},…},`. */
export function layoutOf(text: string): Layout {
  let meta: Readonly<Record<string, unknown>>;
  let counts: Readonly<Record<string, unknown>>;
  try {
    const { snapshot } = JSON.parse(`${text.replace(/,\s*$/, '')}}`) as { readonly snapshot: typeof counts };
    counts = snapshot;
    meta = snapshot['meta'] as typeof meta;
    if (typeof meta !== 'object' || meta === null) throw new TypeError();
  } catch {
    throw new NotWhole('its head is damaged');
  }
  const fields = texts(meta['node_fields']);
  const [type, name, size] = ['type', 'name', 'self_size'].map((each) => fields.indexOf(each)) as [number, number, number];
  if (Math.min(type, name, size) < 0) throw new NotWhole('its head is damaged');
  return {
    nodes: whole(counts['node_count']),
    edges: whole(counts['edge_count']),
    nodeFields: fields.length,
    edgeFields: texts(meta['edge_fields']).length,
    type,
    name,
    size,
    types: texts((meta['node_types'] as readonly unknown[] | undefined)?.[type]),
  };
}

const [quote, backslash, comma, colon, open, close, end] = ['"', '\\', ',', ':', '[', ']', '}'].map((each) => each.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

/** Reads arrays of numbers, one behind another, from inside the first one up to the beginning of the strings. */
export class NumberReader {
  done = false;
  private depth = 1;
  private value = -1;
  private key: string | undefined;
  private section: string;
  private readonly onNumber: (section: string, value: number) => void;

  constructor(first: string, onNumber: (section: string, value: number) => void) {
    this.section = first;
    this.onNumber = onNumber;
  }

  /** Gives where it ended: behind the bracket of the strings, or at the chunk's end. */
  take(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (byte >= 48 && byte <= 57 && this.depth > 0) this.value = (this.value < 0 ? 0 : this.value * 10) + byte - 48;
      else if (this.depth === 0) {
        this.between(byte);
        if (this.done) return at + 1;
      } else this.inside(byte);
    }
    return chunk.length;
  }

  private inside(byte: number): void {
    if (this.value >= 0) this.onNumber(this.section, this.value);
    this.value = -1;
    if (byte === open) this.depth += 1;
    else if (byte === close) this.depth -= 1;
    else if (byte !== comma && byte !== 45 && !isSpace(byte)) throw new NotWhole(`there is something else among its ${this.section}`);
  }

  private between(byte: number): void {
    if (this.key !== undefined && this.key.length < 100 && byte !== colon && byte !== open) {
      if (byte !== quote && !isSpace(byte)) this.key += String.fromCharCode(byte);
    } else if (byte === open && this.key !== undefined) {
      this.section = this.key;
      this.key = undefined;
      this.depth = 1;
      this.done = this.section === 'strings';
    } else if (byte === quote) this.key = '';
    else if (!isSpace(byte) && byte !== comma && byte !== colon) throw new NotWhole(`nothing follows its ${this.section}`);
  }
}

const longestName = 300;

/** Reads the strings, from inside their array to the end of the file; keeps those of these numbers. */
export class StringReader {
  readonly found = new Map<number, string>();
  private readonly wanted: ReadonlySet<number>;
  private count = 0;
  private kept: number[] | undefined;
  private within = false;
  private escaped = false;
  private closed: 'no' | 'array' | 'all' = 'no';

  constructor(wanted: ReadonlySet<number>) {
    this.wanted = wanted;
  }

  get done(): boolean {
    return this.closed === 'all';
  }

  take(chunk: Buffer, from: number): void {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (!this.within) this.outside(byte);
      else if (byte === quote && !this.escaped) this.finish();
      else {
        this.escaped = byte === backslash && !this.escaped;
        if (this.kept !== undefined && this.kept.length < longestName) this.kept.push(byte);
      }
    }
  }

  private outside(byte: number): void {
    if (isSpace(byte)) return;
    if (this.closed === 'no' && byte === quote) {
      this.within = true;
      this.kept = this.wanted.has(this.count) ? [] : undefined;
    } else if (this.closed === 'no' && byte === close) this.closed = 'array';
    else if (this.closed === 'array' && byte === end) this.closed = 'all';
    else if (this.closed !== 'no' || byte !== comma) throw new NotWhole('there is something else among its strings');
  }

  private finish(): void {
    if (this.kept !== undefined) this.found.set(this.count, textOf(this.kept));
    this.kept = undefined;
    this.within = false;
    this.count += 1;
  }
}

/** A long one is cut, perhaps in an escape. */
function textOf(bytes: readonly number[]): string {
  const text = Buffer.from(bytes).toString('utf8');
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
