/** The objects of a heap dump, counted by class: the records inside HPROF's segments. */
import { NotWhole, type Window } from './hprof-window.ts';

/** What the objects of one class take: the bytes of their fields or elements, as the dump has them. */
export interface Tally {
  instances: number;
  bytes: number;
}

/** More would be an attack on the memory here. */
const mostClasses = 2_000_000;

/** Bytes of a value by its type; 0 for a reference. */
const sizes: Readonly<Record<number, number>> = { 2: 0, 4: 1, 5: 2, 6: 4, 7: 8, 8: 1, 9: 2, 10: 4, 11: 8 };

/** Of roots: how many IDs and how many numbers of four bytes they have. */
const roots: Readonly<Record<number, readonly [ids: number, numbers: number]>> = {
  255: [1, 0],
  1: [2, 0],
  2: [1, 2],
  3: [1, 2],
  4: [1, 1],
  5: [1, 0],
  6: [1, 1],
  7: [1, 0],
  8: [1, 2],
};

/** The longest head of a record, but a class. */
const longestHead = 32;
/** A class may have 65535 constants, static fields and fields each. */
const longestClass = 2 ** 21 + 2 ** 20;

/** Takes segments in order. */
export class Objects {
  readonly classes = new Map<number, Tally>();
  /** By the number of the elements' type. */
  readonly primitives = new Map<number, Tally>();
  roots = 0;
  /** Bytes of one instance, as its class says. */
  private readonly fields = new Map<number, number>();
  /** The same, as its instances show it. */
  private readonly seen = new Map<number, number>();

  private readonly window: Window;

  constructor(window: Window) {
    this.window = window;
  }

  /** Reads the segment that ends at `end`. */
  async read(end: number): Promise<void> {
    const { window } = this;
    while (window.at < end) {
      await window.fill(Math.min(longestHead, end - window.at));
      const head = window.at;
      const tag = window.u1();
      if (tag === 0x20) {
        await window.fill(Math.min(longestClass, end - window.at));
        this.readClass();
      } else this.readRecord(tag);
      if (window.at > end) throw new NotWhole(`a record at ${head} is longer than its segment`);
    }
  }

  private readRecord(tag: number): void {
    if (tag === 0x21) this.readInstance();
    else if (tag === 0x22) this.readArray();
    else if (tag === 0x23) this.readPrimitives();
    else {
      const root = roots[tag];
      if (root === undefined) throw new NotWhole(`a record at ${this.window.at - 1} is of no kind`);
      this.roots += 1;
      this.window.skip(root[0] * this.window.idSize + root[1] * 4);
    }
  }

  private readInstance(): void {
    const { window } = this;
    window.skip(window.idSize + 4);
    const type = window.id();
    const bytes = window.u4();
    const known = this.seen.get(type);
    if (known === undefined) this.seen.set(type, bytes);
    else if (known !== bytes) throw new NotWhole('objects of one class in it are of different sizes');
    count(this.classes, type, bytes);
    window.skip(bytes);
  }

  private readArray(): void {
    const { window } = this;
    window.skip(window.idSize + 4);
    const bytes = window.u4() * window.idSize;
    count(this.classes, window.id(), bytes);
    window.skip(bytes);
  }

  private readPrimitives(): void {
    const { window } = this;
    window.skip(window.idSize + 4);
    const length = window.u4();
    const type = window.u1();
    const size = sizes[type] || undefined;
    if (size === undefined) throw new NotWhole('an array in it is of no type');
    count(this.primitives, type, length * size);
    window.skip(length * size);
  }

  private readClass(): void {
    const { window } = this;
    const type = window.id();
    window.skip(4 + 6 * window.idSize);
    this.fields.set(type, window.u4());
    if (this.fields.size > mostClasses) throw new NotWhole('it has more classes than any program');
    for (let constants = window.u2(); constants > 0; constants--) {
      window.skip(2);
      this.skipValue();
    }
    for (let statics = window.u2(); statics > 0; statics--) {
      window.skip(window.idSize);
      this.skipValue();
    }
    window.skip(window.u2() * (window.idSize + 1));
  }

  private skipValue(): void {
    const size = sizes[this.window.u1()];
    if (size === undefined) throw new NotWhole('a field in it is of no type');
    this.window.skip(size === 0 ? this.window.idSize : size);
  }

  /** Throws NotWhole where what objects show is not what their classes say. */
  check(): void {
    for (const [type, bytes] of this.seen)
      if (this.fields.get(type) !== bytes) throw new NotWhole('an object in it is not of the size that its class says, or of no class');
  }
}

function count(tallies: Map<number, Tally>, key: number, bytes: number): void {
  const tally = tallies.get(key);
  if (tally !== undefined) {
    tally.instances += 1;
    tally.bytes += bytes;
  } else if (tallies.size < mostClasses) tallies.set(key, { instances: 1, bytes });
  else throw new NotWhole('it has more classes than any program');
}
