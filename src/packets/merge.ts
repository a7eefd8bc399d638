/** Several files of packets as one pcapng, in the order of time, with an interface for each link of each file. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { interfaceBlock, packetLength, secrets, section, statistics, writePacket } from './encode.ts';
import type { Counted, Link } from './packet.ts';
import { createReader } from './reader.ts';
import { application } from './writer.ts';

/** A file, and what its interfaces are called in the one that is made. */
export interface Source {
  readonly path: string;
  readonly name: string;
  /** What is said of it where it says nothing itself. */
  readonly comment: string;
}

interface Packet {
  readonly link: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly length: number;
  readonly data: Buffer;
}

/** One file as it is read: what it told so far, and the packet that is next. */
interface Head {
  readonly source: Source;
  readonly told: Told;
  readonly packets: AsyncGenerator<Packet, void>;
  next: Packet | undefined;
}

interface Told {
  readonly links: Link[];
  readonly counted: Map<number, Counted>;
  readonly comments: string[];
}

const isBefore = (a: Packet, b: Packet): boolean => a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);

// Several processors take packets at a time, so that neighbours in a file may have changed places.
const outOfOrder = 256;

/** The packets of a file, the earliest first, where they are out of order by no more than `outOfOrder` places. */
async function* inOrder(path: string, { links, counted, comments }: Told, keys: (keys: Buffer) => void): AsyncGenerator<Packet, void> {
  const waiting: Packet[] = [];
  const insert = (packet: Packet): void => {
    let at = waiting.length;
    while (at > 0 && isBefore(packet, waiting[at - 1] as Packet)) at -= 1;
    waiting.splice(at, 0, packet);
  };
  const reader = createReader(
    {
      link: (link) => void links.push(link),
      packet: (link, seconds = 0, nanos, length, data) => insert({ link, seconds, nanos, length, data: Buffer.from(data) }),
      counted: (link, counts) => void counted.set(link, counts),
      comment: (text) => void comments.push(text),
      secrets: keys,
    },
    path,
  );
  for await (const chunk of createReadStream(path)) {
    reader.take(chunk as Buffer);
    if (waiting.length > outOfOrder) yield* waiting.splice(0, waiting.length - outOfOrder);
  }
  reader.end();
  yield* waiting;
}

async function advance(head: Head): Promise<void> {
  const { value, done } = await head.packets.next();
  head.next = done ? undefined : (value as Packet);
}

const batch = 1 << 18;

/** Gives the merged file to `write`, piece by piece, with all that the files tell. Throws a KprofError `incomplete` where one of them is not whole. */
export async function merge(sources: readonly Source[], write: (bytes: Buffer) => Promise<void>): Promise<void> {
  let waiting: Buffer[] = [];
  const known = new Set<string>();
  // Of pods that were captured with the same file of secrets once.
  const addKeys = (keys: Buffer): void => {
    const digest = createHash('sha256').update(keys).digest('hex');
    if (known.has(digest)) return;
    known.add(digest);
    waiting.push(secrets(Buffer.from(keys)));
  };
  const heads = sources.map((source): Head => {
    const told = { links: [], counted: new Map(), comments: [] };
    return { source, told, packets: inOrder(source.path, told, addKeys), next: undefined };
  });
  for (const head of heads) await advance(head);
  const comments = heads.map(({ source, told }) => told.comments.join('; ') || source.comment);
  let pieces: Buffer[] = [section({ comment: comments.join('\n'), application })];
  let held = 0;
  const { numberOf, numbered } = numbering((block) => void pieces.push(block));
  for (const head of heads) for (const link of head.told.links.keys()) numberOf(head, link);
  for (;;) {
    const head = earliest(heads);
    pieces.push(...waiting);
    waiting = [];
    if (head === undefined) break;
    const packet = head.next as Packet;
    const block = Buffer.alloc(packetLength(packet.data.length));
    const link = numberOf(head, packet.link);
    writePacket(block, 0, { ...packet, link });
    pieces.push(block);
    held += block.length;
    if (held > batch) {
      await write(Buffer.concat(pieces));
      [pieces, held] = [[], 0];
    }
    await advance(head);
  }
  for (const { told, link, number } of numbered()) {
    const counts = told.counted.get(link);
    if (counts !== undefined) pieces.push(statistics(number, counts));
  }
  await write(Buffer.concat(pieces));
}

const earliest = (heads: readonly Head[]): Head | undefined =>
  heads.reduce<Head | undefined>(
    (best, head) => (head.next !== undefined && (best?.next === undefined || isBefore(head.next, best.next)) ? head : best),
    undefined,
  );

/** Gives the links of all files numbers in the merged one, which tells of each before it is used. */
function numbering(add: (block: Buffer) => void) {
  const numbers = new Map<Head, Map<number, number>>();
  let count = 0;
  return {
    numberOf(head: Head, link: number): number {
      const own = numbers.get(head) ?? new Map<number, number>();
      numbers.set(head, own);
      const known = own.get(link);
      if (known !== undefined) return known;
      const { name, description, ...rest } = head.told.links[link] as Link;
      const from = [name, description].filter((each) => each !== undefined && each !== '');
      add(interfaceBlock({ ...rest, name: head.source.name, description: from.join(' of ') }));
      own.set(link, count);
      return count++;
    },
    numbered: () => [...numbers].flatMap(([{ told }, own]) => [...own].map(([link, number]) => ({ told, link, number }))),
  };
}
