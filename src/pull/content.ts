/** The file inside the stream: unpacked, hashed and written as it comes. */
import { KprofError } from '../errors.ts';
import type { Arrival } from './arrival.ts';
import { createRestReader } from './rest.ts';
import { createTarReader, type Expected } from './tar.ts';

/** Bytes on their way from the pod. */
export interface Stage {
  /** Takes the bytes; a promise holds the sender back. Throws when they can't be right. */
  take(bytes: Uint8Array): void | Promise<void>;
  /** Whether all came and agrees, so that the sender may leave. Throws when it does not agree. */
  whole(): boolean;
  /** Says that no more bytes come; settles when all were handed on, and rejects when something lacks. */
  end(): Promise<void>;
  /** Gives up and lets go of whoever is held back; settles when nothing is handed on any more. */
  stop(): Promise<void>;
}

/** What is told beside `take`. */
export interface StageEvents {
  readonly whole: () => void;
  readonly failed: (error: unknown) => void;
  /** The stream ended well and the file in it did not: the sender probably failed, and will say why. */
  readonly short: (error: unknown) => void;
}

/** The file inside the stream. */
export interface Content {
  take(bytes: Uint8Array): void | Promise<void>;
  /** Throws when the file is not whole. */
  finish(): void;
  /** Whether the end was seen. */
  ended(): boolean;
  /** Size in bytes; undefined until it is known. */
  size(): number | undefined;
}

/** How far it is: bytes of the file, and its size once that is known. */
export type OnProgress = (bytes: number, total: number | undefined) => void;

/** What is known before the stream begins. */
export interface Beginning extends Expected {
  /** What the disk has left, in bytes. */
  readonly room: number;
  /** The file's size, when its beginning is here already; the stream is its bare rest then. */
  readonly size: number | undefined;
}

/** Unpacks an archive of one file, or the bare rest of a file, onto what is here. */
export function createContent(arrival: Arrival, beginning: Beginning, onProgress: OnProgress): Content {
  const offset = arrival.bytes();
  const reader = beginning.size === undefined ? createTarReader(beginning) : createRestReader(offset, beginning.size);

  return {
    take(bytes) {
      const content = reader.take(bytes);
      const size = reader.size();
      if (size !== undefined && size - offset > beginning.room)
        throw new KprofError('disk', `the file lacks ${size - offset} bytes and the disk has room for ${beginning.room}`);
      if (content.length === 0) return undefined;
      const taken = arrival.take(content);
      onProgress(arrival.bytes(), size);
      return taken;
    },
    finish: reader.finish,
    ended: reader.ended,
    size: reader.size,
  };
}
