/** Several files of packets as one pcapng, in the order of time, with an interface for each link of each file. */
import { createReadStream } from 'node:fs';
import { interfaceBlock, packetLength, section, writePacket } from './encode.ts';
import type { Link } from './packet.ts';
import { createReader } from './reader.ts';
import { application } from './writer.ts';

/** A file, and what its interfaces are called in the one that is made. */
export interface Source {
  readonly path: string;
  readonly name: string;
}

interface Packet {
  readonly link: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly length: number;
  readonly data: Buffer;
}

/** One file as it is read: its links so far, and the packet that is next. */
interface Head {
  readonly links: Link[];
  readonly packets: AsyncGenerator<Packet, void>;
  next: Packet | undefined;
}

const isBefore = (a: Packet, b: Packet): boolean => a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);

// Several processors take packets at a time, so that neighbours in a file may have changed places.
const outOfOrder = 256;

/** The packets of a file, the earliest first, where they are out of order by no more than `outOfOrder` places. */
async function* inOrder(path: string, links: Link[]): AsyncGenerator<Packet, void> {
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

/** Gives the merged file to `write`, piece by piece. Throws a KprofError `incomplete` where one of the files is not whole. */
export async function merge(sources: readonly Source[], comment: string, write: (bytes: Buffer) => Promise<void>): Promise<void> {
  const heads = sources.map(({ path }): Head => {
    const links: Link[] = [];
    return { links, packets: inOrder(path, links), next: undefined };
  });
  for (const head of heads) await advance(head);
  const numbers = new Map<string, number>();
  let pieces: Buffer[] = [section({ comment, application })];
  let held = 0;
  /** The number of a link in the merged file, which tells of it before it is used. */
  const numberOf = (file: number, link: number): number => {
    const known = numbers.get(`${file}/${link}`);
    if (known !== undefined) return known;
    const { type, snapLength, name } = (heads[file] as Head).links[link] as Link;
    pieces.push(interfaceBlock({ type, snapLength, name: sources[file]?.name }, name === undefined ? {} : { description: name }));
    numbers.set(`${file}/${link}`, numbers.size);
    return numbers.size - 1;
  };
  for (const [file, { links }] of heads.entries()) for (const link of links.keys()) numberOf(file, link);
  for (;;) {
    const first = heads.reduce<number | undefined>((best, { next }, file) => {
      const other = best === undefined ? undefined : heads[best]?.next;
      return next !== undefined && (other === undefined || isBefore(next, other)) ? file : best;
    }, undefined);
    if (first === undefined) break;
    const head = heads[first] as Head;
    const packet = head.next as Packet;
    const number = numberOf(first, packet.link);
    const block = Buffer.alloc(packetLength(packet.data.length));
    writePacket(block, 0, { ...packet, link: number });
    pieces.push(block);
    held += block.length;
    if (held > batch) {
      await write(Buffer.concat(pieces));
      [pieces, held] = [[], 0];
    }
    await advance(head);
  }
  await write(Buffer.concat(pieces));
}
