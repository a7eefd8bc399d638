/** The file inside the archive: unpacked, hashed and written as it comes. */
import { createHash } from 'node:crypto';
import { KprofError } from '../errors.ts';
import type { PartialFile } from './partial.ts';
import { createTarReader, type Expected } from './tar.ts';

/** Bytes on their way from the pod. */
export interface Stage {
  /** Takes the bytes; a promise holds the sender back. Throws when they can't be right. */
  take(bytes: Uint8Array): void | Promise<void>;
  /** Whether all came and agrees, so that the sender may leave. Throws when it does not agree. */
  whole(): boolean;
  /** Says that no more bytes come; settles when all were handed on, and rejects when something lacks. */
  end(): Promise<void>;
  /** Gives up and lets go of whoever is held back. */
  stop(): void;
}

/** What is told beside `take`. */
export interface StageEvents {
  readonly whole: () => void;
  readonly failed: (error: unknown) => void;
}

/** The file inside the archive. */
export interface Content {
  take(bytes: Uint8Array): void | Promise<void>;
  /** Throws when the archive is not whole. */
  finish(): void;
  /** Whether the archive's end was seen. */
  ended(): boolean;
  /** Size in bytes; 0 until it is known. */
  size(): number;
  /** Hex digest of what was taken; ask only when no more comes. */
  sha256(): string;
}

/** How far it is: bytes of the file, and its size once that is known. */
export type OnProgress = (bytes: number, total: number | undefined) => void;

/** Unpacks an archive of one file into `file`. `room` is what the disk has left, in bytes. */
export function createContent(file: PartialFile, room: number, expected: Expected, onProgress: OnProgress): Content {
  const archive = createTarReader(expected);
  const hash = createHash('sha256');
  let digest: string | undefined;
  let taken = 0;

  return {
    take(bytes) {
      const content = archive.take(bytes);
      const size = archive.size();
      if (size !== undefined && size > room) throw new KprofError('disk', `the file has ${size} bytes and the disk has room for ${room}`);
      if (content.length === 0) return undefined;
      hash.update(content);
      taken += content.length;
      onProgress(taken, size);
      return file.write(content);
    },
    finish: archive.finish,
    ended: archive.ended,
    size: () => archive.size() ?? 0,
    sha256: () => (digest ??= hash.digest('hex')),
  };
}
