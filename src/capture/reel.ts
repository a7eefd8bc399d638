/** A capture in several files, one after another, of which the newest are kept. */
import { unlink } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { type Destination, publish } from '../artifact.ts';
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
}

/** `x-00002.pcapng` for `x.pcapng`. */
export function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${String(number).padStart(5, '0')}${ext}`);
}

/** Writes files beside where the one would be. Throws a KprofError `disk`. */
export async function createReel({ final, ours = false }: Destination, winding: Winding): Promise<Tape> {
  const { bytes: most, keep, force, head, seal } = winding;
  let number = 0;
  let bytes = 0;
  const paths: string[] = [];
  const begin = async (): Promise<{ readonly destination: Destination; readonly tape: Tape }> => {
    number += 1;
    const name = numbered(final, number);
    const destination = { final: name, partial: `${name}.${process.pid}.partial`, ours };
    return { destination, tape: await createTape(destination.partial) };
  };
  const end = async (): Promise<Captured> => {
    const { destination, tape } = current;
    const captured = await seal(destination.partial, await tape.close(true));
    paths.push(await publish(destination, { force }));
    while (keep !== undefined && paths.length > keep) await unlink(paths.shift() as string).catch(() => {}); // somebody took it away
    return captured;
  };
  let current = await begin();

  return {
    get bytes() {
      return bytes;
    },
    paths,
    async write(pieces) {
      if (current.tape.bytes > 0 && current.tape.bytes + pieces.length > most) {
        await end();
        current = await begin();
        await current.tape.write(head());
      }
      await current.tape.write(pieces);
      bytes += pieces.length;
    },
    // Each file is of use by itself: what there is gets its name, however it ends.
    close: async (isWanted) => (isWanted || current.tape.bytes > 0 ? end() : current.tape.close(false)),
  };
}
