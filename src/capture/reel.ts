/** A capture in several files, one after another, of which the newest are kept. */
import { unlink } from 'node:fs/promises';
import { type Destination, numbered, publish, removeNumbered } from '../artifact.ts';
import type { Captured } from './file.ts';
import { createTape, type Tape } from './tape.ts';

/** How the files follow each other. */
export interface Rotation {
  /** Of a file; what comes in one piece is never divided. */
  readonly bytes: number;
  /** Undefined: all. */
  readonly keep: number | undefined;
}

/** What a reel is made with. */
export interface Winding extends Rotation {
  readonly force: boolean;
  /** How each file begins that is not the first. */
  readonly head: () => Buffer;
  /** What is done to each file once it is whole. */
  readonly seal: (path: string, captured: Captured) => Promise<Captured>;
  /** Hears of each file before it is written. */
  readonly onBegin: (destination: Destination) => void;
}

/** The file that is written. */
interface Current {
  readonly destination: Destination;
  readonly tape: Tape;
}

/** Writes files beside where the one would be; with force, files of that name are gone before. Throws a KprofError `disk`. */
export async function createReel({ final, ours = false }: Destination, winding: Winding): Promise<Tape> {
  const { bytes: most, keep, force, head, seal, onBegin } = winding;
  let number = 0;
  let bytes = 0;
  const paths: string[] = [];
  const begin = async (): Promise<Current> => {
    number += 1;
    const name = numbered(final, number);
    const destination = { final: name, partial: `${name}.${process.pid}.partial`, ours };
    const tape = await createTape(destination.partial);
    onBegin(destination);
    return { destination, tape };
  };
  const end = async ({ destination, tape }: Current): Promise<Captured> => {
    const captured = await seal(destination.partial, await tape.close(true));
    paths.push(await publish(destination, { force }));
    while (keep !== undefined && paths.length > keep) await unlink(paths.shift() as string).catch(() => {}); // somebody took it away
    return captured;
  };
  if (force && !ours) await removeNumbered(final);
  let current = await begin();
  // Packets do not wait for the disk to have the file before: that is the time in which the kernel drops them.
  let ending: Promise<unknown> = Promise.resolve();
  const turn = async (): Promise<void> => {
    await ending;
    const last = current;
    current = await begin();
    ending = end(last);
    ending.catch(() => {}); // told at the next turn, or at the end
    await current.tape.write(head());
  };

  return {
    get bytes() {
      return bytes;
    },
    paths,
    async write(pieces, isTail = false) {
      if (pieces.length === 0) return;
      if (!isTail && current.tape.bytes > 0 && current.tape.bytes + pieces.length > most) await turn();
      await current.tape.write(pieces);
      bytes += pieces.length;
    },
    // Each file is of use by itself: what there is gets its name, however it ends.
    async close(isWanted) {
      await Promise.allSettled([ending]);
      const captured = await (isWanted || current.tape.bytes > 0 ? end(current) : current.tape.close(false));
      await ending;
      return captured;
    },
  };
}
